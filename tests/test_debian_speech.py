"""kws-data speech: from a real package, which a local stand-in for the archive hands out."""

import shutil
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

VOICES = {"voices": "usr/share/voices/*"}
CONTROL = "Package: voices\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n"
needs_dpkg = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not installed")


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
def test_a_package_that_cannot_be_had_is_named(archive: Path) -> None:
    with pytest.raises(FetchError, match=r"others: apt-get failed \(E: no such package\)"):
        list(gather(archive / "speech", {"others": "*"}))


def test_missing_tools_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeMissing, match="apt-get, dpkg-deb, ffmpeg not found"):
        list(gather(tmp_path / "speech", PACKAGES))
