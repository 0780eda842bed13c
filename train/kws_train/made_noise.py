"""Noises that are made: hiss, hum, babble, clatter and tones, each from a generator's draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_train.synthesise import synthesise, trimmed

Sound = NDArray[np.float32]
Wave = NDArray[np.int16]
Rng = np.random.Generator
Maker = Callable[[int, Rng], Sound]  # `length` samples with an rms of 1

LOWEST_HZ = 20.0  # below it, noises that rise towards low frequencies stay level
TALKERS = 8  # who babble at once
WORDS = ("seven", "window", "paper", "morning", "hundred", "music", "animal", "table")  # and say


def white(length: int, rate: int, rng: Rng) -> Sound:
    """Noise of equal power at all frequencies."""
    return _sloped(length, rate, 0.0, rng)


def pink(length: int, rate: int, rng: Rng) -> Sound:
    """Noise whose power falls by 3 dB an octave."""
    return _sloped(length, rate, 0.5, rng)


def brown(length: int, rate: int, rng: Rng) -> Sound:
    """Noise whose power falls by 6 dB an octave."""
    return _sloped(length, rate, 1.0, rng)


def hum(length: int, rate: int, rng: Rng) -> Sound:
    """The mains' frequency and its harmonics, slowly drifting."""
    time = np.arange(length) / rate
    drift = 0.002 * np.sin(2 * np.pi * rng.uniform(0.05, 0.3) * time + rng.uniform(0, 6.3))
    phase = 2 * np.pi * rng.choice([50.0, 60.0]) * np.cumsum(1 + drift) / rate
    sound = np.zeros(length)
    for harmonic in range(1, 31):
        gain = rng.uniform(0.1, 1.0) / harmonic**0.7
        sound += gain * np.sin(harmonic * phase + rng.uniform(0, 2 * np.pi))
    return level(sound + 0.02 * rng.standard_normal(length))


def clatter(length: int, rate: int, rng: Rng) -> Sound:
    """Knocks and clicks: resonances that are struck, some ten a second, and die away."""
    sound = 1e-3 * rng.standard_normal(length)
    for start in rng.integers(0, length, rng.poisson(rng.uniform(3, 15) * length / rate)):
        decay = rng.uniform(0.002, 0.05)
        time = np.arange(int(6 * decay * rate)) / rate
        ring = np.sin(2 * np.pi * rng.uniform(300, 6000) * time) + rng.standard_normal(len(time))
        struck = rng.uniform(0.1, 1.0) * ring * np.exp(-time / decay)
        part = sound[start : start + len(time)]
        part += struck[: len(part)]
    return level(sound)


def tones(length: int, rate: int, rng: Rng) -> Sound:
    """Music of a kind: overlapping notes of one scale, with harmonics, struck and dying away."""
    scale = 110.0 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 17, 19, 21, 23, 24]) / 12)
    scale *= 2 ** rng.uniform(0, 1)
    sound = 1e-3 * rng.standard_normal(length)
    for start in rng.integers(0, length, max(1, rng.poisson(rng.uniform(2, 8) * length / rate))):
        decay = rng.uniform(0.1, 0.7)
        time = np.arange(int(4 * decay * rate)) / rate
        hertz = rng.choice(scale)
        note = sum(
            np.sin(2 * np.pi * k * hertz * time) / k ** rng.uniform(1, 2) for k in range(1, 7)
        )
        note *= rng.uniform(0.2, 1.0) * np.exp(-time / decay) * np.minimum(time / 0.01, 1)
        part = sound[start : start + len(time)]
        part += note[: len(part)]
    return level(sound)


def babble(length: int, rate: int, rng: Rng, voices: Sequence[Wave]) -> Sound:
    """`TALKERS` who each say word after word, without a pause; none of them can be followed."""
    sound = np.zeros(length)
    for _ in range(TALKERS):
        place = -int(rng.integers(rate))
        while place < length:
            wave = trimmed(voices[rng.integers(len(voices))], rate).astype(np.float64)
            wave /= max(float(np.sqrt(np.mean(wave**2))), 1.0)
            part = sound[max(place, 0) : place + len(wave)] if place + len(wave) > 0 else sound[:0]
            part += wave[max(-place, 0) :][: len(part)]
            place += max(len(wave), 1)
    return level(sound)


def makers(rate: int, voices: Sequence[Wave] = ()) -> dict[str, Maker]:
    """What makes `length` samples of each noise, with an rms of 1.

    `voices` are clips of words that babble is made of; without any, a synthesiser speaks some.
    """
    said = list(voices) or [wave for word in WORDS for wave in synthesise(word, 6, rate)]
    return {
        "white": lambda length, rng: white(length, rate, rng),
        "pink": lambda length, rng: pink(length, rate, rng),
        "brown": lambda length, rng: brown(length, rate, rng),
        "hum": lambda length, rng: hum(length, rate, rng),
        "babble": lambda length, rng: babble(length, rate, rng, said),
        "clatter": lambda length, rng: clatter(length, rate, rng),
        "tones": lambda length, rng: tones(length, rate, rng),
    }


def _sloped(length: int, rate: int, power: float, rng: Rng) -> Sound:
    """White noise whose amplitudes are divided by the frequency to some power."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    hertz = np.fft.rfftfreq(length, 1 / rate)
    spectrum *= np.maximum(hertz, LOWEST_HZ) ** -power
    return level(np.fft.irfft(spectrum, length))


def level(sound: NDArray[np.floating[Any]]) -> Sound:
    """An rms of 1."""
    rms = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    return (sound / max(rms, 1e-12)).astype(np.float32)
