"""Material without a word: tight, of every clip, at the levels that it is to have."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kws_train import negatives
from kws_train.noise import Wave, level_db

RATE = 16_000


@pytest.fixture(scope="module")
def noises() -> list[Wave]:
    return [np.random.default_rng(3).normal(0, 500, 4 * RATE).astype(np.int16)]


def tone(hertz: float) -> Wave:
    """Half a second of a tone in the middle of a second."""
    wave = np.zeros(RATE)
    time = np.arange(RATE // 2) / RATE
    wave[RATE // 4 : 3 * RATE // 4] = 6000 * np.sin(2 * np.pi * hertz * time)
    return wave.astype(np.int16)


def test_words_are_joined_tightly_and_all_come(noises: list[Wave]) -> None:
    pitches = [400, 900, 1500, 2600]
    joined = negatives.joined_words([tone(f) for f in pitches], noises, RATE, 30, 1)
    assert len(joined) == 30 * RATE
    frames = joined.reshape(-1, 320).astype(np.float64)
    spectra = np.abs(np.fft.rfft(frames * np.hanning(320)))
    heard = spectra[:, 2:].argmax(axis=1) + 2
    loud = np.sqrt((frames**2).mean(axis=1)) > 250  # of the quietest word, about 500
    assert 0.8 < loud.mean() < 0.98  # clips alone are half silent
    for pitch in pitches:
        assert (heard[loud] == pitch // 50).mean() == pytest.approx(0.25, abs=0.07)


def test_neighbouring_words_differ_in_level(noises: list[Wave]) -> None:
    joined = negatives.joined_words([tone(1000)], noises, RATE, 30, 1)
    frames = joined.reshape(-1, RATE // 4).astype(np.float64)
    level = 10 * np.log10((frames**2).mean(axis=1) / 32_768**2)
    assert level.max() == pytest.approx(negatives.WORD_DB[1], abs=3)
    assert np.ptp(level) > 12


@pytest.mark.parametrize("seconds", [0.5, 15.0, 100.0])
def test_noise_alone_is_as_long_as_asked_and_of_any_level(
    noises: list[Wave], seconds: float
) -> None:
    wave = negatives.noise_alone(noises, RATE, seconds, 2)
    assert len(wave) == int(seconds * RATE)
    pieces = [wave[i : i + 15 * RATE] for i in range(0, len(wave), 15 * RATE)]
    levels = [level_db(piece, RATE) for piece in pieces]
    low, high = negatives.NOISE_DB
    assert all(low - 1 <= level <= high + 15 for level in levels)  # the loudest half second
    assert len(levels) == 1 or np.ptp(levels) > 5


def test_equal_seeds_give_equal_audio(noises: list[Wave]) -> None:
    def made(seed: int) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        joined = negatives.joined_words([tone(500), tone(700)], noises, RATE, 5, seed)
        return joined, negatives.noise_alone(noises, RATE, 40, seed)

    for one, same, other in zip(made(1), made(1), made(2), strict=True):
        assert np.array_equal(one, same)
        assert not np.array_equal(one, other)
