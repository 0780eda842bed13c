"""The noise that training hears: recordings made into many, noises that are made, and babble."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from kws_train import augment, scenes
from kws_train.made_noise import level
from kws_train.noise import amplitude

Wave = NDArray[np.int16]
Sound = NDArray[np.float32]
Rng = np.random.Generator
Maker = Callable[[int, int, Rng], Sound]  # of so many samples, at a rate

SECONDS = 20.0  # of a track
RECORDED = 0.6  # share of tracks that are recordings
SPEED = (0.7, 1.4)  # that a recording is played at
COLOUR_DB = 4.0  # deviation of the gains that it is heard through
SECOND = 0.3  # share of tracks with another noise behind the first
BEHIND_DB = (-15.0, 0.0)  # level of that one, to the first's
SWINGING = 0.5  # share of tracks whose level moves
SWING_DB = 6.0  # up and down
KNOT = 1.5  # seconds between two levels
BABBLE = 0.2  # share of tracks that are babble, where there are voices
TALKERS = (3, 9)  # who babble at once
TALKER_DB = (-6.0, 0.0)  # level of each
GAP = (-0.05, 0.3)  # seconds between a talker's words; below 0 they overlap
LEAST = 0.05  # seconds from one word to the next
SLOPES = (-1.0, 0.5)  # powers of the frequency, from brown to blue
PEAK = 0.7 * 2**15  # of a track


def tracks(recordings: Sequence[Wave], count: int, rate: int, rng: Rng) -> list[Wave]:
    """`count` tracks of noise, int16, `SECONDS` each: recordings and made ones.

    A recording is heard at another speed and in another colour each time, so that few stand for
    many: a small network learns six recordings by heart, and is lost in a seventh.
    """
    length = int(SECONDS * rate)

    def one() -> Sound:
        if rng.random() < RECORDED:
            return _recorded(recordings[rng.integers(len(recordings))], length, rate, rng)
        return level(MADE[rng.integers(len(MADE))](length, rate, rng))

    made = []
    for _ in range(count):
        sound = one()
        if rng.random() < SECOND:
            sound = sound + one() * np.float32(amplitude(rng.uniform(*BEHIND_DB)))
        if rng.random() < SWINGING:
            knots = int(SECONDS / KNOT)
            swing = rng.uniform(-SWING_DB, SWING_DB, knots)
            place = np.linspace(0, knots - 1, length)
            sound = sound * 10 ** (np.interp(place, range(knots), swing) / 20)
        made.append(_track(sound))
    return made


def babbles(voices: Sequence[Wave], count: int, rate: int, rng: Rng) -> list[Wave]:
    """`count` tracks of `TALKERS` who say word after word at once: int16, `SECONDS` each."""
    made = []
    for _ in range(count):
        sound = np.zeros(int(SECONDS * rate), np.float32)
        for _ in range(rng.integers(*TALKERS)):
            loudness = amplitude(rng.uniform(*TALKER_DB))
            place = int(rng.uniform(*GAP) * rate)
            while place < len(sound):
                wave = voices[rng.integers(len(voices))].astype(np.float32)
                first, end = scenes.extent(wave, rate)
                word = level(wave[first:end]) * np.float32(loudness)
                start = max(place, 0)
                part = sound[start : start + len(word)]
                part += word[: len(part)]
                place = start + max(len(word) + int(rng.uniform(*GAP) * rate), int(LEAST * rate))
        made.append(_track(sound))
    return made


def hum(length: int, rate: int, rng: Rng) -> Sound:
    """Tones of a mains transformer, a fan, a motor or an instrument, with overtones that swell."""
    time = np.arange(length) / rate
    sound = 0.02 * rng.standard_normal(length)
    for _ in range(rng.integers(1, 4)):
        pitch = 45 * 10 ** rng.uniform(0, 1)
        for overtone in range(1, rng.integers(4, 25)):
            swell = 1 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.05, 3) * time + rng.uniform(0, 7))
            tone = np.sin(2 * np.pi * pitch * overtone * time + rng.uniform(0, 7))
            sound += swell * tone * rng.uniform() / overtone ** rng.uniform(0.5, 1.2)
    return sound.astype(np.float32)


def taps(length: int, rate: int, rng: Rng) -> Sound:
    """Knocks, clicks and clinks: resonances that die away, one to eight a second."""
    sound = 0.003 * rng.standard_normal(length)
    for start in rng.integers(0, length, max(1, int(rng.uniform(1, 8) * length / rate))):
        time = np.arange(min(length - start, rate // 2)) / rate
        decay = np.exp(-time / rng.uniform(0.003, 0.08))
        tone = np.sin(2 * np.pi * rng.uniform(150, 6000) * time)
        struck = decay * (tone + rng.uniform(0, 1) * rng.standard_normal(len(time)))
        sound[start : start + len(time)] += rng.uniform(0.1, 1) * struck
    return sound.astype(np.float32)


def slope(length: int, _rate: int, rng: Rng) -> Sound:
    """Noise from brown to blue."""
    return augment.sloped(length, SLOPES, rng)


MADE: tuple[Maker, ...] = (slope, hum, taps)


def _recorded(recording: Wave, length: int, rate: int, rng: Rng) -> Sound:
    """A stretch of a recording, repeated where it is too short, at another speed and colour."""
    speed = rng.uniform(*SPEED)
    place = rng.integers(len(recording)) + np.arange(int(length * speed) + rate)
    sound = recording[place % len(recording)].astype(np.float32)
    sound = soxr.resample(sound, speed * rate, rate, quality="MQ")[:length]
    return level(augment.coloured(sound, COLOUR_DB, rng))


def _track(sound: NDArray[np.floating[Any]]) -> Wave:
    scale = PEAK / max(float(np.abs(sound).max()), 1e-9)
    return np.asarray(np.rint(sound * scale), np.int16)
