"""kws-eval: how well a model recognises the words of a test set, and what it costs."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

from kws.artefact import Artefact
from kws.command import Parser, run
from kws_train import clip_report, plots, robustness, stream_judge, stream_report
from kws_train.judge import judge
from kws_train.noise import read_noises
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
        help="background noise for streams and --snr-sweep: Speech Commands' folder, or recordings",
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
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--stream",
        action="store_true",
        help="judge on streams instead of clips: words of --data spliced into silence and --noise",
    )
    what.add_argument(
        "--snr-sweep", action="store_true", help="judge clips in noises from 20 to -5 dB"
    )
    what.add_argument(
        "--loudness-sweep", action="store_true", help="judge clips at peaks of 0 to -40 dB"
    )
    parser.add_argument(
        "--list", action="store_true", help="name each false accept in --librispeech as well"
    )
    parser.add_argument("--json", action="store_true", help="figures as one JSON object")
    parser.add_argument("--confusion", type=Path, metavar="PNG", help="plot the confusion matrix")
    parser.add_argument(
        "--det", type=Path, metavar="PNG", help="plot false rejects against false accepts"
    )
    parser.add_argument("--plot", type=Path, metavar="PNG", help="plot a sweep")
    options = parser.parse_args(argv)
    if wrong := _wrong(options):
        parser.error(wrong)
    judged = _streams if options.stream else _sweep if _swept(options) else _clips
    return run("kws-eval", lambda: judged(options))


def _wrong(options: argparse.Namespace) -> str | None:
    """What does not go together in these options, if anything."""
    swept = _swept(options)
    rules = {
        "--stream needs --data, --librispeech or both": options.stream
        and not (options.data or options.librispeech),
        "--data is needed": not options.stream and not options.data,
        "--librispeech goes with --stream": options.librispeech and not options.stream,
        "--list is of --librispeech": options.list and not options.librispeech,
        "--noise goes with --stream or --snr-sweep": options.noise
        and not (options.stream or options.snr_sweep),
        "--confusion is of clips: leave --stream and sweeps out": options.confusion
        and (options.stream or swept),
        "--det is of clips or streams: leave sweeps out": options.det and swept,
        "--plot goes with --snr-sweep or --loudness-sweep": options.plot and not swept,
    }
    return next((rule for rule, broken in rules.items() if broken), None)


def _swept(options: argparse.Namespace) -> bool:
    return bool(options.snr_sweep or options.loudness_sweep)


def _clips(options: argparse.Namespace) -> None:
    artefact = Artefact.load(options.model)
    if options.confusion or options.det:
        plots.need_matplotlib()
    judged = judge(artefact, options.data)
    for reason in judged.unreadable:
        sys.stderr.write(f"skipped: {reason}\n")
    if options.confusion:
        plots.confusion(judged.labels, judged.confusion(), options.confusion)
    if options.det:
        plots.clip_det(judged.det(), options.det)
    if options.json:
        print(json.dumps(clip_report.as_json(artefact, judged), indent=2))
    else:
        print("\n".join(clip_report.report(artefact, judged, options.data.resolve().name)))


def _sweep(options: argparse.Namespace) -> None:
    artefact = Artefact.load(options.model)
    if options.plot:
        plots.need_matplotlib()
    if options.snr_sweep:
        noises = read_noises(options.noise, artefact.manifest.front_end.sample_rate)
        sweep = robustness.snr_sweep(artefact, options.data, noises)
        lines = robustness.snr_lines(sweep)
    else:
        sweep = robustness.loudness_sweep(artefact, options.data)
        lines = robustness.loudness_lines(sweep)
    if options.plot:
        plots.accuracies(sweep.lines, sweep.axis, options.plot)
    if options.json:
        print(json.dumps(sweep.to_json(), indent=2))
    else:
        print("\n".join(lines))


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
