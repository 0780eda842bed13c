"""kws-listen: spot keywords in the microphone's audio, in a file or in a pipe."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from kws import __version__, native
from kws.action import ActionError, Command, Recorder
from kws.artefact import DEFAULT_MODEL, Artefact, list_models
from kws.command import Parser, run
from kws.display import Display, JsonLines, LiveLine
from kws.errors import ArtefactError
from kws.session import AnySpotter, Session
from kws.sources import FileSource, PipeSource, Source
from kws.spec import FrontEnd
from kws.spotter import Spotter

PROGRAM = "kws-listen"
LIVE_HOPS = 4  # in a block of live audio: several columns at once cost less
FILE_HOPS = 64  # in a block of a file


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    args = _arguments(argv)
    with _terminate_like_interrupt():
        return run(PROGRAM, lambda: _quietly_piped(args))


def _quietly_piped(args: argparse.Namespace) -> None:
    try:
        args.task(args)
    except BrokenPipeError:
        # the reader has had enough; nothing may be written at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(
        prog=PROGRAM,
        description="Spot keywords in the microphone's audio, in a file or in a pipe. "
        "Detections go to standard output, everything else to standard error.",
    )
    parser.set_defaults(task=_listen)
    add = parser.add_argument
    add("source", nargs="?", choices=["-"], metavar="-", help="raw s16le mono from standard input")
    add("--wav", metavar="FILE", help="listen to a recording, of any rate and format")
    add("--device", metavar="NAME|INDEX", help="the microphone, or a part of its name")
    add("--rate", type=_rate, metavar="HZ", help="of standard input (default: the model's)")
    add("--realtime", action="store_true", help="play the file at the speed of speech")
    add("--model", default=DEFAULT_MODEL, metavar="NAME|FOLDER", help="(default: %(default)s)")
    add(
        "--engine",
        choices=["native", "tflite"],
        help="the C detector, or the interpreter (default: native where it is built and its "
        "kernels cover the model)",
    )
    add(
        "--threshold",
        type=_threshold,
        metavar="P",
        help="0 to 1, for all words instead of the model's own",
    )
    add("--keywords", type=_words, metavar="A,B,...", help="listen for these only")
    add("--json", action="store_true", help='JSON Lines: {"time", "keyword", "score"}')
    add(
        "--exec",
        type=_command,
        dest="command",
        metavar="'CMD {keyword}'",
        help="run a program at each detection (no shell; also {score} and {time}; its output "
        "goes to standard error)",
    )
    add("--record", type=Path, metavar="DIR", help="save the second around each detection")
    for flag, task, text in (
        ("--list-devices", _list_devices, "list the microphones"),
        ("--list-models", _list_models, "list the models"),
    ):
        add(flag, action="store_const", dest="task", const=task, help=text)
    add("--version", action="version", version=f"{PROGRAM} {__version__}")
    args = parser.parse_args(argv)
    given = [bool(args.source), args.wav is not None, args.device is not None]
    if sum(given) > 1:
        parser.error("standard input (-), --wav and --device exclude each other")
    if args.realtime and args.wav is None:
        parser.error("--realtime goes with --wav")
    if args.rate and not args.source:
        parser.error("--rate goes with standard input (-)")
    return args


def _listen(args: argparse.Namespace) -> None:
    artefact = Artefact.load(args.model)
    spotter = _spotter(args, artefact)
    recorder = Recorder(args.record, spotter.spec) if args.record else None
    display = _display(args)
    try:
        source = _source(args, spotter.spec, display.note)
        if source.endless:
            display.note(f"listening to {source.name!r} with {artefact.manifest.name}; Ctrl-C ends")
        session = Session(source, spotter, display, args.command, recorder)
        with suppress(KeyboardInterrupt):  # Ctrl-C is the ordinary end
            session.run()
    finally:
        display.close()
    print(f"{PROGRAM}: {session.summary()}", file=sys.stderr)


def _spotter(args: argparse.Namespace, artefact: Artefact) -> AnySpotter:
    options = {"keywords": args.keywords, "threshold": args.threshold}
    if args.engine == "native" or (args.engine is None and native.available()):
        from kws.native_spotter import NativeSpotter

        try:
            return NativeSpotter(artefact, **options)
        except ArtefactError:  # such as a layer in float
            if args.engine:
                raise
    return Spotter(artefact, **options)


def _display(args: argparse.Namespace) -> Display:
    if args.json:
        return JsonLines(PROGRAM)
    return LiveLine(PROGRAM) if sys.stdout.isatty() else Display(PROGRAM)


def _source(args: argparse.Namespace, spec: FrontEnd, say: Callable[[str], None]) -> Source:
    rate, block = spec.sample_rate, LIVE_HOPS * spec.hop
    if args.wav is not None:
        size = block if args.realtime else FILE_HOPS * spec.hop
        return FileSource(args.wav, rate, size, args.realtime)
    if args.source:
        return PipeSource(sys.stdin.buffer, args.rate or rate, rate, block)
    from kws.microphone import Microphone

    return Microphone(rate, block, args.device, say)


def _list_devices(_args: argparse.Namespace) -> None:
    from kws.microphone import find_device, input_devices

    devices = input_devices()
    default = find_device(devices, None)
    for device in devices:
        mark = "*" if device == default else " "
        print(
            f"{mark} {device.index:3}  {device.name}  "
            f"({device.system}, {device.channels} in, {device.rate} Hz)"
        )


def _list_models(_args: argparse.Namespace) -> None:
    for name in list_models():
        mark = "*" if name == DEFAULT_MODEL else " "
        try:
            artefact = Artefact.load(name)
        except ArtefactError as error:
            print(f"{mark} {name:<12} unusable: {error}")
        else:
            size, labels = len(artefact.model), " ".join(artefact.manifest.labels)
            print(f"{mark} {name:<12} {size:>9,} bytes  {labels}")


def _rate(text: str) -> int:
    if not text.isdecimal() or not int(text):
        usual = FrontEnd().sample_rate
        raise argparse.ArgumentTypeError(f"rate is {text!r}; expected Hz, such as {usual}")
    return int(text)


def _threshold(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"threshold is {text!r}; expected above 0, at most 1")
    return value


def _words(text: str) -> list[str]:
    return [word for word in (part.strip() for part in text.split(",")) if word]


def _command(text: str) -> Command:
    try:
        return Command(text)
    except ActionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


@contextmanager
def _terminate_like_interrupt() -> Iterator[None]:
    """SIGTERM ends the listening as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    sys.exit(main())
