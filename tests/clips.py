"""Recordings for tests and benchmarks: validation clips as a model sees them, a small archive."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from kws.spec import FrontEnd
from kws_train.data import COMMANDS, load, speech_commands, windows
from kws_train.synthesise import synthesise

RATE = 16_000
# the rest of an experiment that trains on ten clips a word
BRIEFLY = """
[synthetic]
least = 1
fill = 4
[train]
epochs = 2
batch = 4
"""


def validation_windows(data: Path, spec: FrontEnd, count: int) -> NDArray[np.int8]:
    """Evenly chosen clips of the commands: int8 [count, columns, coefficients]."""
    clips = [
        c for c in speech_commands(data / "speech_commands")["validation"] if c.word in COMMANDS
    ]
    chosen = np.linspace(0, len(clips) - 1, min(count, len(clips))).astype(int)
    _, waves = load([clips[i] for i in chosen], spec.sample_rate)
    return windows(waves, spec)


def write_archive(root: Path, words: Iterable[str], seconds: int = 5) -> NDArray[np.int16]:
    """Ten synthesised clips a word, the last of each for validation; a noise, which it returns."""
    listed = []
    for word in words:
        (root / word).mkdir(parents=True)
        for number, wave in enumerate(synthesise(word, 10, RATE)):
            name = f"{word}/{word}{number}_nohash_0.wav"
            soundfile.write(root / name, wave, RATE)
            listed += [name] if number == 9 else []
    (root / "validation_list.txt").write_text("\n".join(listed))
    (root / "_background_noise_").mkdir()
    noise = np.random.default_rng(0).integers(-900, 900, seconds * RATE).astype(np.int16)
    soundfile.write(root / "_background_noise_" / "noise.wav", noise, RATE)
    return noise
