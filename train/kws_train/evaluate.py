"""kws-eval: how well a model recognises the words of a test set, and what it costs."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kws.artefact import Artefact
from kws.command import Parser, run
from kws.graph import Graph, flash_bytes, macs, ram_estimate, read_graph
from kws_train import plots, stream_report
from kws_train.intervals import Share
from kws_train.judge import Judgement, judge
from kws_train.noise import accuracy_in_noise, read_noises


def report(artefact: Artefact, judged: Judgement, folder: str) -> Iterator[str]:
    """Everything that is said of a model and the clips of a folder, line by line."""
    graph = read_graph(artefact.model)
    commands = judged.accuracy()
    yield f"{artefact.manifest.name} on {commands.total:,} clips of {folder}"
    yield f"accuracy over {len(judged.per_word())} commands  {commands}"
    if judged.keywords != judged.labels:
        whole = judged.accuracy(judged.labels)
        yield f"accuracy over all labels  {whole} of {whole.total:,} clips"
    yield "brackets are 95 % intervals (Wilson)"
    yield ""
    yield from word_table(judged)
    yield ""
    yield from confusion_table(judged)
    yield ""
    yield from cost_lines(graph)
    yield from left_out(judged)


def as_json(artefact: Artefact, judged: Judgement) -> dict[str, Any]:
    """The figures of the commands as plain JSON values."""
    graph, commands = read_graph(artefact.model), judged.accuracy()
    return {
        "model": artefact.manifest.name,
        "clips": commands.total,
        "accuracy": commands.value,
        "interval": list(commands.interval),
        "per_word": {word: share.value for word, share in judged.per_word().items()},
        "flash_bytes": flash_bytes(graph),
        "macs": macs(graph),
    }


def word_table(judged: Judgement) -> Iterator[str]:
    """One line a word: clips, those recognised, their share and its interval."""
    yield f"{'word':<10}{'clips':>6}{'right':>7}   accuracy"
    for word, share in judged.per_word().items():
        yield f"{word:<10}{share.total:>6}{share.hits:>7}   {share}"


def confusion_table(judged: Judgement) -> Iterator[str]:
    """One line a label with clips, one column a label that was heard."""
    width = max(6, *(len(label) + 2 for label in judged.labels))
    yield "spoken \\ heard".ljust(16) + "".join(f"{label:>{width}}" for label in judged.labels)
    for label, row in zip(judged.labels, judged.confusion(), strict=True):
        if row.sum():
            yield f"{label:<16}" + "".join(f"{count or '.':>{width}}" for count in row)


def cost_lines(graph: Graph) -> Iterator[str]:
    """What the network costs on a device."""
    yield f"flash   {flash_bytes(graph):>12,} bytes  weights, biases, scales; binary weights packed"
    yield f"RAM     {ram_estimate(graph):>12,} bytes  activations alive at once, an estimate"
    yield f"MACs    {macs(graph):>12,} an inference"


def left_out(judged: Judgement) -> Iterator[str]:
    """What was not scored, and what could not be read."""
    if unscored := judged.unscored:
        words = ", ".join(f"{word} {clips}" for word, clips in unscored.items())
        yield f"not scored: {sum(unscored.values()):,} clips without a label of the model ({words})"
    if judged.unreadable:
        yield f"not readable, skipped: {len(judged.unreadable)} clips (named on stderr)"


def noise_lines(shares: Mapping[str, Share]) -> Iterator[str]:
    """The accuracy at each ratio of speech to noise."""
    if shares:
        yield ""
        yield "accuracy over the commands, background noise mixed in"
    for name, share in shares.items():
        yield f"{name:<9}{share}"


def add_material(parser: argparse.ArgumentParser) -> None:
    """The options that name recordings to judge with, and how much of them."""
    parser.add_argument("--data", type=Path, help="a test set: one folder of recordings a word")
    parser.add_argument(
        "--noise",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="judge in background noise as well: that of Speech Commands' folder, or recordings",
    )
    parser.add_argument(
        "--librispeech", type=Path, metavar="DIR", help="read speech with transcripts, for streams"
    )
    parser.add_argument(
        "--words",
        type=count,
        default=stream_report.WORDS,
        metavar="N",
        help="words in each condition of streams (default: %(default)s)",
    )
    parser.add_argument(
        "--hours",
        type=positive,
        default=stream_report.HOURS,
        metavar="H",
        help="hours of read speech (default: %(default)s)",
    )


def main(argv: list[str] | None = None) -> int:
    """The command line of kws-eval."""
    parser = Parser(prog="kws-eval", description=__doc__)
    parser.add_argument("--model", required=True, help="a model's name or folder")
    add_material(parser)
    parser.add_argument(
        "--stream",
        action="store_true",
        help="judge on streams instead of clips: words of --data spliced into silence and --noise",
    )
    parser.add_argument("--json", action="store_true", help="figures as one JSON object")
    parser.add_argument("--confusion", type=Path, metavar="PNG", help="plot the confusion matrix")
    parser.add_argument(
        "--det", type=Path, metavar="PNG", help="plot false rejects against false accepts"
    )
    options = parser.parse_args(argv)
    if options.stream and not (options.data or options.librispeech):
        parser.error("--stream needs --data, --librispeech or both")
    if not options.stream and not options.data:
        parser.error("--data is needed")
    if not options.stream and options.librispeech:
        parser.error("--librispeech goes with --stream")
    if options.stream and options.confusion:
        parser.error("--confusion is of clips: leave --stream out")
    return run("kws-eval", lambda: _streams(options) if options.stream else _clips(options))


def _clips(options: argparse.Namespace) -> None:
    artefact = Artefact.load(options.model)
    if options.confusion or options.det:
        plots.need_matplotlib()
    noises = read_noises(options.noise, artefact.manifest.front_end.sample_rate)
    judged = judge(artefact, options.data)
    shares = accuracy_in_noise(artefact, options.data, noises) if noises else {}
    for reason in judged.unreadable:
        sys.stderr.write(f"skipped: {reason}\n")
    if options.confusion:
        plots.confusion(judged.labels, judged.confusion(), options.confusion)
    if options.det:
        plots.clip_det(judged.det(), options.det)
    if options.json:
        noise = {"noise": {name: share.to_json() for name, share in shares.items()}}
        print(json.dumps(as_json(artefact, judged) | (noise if shares else {}), indent=2))
    else:
        lines = report(artefact, judged, options.data.resolve().name)
        print("\n".join([*lines, *noise_lines(shares)]))


def _streams(options: argparse.Namespace) -> None:
    artefact = Artefact.load(options.model)
    if options.det:
        plots.need_matplotlib()
    judged = stream_report.judge_streams(
        artefact, options.data, options.noise, options.librispeech, options.words, options.hours
    )
    if options.det:
        plots.stream_det(judged.curves(), options.det)
    if options.json:
        print(json.dumps(stream_report.as_json(judged), indent=2))
    else:
        print("\n".join(stream_report.report(judged)))


def count(text: str) -> int:
    """A whole number from 1, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number from 1")
    return int(text)


def positive(text: str) -> float:
    """A finite number above 0, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a number above 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
