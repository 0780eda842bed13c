"""A model's card as Markdown: what it is, what it scores, by which command, and its limits."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kws.artefact import Artefact, Manifest
from kws.decide import is_keyword
from kws.graph import Graph, flash_bytes, layer_costs, macs, ram_estimate, read_graph
from kws_train import arithmetic, clip_report, robustness, stream_report
from kws_train.data import UNKNOWN
from kws_train.judge import Judgement
from kws_train.robustness import Sweep
from kws_train.stream_judge import StreamJudgement

OFFICIAL = 4890  # clips of the official v0.02 test set, all twelve classes
WIDTH = 98


@dataclass(frozen=True)
class Archive:
    """What the training data is, from its listing.

    clips     by split
    lossy     recordings to train on that are compressed with a loss (Ogg)
    others    clips in training and validation that are not Speech Commands, by their source
    shared    speakers of the test set that are in the archive as well
    """

    clips: Mapping[str, int]
    lossy: int
    others: Mapping[str, int]
    shared: int


@dataclass(frozen=True)
class Card:
    """Everything that a card says: the model, what was measured, and how."""

    artefact: Artefact
    judged: Judgement
    folder: str
    commands: Mapping[str, str]
    sweeps: Mapping[str, Sweep] = field(default_factory=dict)
    streams: StreamJudgement | None = None
    archive: Archive | None = None
    plots: frozenset[str] = frozenset()


def markdown(card: Card) -> str:
    """The whole card."""
    manifest = card.artefact.manifest
    graph = read_graph(card.artefact.model)
    sections = (
        [f"# {manifest.name}", "", *_prose(_sentence(manifest.provenance.get("description")))],
        _summary(card, graph),
        ["## Network", "", *_network(graph)],
        ["## Training", "", *_training(card)],
        ["## Test clips", "", *_clips(card)],
        *_sweeps(card),
        ["## Streams", "", *_streams(card)],
        ["## Arithmetic", "", *_arithmetic(card)],
        ["## Limits", "", *_limits(card)],
        ["## This card", "", *_made(card)],
    )
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _summary(card: Card, graph: Graph) -> Iterator[str]:
    manifest, accuracy = card.artefact.manifest, card.judged.closed_set()
    spec = manifest.front_end
    yield "| | |"
    yield "|---|---|"
    yield f"| words | {' '.join(filter(is_keyword, manifest.labels))} |"
    if others := [label for label in manifest.labels if not is_keyword(label)]:
        yield f"| other classes, which are never detected | {' '.join(others)} |"
    yield (
        f"| accuracy over the commands as a closed set, {accuracy.total:,} test clips "
        f"(95 % interval) | **{accuracy}** |"
    )
    if (whole := card.judged.all_classes()) is not None:
        yield (
            f"| accuracy over {card.judged.classes} classes, {whole.total:,} test clips | {whole} |"
        )
    yield f"| flash: weights, biases, scales | {flash_bytes(graph):,} bytes |"
    yield f"| RAM: activations alive at once | {ram_estimate(graph):,} bytes, an estimate |"
    yield f"| multiply-accumulates an inference | {macs(graph):,} |"
    yield (
        f"| input | {spec.columns} columns of {spec.coefficients} {spec.features.upper()}, one "
        f"every {1000 * spec.hop_seconds:g} ms: {spec.samples / spec.sample_rate:.3f} s |"
    )
    decision = manifest.decision
    yield (
        f"| decision | mean of {decision.smoothing} inferences, one every {decision.hop} columns; "
        f"threshold {decision.threshold_text()}, {decision.refractory} columns from one detection "
        "to the next |"
    )


def _network(graph: Graph) -> Iterator[str]:
    yield "| layer | operator | output | weights | parameters | MACs | flash, bytes |"
    yield "|---|---|---|---|---:|---:|---:|"
    total = 0
    for node, row in zip(graph.nodes, layer_costs(graph), strict=True):
        constants = [graph.tensors[i] for i in node.inputs if i >= 0]
        weights = [t for t in constants if t.data is not None] if row.flash_bytes else []
        count = sum(t.data.size for t in weights if t.data is not None)
        total += count
        kind = "1 bit" if weights and weights[0].two_valued else ""
        kind = kind or (weights[0].dtype if weights else "")
        shape = " x ".join(map(str, row.shape[1:]))
        numbers = (f"{n:,}" if n else "" for n in (count, row.macs, row.flash_bytes))
        yield f"| {row.name} | {row.op} | {shape} | {kind} | {' | '.join(numbers)} |"
    yield f"| | | | | **{total:,}** | **{macs(graph):,}** | **{flash_bytes(graph):,}** |"


def _training(card: Card) -> Iterator[str]:
    given = card.artefact.manifest.provenance
    if command := given.get("command"):
        yield from _command(str(command))
    yield from _prose(" ".join(_data(card, given)))
    if "learning.png" in card.plots:
        yield ""
        yield "![Learning curves](learning.png)"
    if "packages" in given:
        yield ""
        packages = ", ".join(f"{name} {version}" for name, version in given["packages"].items())
        yield from _prose(f"Made with {packages}. The whole experiment stands in `manifest.json`.")


def _data(card: Card, given: Mapping[str, Any]) -> Iterator[str]:
    if "training_clips" in given:
        yield f"Trained on {given['training_clips']:,} clips of"
        yield f"{given.get('data', 'recordings that its manifest does not name')}."
    if made := given.get("synthesised_clips"):
        yield f"{made:,} more clips were spoken by the synthesisers espeak-ng and flite, for rare"
        yield "words, in training alone."
    if pieces := given.get("speech_pieces"):
        yield f"{pieces:,} pieces of running speech, which is no command, come from Debian's"
        yield "packages (`kws-data speech`): telephone prompts and the dialogues of games."
    if card.archive:
        if lossy := card.archive.lossy:
            yield f"{lossy:,} of the archive's {card.archive.clips['training']:,} recordings to"
            yield "train on are Ogg, which loses a little."
        for source, clips in card.archive.others.items():
            yield f"{clips} of the recordings are not Speech Commands but from {source}."
        yield "Background noise in training is the first 80 % of each of the archive's own noise"
        yield "recordings; the rest is heard in judging alone."
        if tracks := given.get("experiment", {}).get("augment", {}).get("tracks"):
            yield f"{tracks} tracks of noise were made of it and of drawn slopes, hums, taps and"
            yield "babble of training's other words."
    if "validation_clips" in given:
        right = f"{100 * given['validation_accuracy']:.2f} %"
        yield f"Of the {given['validation_clips']:,} validation clips {right} were right"
        yield "before export, mean over words."
    if card.archive:
        speakers = f"{n} speakers" if (n := card.archive.shared) else "No speaker"
        yield f"{speakers} of the test clips can be heard in training or validation."


def _clips(card: Card) -> Iterator[str]:
    yield from _command(card.commands["clips"])
    yield "```"
    yield from clip_report.report(card.artefact, card.judged, card.folder)
    yield "```"
    for png, what in (
        ("confusion.png", "Confusion matrix"),
        ("det.png", "False rejects against false accepts, by word"),
    ):
        if png in card.plots:
            yield f"\n![{what}]({png})"
    total = len(card.judged.words)
    if total < OFFICIAL:
        yield ""
        yield from _prose(
            f"The official test set of Speech Commands v0.02 has {OFFICIAL:,} clips, this one "
            f"{total:,}: figures of other models on all of them are not comparable clip by clip."
        )


def _sweeps(card: Card) -> Iterator[list[str]]:
    """A section a sweep: in noise, and by loudness."""
    said = {"noise": robustness.snr_lines, "loudness": robustness.loudness_lines}
    for name, sweep in card.sweeps.items():
        section = [f"## {name.capitalize()}", "", *_command(card.commands[name])]
        section += ["```", *said[name](sweep), "```"]
        if f"{name}.png" in card.plots:
            section.append(f"\n![Accuracy by {sweep.axis}]({name}.png)")
        yield section


def _streams(card: Card) -> Iterator[str]:
    if card.streams is None:
        yield "Not measured on streams."
        return
    yield from _command(card.commands["streams"])
    yield "```"
    yield from stream_report.report(card.streams)
    yield "```"
    if "streams.png" in card.plots:
        yield "\n![False rejects against false accepts per hour](streams.png)"
    yield ""
    yield from _tuned(card.artefact.manifest)


def _tuned(manifest: Manifest) -> Iterator[str]:
    tuned = manifest.provenance.get("decision")
    if not tuned:
        yield from _prose("The decision's numbers were set by hand.")
        return
    there = (
        f"There they give {100 * tuned['hit_rate']:.1f} % hits on {tuned['words']} words, "
        f"{100 * tuned['wrong_rate']:.1f} % taken for another, "
        f"{tuned['false_alarms_per_hour']:.0f} false alarms per hour"
    )
    if "target" not in tuned:  # before there was kws-tune
        yield from _prose(
            "The decision's numbers were chosen on streams of validation clips, as many of other "
            "words as of the commands, in training's noise: hits less wrong words and false "
            f"alarms. {there}."
        )
        return
    heard = ", ".join(
        f"{found['count']} in {found['hours']:.2f} h of {kind}"
        for kind, found in tuned["false_accepts"].items()
    )
    yield from _prose(
        "The decision's numbers were chosen on streams of validation clips, as many of other "
        "words as of the commands, in training's noise: the most hits less wrong words at "
        f"{tuned['target']:g} false accepts per hour of audio without any of its words. {there}; "
        f"false accepts were {heard}, where "
        f"{tuned['expected_false_accepts_per_hour']:.2f} per hour are to be expected:"
    )
    yield ""
    yield from _command(tuned["command"])


def _arithmetic(card: Card) -> Iterator[str]:
    known = card.artefact.manifest.figures.get(arithmetic.FIGURES, {})
    yield from _command(card.commands["arithmetic"])
    yield from _prose(
        "compares an interpreter's posteriors with the golden arithmetic (`kws.golden`), which is "
        "that of TensorFlow Lite Micro."
    )
    yield ""
    yield from arithmetic.table(known)


def _limits(card: Card) -> Iterator[str]:
    manifest = card.artefact.manifest
    words = sum(is_keyword(label) for label in manifest.labels)
    per_word = card.judged.per_word()
    worst = min(per_word, key=lambda word: per_word[word].value)
    if UNKNOWN in manifest.labels:
        yield from _item(
            "Other words have a class of their own, which learned from some words and from speech; "
            "words that sound like a command are still taken for it, as homophones always are."
        )
    else:
        yield from _item(
            f"There is no class for anything else: whatever is heard, the network names one of its "
            f"{words} words. Other words, and running speech most of all, are taken for them as "
            "often as the streams above show; it suits a microphone that hears little else."
        )
    yield from _item(
        f"Words are not equally sure: `{worst}` is the worst, {per_word[worst]} on the test clips."
    )
    yield from _item(
        "Clips were recorded by volunteers near their own microphones, in English, one word a "
        "clip. Distance, echo, other microphones, children and accents were not measured."
    )
    if card.streams is not None and len(card.streams.spliced) > 1:
        yield from _item(
            "The recordings of noise that words are spliced into, and part of the mixed noise, are "
            "few and short, and repeated: false accepts in them say less than their intervals, "
            "which take every moment as new."
        )
    yield from _item(
        "Streams are spliced from clips: they have no echo, no overlap, and a word begins and ends "
        "with its clip's own background."
    )


def _made(card: Card) -> Iterator[str]:
    yield from _prose(
        "Every figure above is printed by the command beside it; `data/` stands for where the "
        "recordings are. This writes the card, its plots and the manifest's figures:"
    )
    yield ""
    yield from _command(card.commands["card"])
    yield from _prose(
        "Speech Commands: Pete Warden, Google, arXiv 1804.03209, CC BY 4.0. LibriSpeech, judging "
        "alone: Panayotov, Chen, Povey, Khudanpur, CC BY 4.0. The model: Apache-2.0."
    )


def _command(line: str) -> Iterator[str]:
    yield from (f"    {line}", "")


def _prose(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _item(text: str) -> Iterator[str]:
    yield from textwrap.wrap(f"- {text}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _sentence(text: Any) -> str:
    return f"{str(text or 'A keyword spotter').rstrip('.')}."
