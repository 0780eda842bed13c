"""python -m kws_train.cards: measure a model and write its card, plots and figures."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from kws.artefact import Artefact
from kws.command import Parser, run
from kws.graph import flash_bytes, macs, ram_estimate, read_graph
from kws_train import (
    arithmetic,
    clip_report,
    data,
    evaluate,
    noise,
    plots,
    robustness,
    stream_judge,
    stream_report,
)
from kws_train.amend import amend
from kws_train.card_text import Archive, Card, markdown
from kws_train.data import NOISE
from kws_train.judge import clip_windows, judge
from kws_train.stream_judge import Recordings

README = "README.md"
OTHERS = {  # speakers' names in the archive that are not Speech Commands', and where they are from
    "rayen": "rayenabid406/keyword_Recognition (MIT licence)",
    "eclo-": "Eclo19/smart-home-kws (MIT licence)",
}


def write_card(
    artefact: Artefact,
    tests: Path,
    recordings: Recordings,
    curves: Path | None = None,
) -> Card:
    """Measure a model, draw the plots, and write README.md and the manifest's figures."""
    plots.need_matplotlib()
    if curves is not None:  # first, since the rest takes minutes
        plots.learning_curves(curves, artefact.folder / "learning.png")
    rate = artefact.manifest.front_end.sample_rate
    judged = judge(artefact, tests)
    background = noise.read_noises(recordings.noises, rate)
    sweeps = {
        "noise": robustness.snr_sweep(artefact, tests, background),
        "loudness": robustness.loudness_sweep(artefact, tests),
    }
    streams = stream_judge.judge_streams(artefact, recordings)
    _, windows, _ = clip_windows(artefact, data.test_set(tests))
    artefact = arithmetic.keep(artefact, arithmetic.difference(artefact, windows))
    card = Card(
        artefact,
        judged,
        tests.resolve().name,
        commands(artefact, tests, recordings),
        sweeps,
        streams,
        next((facts(root, tests) for root in recordings.noises if (root / NOISE).is_dir()), None),
    )
    card = replace(card, plots=_draw(card))
    figures = _figures(card)
    artefact = amend(artefact, lambda manifest: replace(manifest, figures=figures))
    card = replace(card, artefact=artefact)
    (artefact.folder / README).write_text(markdown(card), encoding="utf-8")
    return card


def commands(artefact: Artefact, tests: Path, recordings: Recordings) -> dict[str, str]:
    """The commands that print the card's figures; `data/` stands for where the recordings are."""
    name = artefact.manifest.name
    test = f" --data {_shown(tests)}"
    background = "".join(f" {_shown(folder)}" for folder in recordings.noises)
    background = f" --noise{background}" if background else ""
    read = f" --librispeech {_shown(recordings.speech)}" if recordings.speech else ""
    size = f" --words {recordings.words}" if recordings.words else ""
    size += f" --hours {recordings.hours:g}" if recordings.hours else ""
    if background and recordings.noise_hours != stream_judge.NOISE_HOURS:
        size += f" --noise-hours {recordings.noise_hours:g}"
    return {
        "clips": f"kws-eval --model {name}{test}",
        "noise": f"kws-eval --model {name} --snr-sweep{test}{background}",
        "loudness": f"kws-eval --model {name} --loudness-sweep{test}",
        "streams": f"kws-eval --model {name} --stream{test}{background}{read}{size}",
        "arithmetic": f"python -m kws_train.arithmetic {name}{test}",
        "card": f"python -m kws_train.cards {name}{test}{background}{read}{size}",
    }


def facts(archive: Path, tests: Path) -> Archive:
    """What an archive holds, and whether the test set shares speakers with it."""
    splits = data.speech_commands(archive)
    used = [clip for name in ("training", "validation") for clip in splits[name]]
    others = Counter(
        source
        for clip in used
        for start, source in OTHERS.items()
        if clip.speaker.startswith(start)
    )
    tested = {clip.speaker for clip in data.test_set(tests)} - {""}
    shared = tested & {clip.speaker for clip in used}
    lossy = sum(clip.path.suffix.lower() == ".ogg" for clip in splits["training"])
    return Archive({name: len(clips) for name, clips in splits.items()}, lossy, others, len(shared))


def _draw(card: Card) -> frozenset[str]:
    """The plots that there is something for; a plot of the learning curves may be there."""
    folder, judged = card.artefact.folder, card.judged
    plots.confusion(judged.labels, judged.confusion(), folder / "confusion.png")
    plots.clip_det(judged.det(), folder / "det.png")
    drawn = {"confusion.png", "det.png"}
    if (folder / "learning.png").is_file():
        drawn.add("learning.png")
    for name, sweep in card.sweeps.items():
        plots.accuracies(sweep.lines, sweep.axis, folder / f"{name}.png")
        drawn.add(f"{name}.png")
    if card.streams is not None and card.streams.spliced:
        plots.stream_det(card.streams.curves(), card.streams.point(), folder / "streams.png")
        drawn.add("streams.png")
    return frozenset(drawn)


def _figures(card: Card) -> dict[str, Any]:
    """Everything that was measured, and by which command."""
    manifest, graph = card.artefact.manifest, read_graph(card.artefact.model)
    clips = clip_report.as_json(card.artefact, card.judged)
    figures: dict[str, Any] = {
        "test": {
            "command": card.commands["clips"],
            "clips": clips["clips"],
            "accuracy": round(clips["accuracy"], 5),
            "interval": [round(end, 5) for end in clips["interval"]],
            "closed_set": round(clips["closed_set"]["value"], 5),
            "all_classes": round(whole["value"], 5) if (whole := clips["all_classes"]) else None,
            "per_word": {word: round(value, 5) for word, value in clips["per_word"].items()},
        },
        **{
            name: {
                "command": card.commands[name],
                "closed_set": {
                    line: {condition: round(share.value, 5) for condition, share in shares.items()}
                    for line, shares in sweep.lines.items()
                },
            }
            for name, sweep in card.sweeps.items()
        },
        "flash_bytes": flash_bytes(graph),
        "ram_bytes": ram_estimate(graph),
        "macs": macs(graph),
        arithmetic.FIGURES: manifest.figures[arithmetic.FIGURES],
    }
    if card.streams is not None:
        measured = stream_report.as_json(card.streams)
        figures["streams"] = {
            "command": card.commands["streams"],
            **{name: _brief(values) for name, values in measured["streams"].items()},
        }
        if "read_speech" in measured:
            rate = measured["read_speech"]["rate"]
            figures["read_speech"] = {
                "command": card.commands["streams"],
                "hours": round(rate["hours"], 4),
                "false_accepts_per_hour": round(rate["per_hour"], 2),
                "interval": [round(end, 2) for end in rate["interval"]],
                "homophones": measured["read_speech"]["homophones"],
            }
        if rate := measured.get("mixed_noise"):
            figures["mixed_noise"] = {
                "command": card.commands["streams"],
                "hours": round(rate["hours"], 4),
                "false_accepts_per_hour": round(rate["per_hour"], 2),
                "interval": [round(end, 2) for end in rate["interval"]],
            }
    return figures


def _brief(values: dict[str, Any]) -> dict[str, Any]:
    return {
        "words": values["words"],
        "hours": round(values["hours"], 4),
        "hit_rate": round(values["hit_rate"]["value"], 5),
        "wrong_rate": round(values["wrong_rate"]["value"], 5),
        "false_alarms_per_hour": round(values["alarm_rate"]["per_hour"], 2),
    }


def _shown(folder: Path) -> str:
    return f"data/{folder.resolve().name}"


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser(prog="python -m kws_train.cards", description=__doc__)
    parser.add_argument("model", help="a model's name or folder")
    evaluate.add_material(parser)
    parser.add_argument(
        "--curves",
        type=Path,
        metavar="CSV",
        help="a training's curves.csv (default: runs/NAME/curves.csv, where there is one)",
    )
    options = parser.parse_args(argv)
    if not options.data:
        parser.error("--data is needed")
    return run(parser.prog, lambda: _write(options))


def _write(options: argparse.Namespace) -> None:
    artefact = Artefact.load(options.model)
    usual = Path("runs") / artefact.manifest.name / "curves.csv"
    curves = options.curves or (usual if usual.is_file() else None)
    card = write_card(
        artefact,
        options.data,
        evaluate.recordings(options),
        curves,
    )
    sys.stdout.write(f"{artefact.manifest.name}: {card.judged.closed_set()}\n")
    sys.stdout.write(f"wrote {artefact.folder / README} and {len(card.plots)} plots\n")


if __name__ == "__main__":
    sys.exit(main())
