"""kws-data speech: from a real package, which a local stand-in for the archive hands out."""

import io
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.audio import read_audio
from kws.errors import RuntimeMissing
from kws_train import debian_speech
from kws_train.debian_speech import PACKAGES, RATE, gather
from kws_train.fetch import FetchError
from kws_train.games import DISK, ENTRY, HEADER, LINES, NUMBER, QUEEN, SKY, SKY_RATE, UNPACKER

VOICES = {"voices": "usr/share/voices/*"}
CONTROL = "Package: voices\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n"
needs_dpkg = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not installed")
needs_unpacker = pytest.mark.skipif(
    not shutil.which(UNPACKER), reason=f"{UNPACKER} is not installed"
)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that has one package: two voices, one of which spells as well."""
    tree = tmp_path / "tree"
    for name, seconds in (
        ("ann/a", 1.0),
        ("ann/b", 2.0),
        ("bob/a", 0.5),
        ("bob/letters/a", 1.0),
        ("bob/b", 0.0),
        ("cat/a", 0.0),
    ):
        path = tree / "usr/share/voices" / f"{name}.ogg"
        path.parent.mkdir(parents=True, exist_ok=True)
        sound = 0.1 * np.random.default_rng(0).standard_normal(int(seconds * 22_050))
        soundfile.write(path, sound, 22_050)
    return packaged(tree, monkeypatch)


def packaged(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an apt-get whose one package holds `tree`."""
    tmp_path = tree.parent
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(CONTROL)
    package = tmp_path / "voices.deb"
    subprocess.run(["dpkg-deb", "-b", str(tree), str(package)], check=True, capture_output=True)
    tool = tmp_path / "bin" / "apt-get"
    tool.parent.mkdir()
    tool.write_text(
        f'#!/bin/sh\n[ "$2" = voices ] && exec cp {package} .\n'
        'echo "E: no such package" >&2\nexit 100\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=":")
    return tmp_path


@needs_dpkg
def test_each_voice_is_a_recording_without_what_is_empty(archive: Path) -> None:
    lines = list(gather(archive / "speech", VOICES))
    assert [line.split(": ")[1] for line in lines] == [
        "0.1 min, 2 recordings",
        "0.0 min, 1 recordings",
    ]
    written = sorted(path.name for path in (archive / "speech").iterdir())
    assert written == ["voices-ann.flac", "voices-bob.flac"]
    wave = read_audio(archive / "speech" / "voices-ann.flac", RATE)
    assert len(wave) / RATE == pytest.approx(3.0 + 2 * debian_speech.PAUSE, abs=0.01)


@needs_dpkg
def test_lines_in_a_container_are_recordings_with_an_upper_band(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two lines of 11 kHz, one too short to be more than a word, and a picture."""
    rate = 11_025
    sound = 0.1 * np.random.default_rng(0).standard_normal(4 * rate)
    lines = []
    for seconds in (4.0, 0.5, 3.0):
        heard = io.BytesIO()
        soundfile.write(heard, sound[: int(seconds * rate)], rate, format="MP3")
        lines.append(heard.getvalue())
    names = ("A.SB", "B.SB", "C.SB", "D.PCX")
    contents = (*lines, bytes(9000))
    table, body = b"", b""
    begin = 15 + len(names) * ENTRY.size
    for name, content in zip(names, contents, strict=True):
        table += ENTRY.pack(name.encode(), 1, begin + len(body), len(content))
        body += content
    game = tmp_path / "tree/usr/share/scummvm/game" / QUEEN
    game.parent.mkdir(parents=True)
    game.write_bytes(b"QTBLCEM10\0\0\0\1"[:13] + struct.pack(">H", len(names)) + table + body)
    archive = packaged(tmp_path / "tree", monkeypatch)
    (line,) = gather(archive / "speech", {"voices": "usr/share/scummvm/*/en"})
    assert line.endswith("0.1 min, 2 recordings")
    wave = read_audio(archive / "speech" / "voices-en.flac", RATE)
    assert len(wave) / RATE == pytest.approx(7.0 + 2 * debian_speech.PAUSE, abs=0.1)
    power = np.abs(np.fft.rfft(wave / 32_768)) ** 2
    band, above, top = (
        power[int(len(power) * low / 8) : int(len(power) * high / 8)].mean()
        for low, high in ((2.0, 4.0), (5.7, 6.3), (7.0, 7.6))
    )
    assert band > above > top > band * 1e-4


@needs_dpkg
@needs_unpacker
def test_packed_lines_are_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two lines, one of them far into the disk; one too short, a picture and one not packed."""
    random = np.random.default_rng(0)
    disk, listed = b"", []
    for number, seconds, is_packed in (
        (LINES[0], 2.5, True),
        (LINES[1], 0.5, True),
        (LINES[2], 2.0, True),
        (LINES[-1] + 2000, 2.0, True),
        (LINES[3], 2.0, False),
    ):
        samples = random.integers(100, 156, int(seconds * SKY_RATE), np.uint8).tobytes()
        content = bytes(HEADER) + (packed(samples) if is_packed else samples)
        content += bytes(-len(content) % 16)
        far = number == LINES[2]
        place = len(disk) >> 4 | 1 << 23 if far else len(disk)
        listed.append((number, place, len(content) | 1 << 22))
        disk += content
    archive = sky(tmp_path, listed, disk, monkeypatch)
    (line,) = gather(archive / "speech", {"voices": "usr/share/scummvm/*/en"})
    assert line.endswith("0.1 min, 2 recordings")
    wave = read_audio(archive / "speech" / "voices-en.flac", RATE)
    assert len(wave) / RATE == pytest.approx(4.5 + 2 * debian_speech.PAUSE, abs=0.01)
    level = 10 * np.log10(np.mean((wave[: 2 * RATE] / 32_768.0) ** 2))
    assert level == pytest.approx(20 * np.log10(56 / 12**0.5 / 128), abs=1)


@needs_dpkg
@needs_unpacker
def test_a_damaged_line_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(HEADER) + packed(bytes(20_000))[:-100]
    archive = sky(tmp_path, [(LINES[7], 0, len(content))], content, monkeypatch)
    with pytest.raises(FetchError, match=rf"{DISK}: {UNPACKER} failed at {LINES[7]} \("):
        list(gather(archive / "speech", {"voices": "usr/share/scummvm/*/en"}))


def sky(
    folder: Path, listed: list[tuple[int, int, int]], disk: bytes, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder of an apt-get whose one package is the game, its list of these numbers."""
    game = folder / "tree/usr/share/scummvm/game"
    game.mkdir(parents=True)
    entries = (
        NUMBER.pack(number, place.to_bytes(3, "little"), size.to_bytes(3, "little"))
        for number, place, size in listed
    )
    (game / SKY).write_bytes(struct.pack("<I", len(listed)) + b"".join(entries))
    (game / DISK).write_bytes(disk)
    return packaged(folder / "tree", monkeypatch)


def packed(content: bytes) -> bytes:
    """Bytes by Rob Northen's first method, as one run of literals without a match behind it."""
    power = len(content).bit_length()
    fields = [(0, 2), (power + 1, 5)]  # flags; lengths of the codes for runs, of which one is used
    fields += [(int(size == power), 4) for size in range(power + 1)]
    fields += [(0, 5), (0, 5), (1, 16), (0, 1)]  # no matches; one run; the one code
    fields += [(len(content) - (1 << power - 1), power - 1)]
    bits, place = 0, 0
    for value, width in fields:
        bits |= value << place
        place += width
    stream = bits.to_bytes(-(-place // 16) * 2, "little") + content
    sizes = struct.pack(">II", len(content), len(stream))
    return b"RNC\1" + sizes + struct.pack(">HHBB", crc16(content), crc16(stream), 0, 1) + stream


def crc16(content: bytes) -> int:
    """CRC-16/ARC."""
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


@needs_dpkg
def test_a_package_that_cannot_be_had_is_named(archive: Path) -> None:
    with pytest.raises(FetchError, match=r"others: apt-get failed \(E: no such package\)"):
        list(gather(archive / "speech", {"others": "*"}))


def test_missing_tools_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeMissing, match="apt-get, dpkg-deb, ffmpeg, ancient not found"):
        list(gather(tmp_path / "speech", PACKAGES))
