"""Hours of noise to count false accepts in: recorded and made ones, mixed, never the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from kws_train import made_noise
from kws_train.noise import SEED, Rng, Sound, Wave, amplitude, bed, to_int16

PART = 600  # seconds, at most, that are given at a time
SCENE = (10.0, 40.0)  # seconds of one mixture
SOURCES = 3  # noises in a mixture, at most
LOUDEST_DB = -20.0  # of a noise, relative to full scale
LEVEL_DB = (LOUDEST_DB - 35.0, LOUDEST_DB)  # of each, drawn uniformly
SWING_DB = 8.0  # that its level moves up and down by, meanwhile
_KNOT = 3.0  # seconds between two levels, about
_FADE = 0.25  # seconds at both ends of a mixture
_FULL_SCALE = 32_768.0


def mixed(
    hours: float,
    rate: int,
    recordings: Sequence[Wave],
    voices: Sequence[Wave] = (),
    seed: int = SEED,
) -> Iterator[Wave]:
    """Stretches of noise, int16, `hours` in all; equal arguments give equal samples.

    A scene of 10 to 40 s is one to three noises at once, each at a level of its own that wanders:
    white, pink, brown, hum, babble of `voices`, clatter, tones, or one of the recordings.
    """
    makers = made_noise.makers(rate, voices)
    if any(np.any(wave) for wave in recordings):
        makers["recorded"] = lambda length, rng: bed(recordings, length, 0.0, rng) / _FULL_SCALE
    names = sorted(makers)
    rng = np.random.default_rng([seed, 2])
    left = round(hours * 3600 * rate)
    while left > 0:
        part = np.zeros(min(left, PART * rate), np.float32)
        place = 0
        while place < len(part):
            length = min(int(rng.uniform(*SCENE) * rate), len(part) - place)
            chosen = rng.choice(names, rng.integers(1, SOURCES + 1), replace=False)
            for name in chosen:
                sound = makers[name](length, rng)
                part[place : place + length] += sound * _contour(length, rate, rng)
            place += length
        left -= len(part)
        yield to_int16(part)


def _contour(length: int, rate: int, rng: Rng) -> Sound:
    """A wandering amplitude in int16 steps, with fades at both ends."""
    knots = max(2, round(length / rate / _KNOT))
    level = rng.uniform(*LEVEL_DB) + rng.uniform(-SWING_DB, SWING_DB, knots)
    place = np.arange(length)
    gain = np.interp(place, np.linspace(0, length, knots), [amplitude(x) for x in level])
    ends = np.minimum(place, length - 1 - place) / (_FADE * rate)
    return np.asarray(_FULL_SCALE * gain * np.minimum(ends, 1.0), np.float32)
