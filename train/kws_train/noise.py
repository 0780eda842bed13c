"""Background noise to judge with, and how it is mixed with words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.audio import read_audio
from kws_train import augment, data
from kws_train.data import NOISE, SUFFIXES, DataError

Wave = NDArray[np.int16]
Sound = NDArray[np.float32]
Rng = np.random.Generator

SEED = 1  # of everything drawn here and in streams
STRETCH = 0.5  # seconds: the loudest in a word have its level
_FULL_SCALE = 32_768.0


def in_noise(wave: Wave, rate: int, noises: Sequence[Wave], snr_db: float, rng: Rng) -> Wave:
    """A clip with background noise `snr_db` below its own level.

    Where the sum is beyond full scale, it is scaled back to it as a whole.
    """
    sound = wave + bed(noises, len(wave), level_db(wave, rate) - snr_db, rng)
    peak = float(np.abs(sound).max(initial=0.0))
    return to_int16(sound * np.float32(min(1.0, (_FULL_SCALE - 1) / max(peak, 1.0))))


def bed(noises: Sequence[Wave], length: int, level: float, rng: Rng) -> Sound:
    """Background noise of some length: recordings in random order, each brought to `level` dB."""
    if not any(np.any(wave) for wave in noises):
        raise DataError("there is no background noise to mix in; expected at least one recording")
    parts: list[Sound] = [np.zeros(0, np.float32)]
    missing = length
    while missing > 0:
        wave = noises[rng.integers(len(noises))]
        offset = rng.integers(len(wave))  # a short bed is any stretch of a recording
        turned = np.roll(wave, -offset)[:missing].astype(np.float32)
        parts.append(turned * np.float32(amplitude(level - _rms_db(wave))))
        missing -= len(turned)
    return np.concatenate(parts)


def level_db(wave: Wave, rate: int) -> float:
    """The rms of a word's loudest stretch, in dB relative to full scale."""
    stretch = min(int(STRETCH * rate), len(wave))
    power = np.cumsum(np.concatenate([[0.0], wave.astype(np.float64) ** 2]))
    loudest = (power[stretch:] - power[:-stretch]).max() / stretch
    return 10 * float(np.log10(max(loudest, 1.0) / _FULL_SCALE**2))


def amplitude(decibel: float) -> float:
    """The factor of an amplitude."""
    return float(10 ** (decibel / 20))


def read_noises(folders: Iterable[Path], rate: int) -> list[Wave]:
    """Background noise to judge with, mono int16 at `rate`.

    Of an archive's own recordings (a folder with `_background_noise_`, or that folder) it is the
    part that training never hears, of any other folder all recordings. Raises `DataError` for a
    folder without recordings.
    """
    waves: list[Wave] = []
    for folder in folders:
        if folder.name == NOISE or (folder / NOISE).is_dir():
            root = folder.parent if folder.name == NOISE else folder
            waves += augment.judging_noises(data.noises(root, rate))
            continue
        paths = sorted(folder.rglob("*")) if folder.is_dir() else []
        found = [read_audio(path, rate) for path in paths if path.suffix.lower() in SUFFIXES]
        if not found:
            raise DataError(f"{folder}: no background noise; expected recordings or {NOISE} there")
        waves += found
    return waves


def _rms_db(wave: Wave) -> float:
    power = float(np.mean(wave.astype(np.float64) ** 2))
    return 10 * float(np.log10(max(power, 1e-9) / _FULL_SCALE**2))


def to_int16(sound: Sound) -> Wave:
    """Sound in int16 steps, rounded and limited."""
    return np.asarray(np.clip(np.rint(sound), -_FULL_SCALE, _FULL_SCALE - 1), np.int16)
