"""What is said in games, out of their containers: each line a recording of its own."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console
from rich.progress import track

from kws_train.fetch import FetchError

SPOKEN = "en"  # folder beside a container that its lines are written to
LEAST = 4000  # bytes of a line in MP3 that is more than a word alone, a command for instance
QUEEN = "queen.1c"  # everything of Flight of the Amazon Queen, ScummVM's container
ENTRY = struct.Struct(">12sBII")  # in it: a name, its volume, where its bytes are, how many
SKY, DISK = "sky.dnr", "sky.dsk"  # what is in Beneath a Steel Sky, and all of it
NUMBER = struct.Struct("<H3s3s")  # in the first: a number, where its bytes are, how many
LINES = range(50_000, 59_000)  # numbers of what is said
HEADER = 22  # bytes before what is packed
PACKED = b"RNC"  # by Rob Northen's compressor
UNPACKER = "ancient"  # which reads that
SKY_RATE, SKY_LEAST = 11_025, 1.0  # of 8-bit samples; seconds of a line, as `LEAST`
console = Console(stderr=True)


def split(folder: Path) -> None:
    """Write what is said in the games below a folder into `SPOKEN` beside each container."""
    for name, write in WRITERS.items():
        for path in folder.rglob(name):
            spoken = path.parent / SPOKEN
            spoken.mkdir()
            write(path, spoken)


def _queen(path: Path, spoken: Path) -> None:
    """Lines in MP3.

    Behind a magic, a version of six bytes, two flags and the number of entries they stand one
    after the other (as ScummVM's tools write them).
    """
    whole = path.read_bytes()
    (count,) = struct.unpack_from(">H", whole, 13)
    for name, _, start, size in ENTRY.iter_unpack(whole[15 : 15 + count * ENTRY.size]):
        stem, _, kind = name.rstrip(b"\0").decode("latin-1").partition(".")
        if kind == "SB" and size >= LEAST:
            (spoken / f"{stem}.mp3").write_bytes(whole[start : start + size])


def _sky(path: Path, spoken: Path) -> None:
    """Lines of 8-bit samples, each packed on its own behind a header."""
    packed, plain = spoken / "packed", spoken / "plain"
    for number, content in track(list(_contents(path)), path.parent.name, console=console):
        if number not in LINES or not content[HEADER:].startswith(PACKED):
            continue
        packed.write_bytes(content[HEADER:])
        command = [UNPACKER, "decompress", str(packed), str(plain)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise FetchError(f"{path.parent / DISK}: {UNPACKER} failed at {number} ({why})")
        samples = np.fromfile(plain, np.uint8)
        if len(samples) >= SKY_LEAST * SKY_RATE:
            sound = (samples.astype(np.float32) - 128) / 128
            soundfile.write(spoken / f"{number}.wav", sound, SKY_RATE, subtype="PCM_U8")
    packed.unlink(missing_ok=True)
    plain.unlink(missing_ok=True)


def _contents(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbers and bytes of all that a list names.

    The place is in sixteenths where its highest bit is set; of the size two bits are flags.
    """
    listed, disk = path.read_bytes(), path.with_name(DISK).read_bytes()
    (count,) = struct.unpack_from("<I", listed)
    for number, *rest in NUMBER.iter_unpack(listed[4 : 4 + count * NUMBER.size]):
        place, size = (int.from_bytes(value, "little") for value in rest)
        start = (place & 0x7FFFFF) << (4 if place >> 23 else 0)
        yield number, disk[start : start + (size & 0x3FFFFF)]


WRITERS: dict[str, Callable[[Path, Path], None]] = {QUEEN: _queen, SKY: _sky}
