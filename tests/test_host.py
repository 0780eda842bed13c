"""kws_host: WAV files as they are found, and one clear line for those it cannot read."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from kws import __version__
from kws.artefact import Artefact
from kws.display import plain
from kws.mfcc import Mfcc
from kws.spotter import Spotter
from tiny_model import SPEC
from twins import Wave, build_host

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
NOISE: Wave = np.random.default_rng(1).integers(-3_000, 3_000, 1_300).astype(np.int16)


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    """A chunk, padded to an even length; `size` is a length that is not true."""
    length = len(content) if size is None else size
    return name + struct.pack("<I", length) + content + b"\0" * (len(content) % 2)


def format_chunk(
    encoding: int = PCM, channels: int = 1, rate: int = 16_000, bits: int = 16
) -> bytes:
    align = channels * bits // 8
    return chunk(
        b"fmt ", struct.pack("<HHIIHH", encoding, channels, rate, rate * align, align, bits)
    )


def extensible(encoding: int = PCM) -> bytes:
    plain = format_chunk(EXTENSIBLE)[8:]
    rest = struct.pack("<HHI", 22, 16, 4) + struct.pack("<H", encoding) + GUID_TAIL
    return chunk(b"fmt ", plain + rest)


def wav(*chunks: bytes) -> bytes:
    content = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content)) + content


DATA = chunk(b"data", NOISE.tobytes())
FORMAT = format_chunk()

READABLE = {
    "plain": wav(FORMAT, DATA),
    "unknown chunks": wav(chunk(b"LIST", b"hello!"), FORMAT, chunk(b"cue ", b"1234"), DATA),
    "odd chunk": wav(chunk(b"odd ", b"xyz"), FORMAT, DATA),
    "longer format": wav(chunk(b"fmt ", FORMAT[8:] + b"\0\0"), DATA),
    "odd format": wav(chunk(b"fmt ", FORMAT[8:] + b"\0"), DATA),
    "extensible": wav(extensible(), DATA),
    "wrong RIFF size": b"RIFF\0\0\0\0" + wav(FORMAT, DATA)[8:],
    "chunk after": wav(FORMAT, DATA, chunk(b"LIST", b"later")),
    "unknown length": wav(FORMAT, chunk(b"data", NOISE.tobytes(), 0xFFFFFFFF)),
    "longer than it is": wav(FORMAT, chunk(b"data", NOISE.tobytes(), 10_000)),
    "half a sample": wav(FORMAT, chunk(b"data", NOISE.tobytes() + b"\7")),
}

UNREADABLE = {
    "nothing": (b"", "not a WAV file"),
    "text": (b"Once upon a time", "not a WAV file"),
    "other RIFF": (wav(FORMAT, DATA).replace(b"WAVE", b"AVI "), "not a WAV file"),
    "no chunks": (wav(), "damaged"),
    "no data": (wav(FORMAT), "damaged"),
    "no format": (wav(DATA), "damaged"),
    "cut in the format": (wav(FORMAT)[:30], "damaged"),
    "short format": (wav(chunk(b"fmt ", b"\1\0\1\0"), DATA), "damaged"),
    "endless chunk": (wav(chunk(b"LIST", b"", 0xFFFFFFFF), FORMAT, DATA), "damaged"),
    "no samples": (wav(FORMAT, chunk(b"data", b"")), "empty"),
    "stereo": (wav(format_chunk(channels=2), DATA), "2 channels"),
    "8 bits": (wav(format_chunk(bits=8), DATA), "8 bits"),
    "float": (wav(format_chunk(encoding=FLOAT, bits=32), DATA), "encoding 3"),
    "extensible float": (wav(extensible(FLOAT), DATA), "encoding 3"),
    "extensible other": (wav(extensible()[:-1] + b"?", DATA), "encoding 65534"),
    "other rate": (wav(format_chunk(rate=44_100), DATA), "44100 Hz"),
}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, tiny: Artefact) -> Path:
    """kws_host with a model that fires a lot."""
    return build_host(tmp_path_factory.mktemp("host"), tiny.folder)


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def columns(
    host: Path, folder: Path, content: bytes, option: str = "--columns"
) -> subprocess.CompletedProcess[str]:
    path = folder / "some.wav"
    path.write_bytes(content)
    return run(host, option, path)


@pytest.mark.parametrize("name", READABLE)
def test_readable_files(name: str, host: Path, tmp_path: Path) -> None:
    expected = [" ".join(map(str, column)) for column in Mfcc(SPEC).clip(NOISE)]
    done = columns(host, tmp_path, READABLE[name])
    assert (done.returncode, done.stderr, done.stdout.splitlines()) == (0, "", expected)


def test_words_in_a_file(host: Path, tmp_path: Path, tiny: Artefact, talk: Wave) -> None:
    content = wav(FORMAT, chunk(b"data", talk.tobytes()))
    expected = [plain(detection) for detection in Spotter(tiny).feed(talk)]
    done = columns(host, tmp_path, content, "--listen")
    assert (done.returncode, done.stderr, done.stdout.splitlines()) == (0, "", expected)


@pytest.mark.parametrize("option", ["--columns", "--listen"])
@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_files(name: str, option: str, host: Path, tmp_path: Path) -> None:
    content, why = UNREADABLE[name]
    done = columns(host, tmp_path, content, option)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"kws_host: {tmp_path / 'some.wav'}: ")
    assert why in done.stderr


def test_files_that_cannot_be_opened(host: Path, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.wav"):
        done = run(host, "--columns", path)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert str(path) in done.stderr


def test_full_disk(host: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.wav"
    path.write_bytes(READABLE["plain"])
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [host, "--columns", path], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_usage(host: Path) -> None:
    wrong = ([], ["--columns"], ["--listen"], ["--nothing"], ["some.wav"], ["--help", "more"])
    for arguments in wrong:
        done = run(host, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--columns FILE.wav" in done.stderr


def test_help_and_version(host: Path) -> None:
    assert "--columns FILE.wav" in run(host, "--help").stdout
    assert run(host, "--version").stdout == f"kws_host {__version__}\n"
