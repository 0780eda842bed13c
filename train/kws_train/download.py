"""kws-data: fetch what to train on, and say what a data folder holds."""

from __future__ import annotations

import gzip
import shutil
import sys
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from kws.command import Parser, run
from kws.spec import FrontEnd
from kws_train import debian_speech
from kws_train.fetch import FetchError, Remote, Step, Unreachable, check, fetch, partial
from kws_train.inventory import inventory, normalisation

HOME = "http://download.tensorflow.org/data"
_GROWTH = 1.6  # bytes on disk per byte of archive, rounded up


@dataclass(frozen=True)
class Archive:
    """A .tar.gz and the folder that its content goes to."""

    file: Remote
    folder: str


# sizes and hashes as TensorFlow Datasets publishes them, in url_checksums/speech_commands.txt
ARCHIVES = (
    Archive(
        Remote(
            "speech_commands_v0.02.tar.gz",
            2_428_923_189,
            "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
        ),
        "speech_commands",
    ),
    Archive(
        Remote(
            "speech_commands_test_set_v0.02.tar.gz",
            112_563_277,
            "cc2a00c1147c2254e9be3fa0f779d8c17421dc349b86366567a8edfa9acd51df",
        ),
        "speech_commands_test",
    ),
)


def download(to: Path, home: str, archives: Sequence[Archive]) -> None:
    """Fetch, check and unpack those archives whose folder is not in `to` yet.

    An archive that lies in `to` already is checked and used. Raises `FetchError` where one
    cannot be had or is damaged, or where the disk is too small.
    """
    wanted = [archive for archive in archives if not (to / archive.folder).is_dir()]
    to.mkdir(parents=True, exist_ok=True)
    _check_space(to, wanted)
    for archive in wanted:
        path = to / archive.file.name
        size = archive.file.size
        with _bar(path.name, size) as step:
            if path.is_file():
                check(archive.file, path, step)
            else:
                _fetch(archive.file, home, path, step)
        with _bar(f"unpacking into {archive.folder}", size) as step:
            unpack(path, to / archive.folder, step)


def unpack(path: Path, folder: Path, step: Step) -> None:
    """Unpack a .tar.gz into a new folder: plain files below it and nothing else.

    Raises `FetchError` for a damaged archive and for one with a link, a device or a path that
    leads out. (tarfile's own filter for this is not in every Python 3.10 and 3.11.)
    """
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with path.open("rb") as raw, tarfile.open(fileobj=raw, mode="r|gz") as archive:
            for member in archive:
                _extract(archive, member, part.resolve())
                step(raw.tell())
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FetchError(
            f"{path}: not a whole .tar.gz ({error}); delete it and run again"
        ) from error
    part.replace(folder)


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    target = (root / member.name).resolve()
    if not target.is_relative_to(root) or not (member.isfile() or member.isdir()):
        raise FetchError(
            f"{member.name!r} in the archive is a link or a device, or leads out of its folder; "
            "expected plain files: delete the archive"
        )
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    source = archive.extractfile(member)
    assert source is not None  # it is a plain file
    with source, target.open("wb") as file:
        shutil.copyfileobj(source, file)


def _fetch(file: Remote, home: str, path: Path, step: Step) -> None:
    try:
        fetch(file, f"{home}/{file.name}", path, step)
    except Unreachable as error:
        raise Unreachable(
            f"{error}; without a network, put {file.name} ({file.size} bytes, from {home}) "
            f"into {path.parent} and run this command again"
        ) from error


def _check_space(to: Path, archives: Sequence[Archive]) -> None:
    needed = 0
    for archive in archives:
        path = to / archive.file.name
        have = next((p.stat().st_size for p in (path, partial(path)) if p.is_file()), 0)
        needed += int(archive.file.size * (1 + _GROWTH)) - have
    free = shutil.disk_usage(to).free
    if free < needed:
        raise FetchError(
            f"{to} has {free / 1e9:.1f} GB free, archives and recordings need "
            f"{needed / 1e9:.1f} GB: make room, or name another folder with --to"
        )


@contextmanager
def _bar(name: str, total: int) -> Iterator[Step]:
    """A progress bar on stderr; it is told the bytes done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=total)
        yield lambda done: progress.update(task, completed=done)


def main(argv: list[str] | None = None) -> int:
    """Fetch or describe; 1 where that fails."""
    parser = Parser(prog="kws-data", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    get = commands.add_parser("download", help="fetch Speech Commands v0.02 and its test set")
    get.add_argument(
        "--to", type=Path, default=Path("data"), metavar="DIR", help="where to (default: data)"
    )
    get.add_argument("--home", default=HOME, metavar="URL", help="another home of the archives")
    speech = commands.add_parser(
        "speech", help="fetch Debian packages with running speech, for kws-train --speech"
    )
    speech.add_argument(
        "--to",
        type=Path,
        default=Path("data/speech"),
        metavar="DIR",
        help="where to (default: %(default)s)",
    )
    info = commands.add_parser("info", help="words, clips per split and corrupt files of a folder")
    info.add_argument("dir", type=Path, metavar="DIR", help="a folder that download has filled")
    norm = commands.add_parser("statistics", help="mean and deviation of the default columns")
    norm.add_argument(
        "dir", type=Path, metavar="DIR", help="Speech Commands, by its training clips"
    )
    args = parser.parse_args(argv)
    if args.command == "download":
        return run(parser.prog, lambda: _download(args.to, args.home))
    if args.command == "speech":
        return run(parser.prog, lambda: _print(debian_speech.gather(args.to)))
    if args.command == "statistics":
        return run(parser.prog, lambda: _print(normalisation(args.dir, FrontEnd())))
    return run(parser.prog, lambda: _print(inventory(args.dir)))


def _download(to: Path, home: str) -> None:
    download(to, home.rstrip("/"), ARCHIVES)
    for archive in ARCHIVES:
        print(to / archive.folder)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


if __name__ == "__main__":
    sys.exit(main())
