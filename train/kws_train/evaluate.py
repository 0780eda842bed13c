"""kws-eval: how well a model recognises the words of a test set, and what it costs."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

from kws.artefact import Artefact
from kws.command import Parser, run
from kws_train import clip_report, plots, stream_judge, stream_report
from kws_train.judge import judge
from kws_train.noise import accuracy_in_noise, read_noises
from kws_train.stream_judge import Recordings


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
        metavar="N",
        help="words in each condition of streams (default: all of the test set)",
    )
    parser.add_argument(
        "--hours", type=positive, metavar="H", help="hours of read speech (default: all)"
    )
    parser.add_argument(
        "--noise-hours",
        type=positive,
        default=stream_judge.NOISE_HOURS,
        metavar="H",
        help="hours of mixed noise in streams with --noise (default: %(default)s)",
    )


def recordings(options: argparse.Namespace) -> Recordings:
    """What these options name."""
    return Recordings(
        options.data,
        tuple(options.noise),
        options.librispeech,
        options.words,
        options.hours,
        options.noise_hours,
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
    parser.add_argument(
        "--list", action="store_true", help="name each false accept in --librispeech as well"
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
    if options.list and not options.librispeech:
        parser.error("--list is of --librispeech")
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
        print(
            json.dumps(clip_report.as_json(artefact, judged) | (noise if shares else {}), indent=2)
        )
    else:
        lines = clip_report.report(artefact, judged, options.data.resolve().name)
        print("\n".join([*lines, *clip_report.noise_lines(shares)]))


def _streams(options: argparse.Namespace) -> None:
    artefact = Artefact.load(options.model)
    if options.det:
        plots.need_matplotlib()
    judged = stream_judge.judge_streams(artefact, recordings(options))
    if options.det:
        plots.stream_det(judged.curves(), judged.point(), options.det)
    if options.json:
        print(json.dumps(stream_report.as_json(judged, options.list), indent=2))
    else:
        print("\n".join(stream_report.report(judged, options.list)))


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
