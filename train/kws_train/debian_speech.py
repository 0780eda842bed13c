"""Running speech of real voices, from Debian's packages, to train against: kws-data speech."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from kws.audio import read_audio
from kws.errors import AudioError, RuntimeMissing
from kws.spec import FrontEnd
from kws_train.fetch import FetchError

Wave = NDArray[np.int16]
RATE = FrontEnd().sample_rate
PAUSE = 0.3  # seconds between two recordings
G722 = ".g722"  # ITU-T's wideband telephony, which libsndfile does not read
LEAST = 4000  # bytes of one that is more than a click
TOOLS = ("apt-get", "dpkg-deb")
READER = "ffmpeg"  # of G.722


@dataclass(frozen=True)
class Package:
    """A package, where its recordings lie, and which part of their path tells the voice."""

    name: str
    pattern: str
    voice: int


_PROMPTS = "usr/share/asterisk/sounds"
_DIALOGUES = "usr/share/games/fillets-ng/sound"
# telephone prompts (CC BY-SA 3.0), a game's dialogues and another's names of things (GPL)
PACKAGES = (
    Package("asterisk-core-sounds-en-g722", f"{_PROMPTS}/*/**/*{G722}", 4),
    Package("asterisk-core-sounds-es-g722", f"{_PROMPTS}/*/**/*{G722}", 4),
    Package("asterisk-core-sounds-fr-g722", f"{_PROMPTS}/*/**/*{G722}", 4),
    Package("fillets-ng-data", f"{_DIALOGUES}/**/en/*.ogg", -2),
    Package("fillets-ng-data-cs", f"{_DIALOGUES}/**/cs/*.ogg", -2),
    Package("fillets-ng-data-nl", f"{_DIALOGUES}/**/nl/*.ogg", -2),
    Package("ktuberling-data", "usr/share/ktuberling/sounds/*/*.[ow][ga][gv]", 4),
)
console = Console(stderr=True)


def gather(to: Path, packages: Sequence[Package] = PACKAGES) -> Iterator[str]:
    """Fetch packages and write a recording for each voice into `to`; lines that say how long.

    Nothing is installed. Raises `RuntimeMissing` without Debian's tools and ffmpeg, `FetchError`
    for a package that cannot be had.
    """
    reader = [READER] if any(package.pattern.endswith(G722) for package in packages) else []
    if absent := [tool for tool in (*TOOLS, *reader) if not shutil.which(tool)]:
        raise RuntimeMissing(
            f"{', '.join(absent)} not found; expected Debian or Ubuntu, with apt install ffmpeg"
        )
    to.mkdir(parents=True, exist_ok=True)
    for package in packages:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            _unpack(package.name, folder)
            for voice, paths in _voices(package, folder).items():
                parts = list(_readable(track(paths, voice, console=console)))
                if not parts:
                    continue
                pause = np.zeros(int(PAUSE * RATE), np.int16)
                wave = np.concatenate([sound for part in parts for sound in (part, pause)])
                soundfile.write(to / f"{voice}.flac", wave, RATE)
                yield f"{to / voice}.flac: {len(wave) / RATE / 60:.1f} min, {len(parts)} recordings"


def _unpack(name: str, folder: Path) -> None:
    for command in (["apt-get", "download", name], ["sh", "-c", "dpkg-deb -x *.deb ."]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise FetchError(f"{name}: {command[0]} failed ({why}); try apt-get update")


def _voices(package: Package, folder: Path) -> dict[str, list[Path]]:
    """The recordings of each voice or language, but for what is spelt, too short, or a silence."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob(package.pattern)):
        inside = path.relative_to(folder)
        if {"letters", "silence"} & set(inside.parts):
            continue
        if path.suffix != G722 or path.stat().st_size >= LEAST:
            name = f"{package.name}-{inside.parts[package.voice]}"
            found.setdefault(name, []).append(path)
    return found


def _readable(paths: Iterable[Path]) -> Iterator[Wave]:
    for path in paths:
        try:
            yield _read(path)
        except AudioError as error:
            console.print(f"left out: {error}", soft_wrap=True, highlight=False)


def _read(path: Path) -> Wave:
    if path.suffix != G722:
        return read_audio(path, RATE)
    command = [READER, "-v", "error", "-f", "g722", "-i", str(path)]
    command += ["-f", "s16le", "-ac", "1", "-ar", str(RATE), "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise AudioError(f"{path}: {READER} cannot read it; expected G.722")
    return np.frombuffer(done.stdout, np.int16)
