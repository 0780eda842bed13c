"""Spoken words from speech synthesisers, for words of which there are few recordings."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.audio import read_audio
from kws.errors import RuntimeMissing

Rng = np.random.Generator

ACCENTS = ("en-us", "en-us", "en-us-nyc", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029")
VARIANTS = (
    *(f"m{i}" for i in range(1, 8)),
    *(f"f{i}" for i in range(1, 6)),
    *("klatt", "klatt2", "klatt3", "klatt4", "Alex", "Andy", "Annie", "Diogo", "Gene", "Lee"),
    *("Mario", "Michael", "Mike", "adam", "anika", "belinda", "caleb", "david", "ed", "edward"),
    *("linda", "paul", "pablo", "rob", "robert", "sandro", "shelby", "steph", "travis", "victor"),
)
FLITE = ("slt", "rms", "awb", "kal16")  # recorded voices: sounds of real people, joined


def synthesise(word: str, count: int, rate: int) -> list[NDArray[np.int16]]:
    """`count` clips of a word, mono int16 at `rate`, by espeak-ng and flite in turn.

    Voice, pitch and tempo are drawn from a generator that depends on the word alone. Raises
    `RuntimeMissing` where a synthesiser is not installed.
    """
    need_synthesisers()
    rng = np.random.default_rng([*word.encode()])
    with tempfile.TemporaryDirectory() as folder:
        return [speak(word, Path(folder) / f"{i}.wav", i, rng, rate) for i in range(count)]


def need_synthesisers() -> None:
    """Raise `RuntimeMissing` where one is not installed."""
    for program in ("espeak-ng", "flite"):
        if shutil.which(program) is None:
            raise RuntimeMissing(f"{program} is missing; run: sudo apt-get install {program}")


def speak(text: str, path: Path, index: int, rng: Rng, rate: int) -> NDArray[np.int16]:
    """A text in a drawn voice, by way of the file `path`; every third is flite's."""
    command = _flite(text, path, rng) if index % 3 == 2 else _espeak(text, path, rng)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return trimmed(read_audio(path, rate), rate)


def _espeak(word: str, path: Path, rng: Rng) -> list[str]:
    voice = f"{rng.choice(ACCENTS)}+{rng.choice(VARIANTS)}"
    speed, pitch = rng.integers(100, 190), rng.integers(25, 80)
    return ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "-w", str(path), word]


def _flite(word: str, path: Path, rng: Rng) -> list[str]:
    pitch = f"int_f0_target_mean={rng.uniform(80, 230):.0f}"
    stretch = f"duration_stretch={rng.uniform(0.8, 1.7):.2f}"
    voice = str(rng.choice(FLITE))
    return [
        "flite",
        "-voice",
        voice,
        "--setf",
        pitch,
        "--setf",
        stretch,
        "-t",
        word,
        "-o",
        str(path),
    ]


def trimmed(wave: NDArray[np.int16], rate: int, margin: float = 0.05) -> NDArray[np.int16]:
    """A recording without what is silent at its ends, but for `margin` seconds."""
    loud = np.flatnonzero(
        np.abs(wave.astype(np.int32)) > 0.02 * np.abs(wave.astype(np.int32)).max()
    )
    if len(loud) == 0:
        return wave
    spare = int(margin * rate)
    return wave[max(loud[0] - spare, 0) : loud[-1] + spare]
