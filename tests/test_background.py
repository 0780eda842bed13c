"""Training's noise: of any number, never the same, and each track loud enough to hear."""

from __future__ import annotations

import numpy as np
import pytest

from kws_train import background
from kws_train.background import Maker, Wave
from kws_train.noise import level_db

RATE = 16_000
COUNT = 40


@pytest.fixture(scope="module")
def recordings() -> list[Wave]:
    """Two tones of 5 s, which no made noise sounds like."""
    time = np.arange(5 * RATE) / RATE
    return [(3000 * np.sin(2 * np.pi * f * time)).astype(np.int16) for f in (3000, 4000)]


def tonality(track: Wave) -> float:
    """Share of the power that the strongest tenth of an octave has."""
    power = np.abs(np.fft.rfft(track.astype(np.float64))) ** 2
    place = np.log2(np.maximum(np.arange(len(power)), 1)) * 10
    return float(np.bincount(place.astype(int), power).max() / power.sum())


def test_tracks_are_long_and_loud_and_differ(recordings: list[Wave]) -> None:
    made = background.tracks(recordings, COUNT, RATE, np.random.default_rng(1))
    assert len(made) == COUNT
    for track in made:
        assert track.shape == (round(background.SECONDS * RATE),)
        assert np.abs(track).max() == pytest.approx(background.PEAK, abs=1)
        assert level_db(track, RATE) > -30
    assert len({track.tobytes() for track in made}) == COUNT


def test_a_recording_is_heard_at_many_speeds(
    recordings: list[Wave], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "RECORDED", 1.0)
    monkeypatch.setattr(background, "SECOND", 0.0)
    made = background.tracks(recordings, COUNT, RATE, np.random.default_rng(2))
    peaks = [np.abs(np.fft.rfft(track)).argmax() / background.SECONDS for track in made]
    slow, fast = background.SPEED
    assert min(peaks) == pytest.approx(3000 * slow, rel=0.1)
    assert max(peaks) == pytest.approx(4000 * fast, rel=0.1)
    assert all(3000 * slow - 50 < peak < 4000 * fast + 50 for peak in peaks)


def test_the_share_of_recordings_is_kept(
    recordings: list[Wave], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "SECOND", 0.0)
    monkeypatch.setattr(background, "MADE", (background.slope,))
    made = background.tracks(recordings, 4 * COUNT, RATE, np.random.default_rng(3))
    share = np.mean([tonality(track) > 0.5 for track in made])
    assert share == pytest.approx(background.RECORDED, abs=0.12)


def test_babble_has_no_pause_and_follows_its_voices() -> None:
    time = np.arange(RATE // 2) / RATE
    voices = [(9000 * np.sin(2 * np.pi * f * time)).astype(np.int16) for f in (500, 1500)]
    for track in background.babbles(voices, 5, RATE, np.random.default_rng(4)):
        assert track.shape == (round(background.SECONDS * RATE),)
        power = np.square(track.astype(np.float64)).reshape(-1, RATE // 10).mean(axis=1)
        assert (power > 1e-3 * power.mean()).mean() > 0.9
        spectrum = np.abs(np.fft.rfft(track)) ** 2
        hertz = np.fft.rfftfreq(len(track), 1 / RATE)
        own = (np.abs(hertz - 500) < 50) | (np.abs(hertz - 1500) < 50)
        assert spectrum[own].sum() > 0.95 * spectrum.sum()


def test_equal_seeds_give_equal_noise(recordings: list[Wave]) -> None:
    def made(seed: int) -> bytes:
        rng = np.random.default_rng(seed)
        noises = background.tracks(recordings, 4, RATE, rng)
        return b"".join(
            track.tobytes() for track in noises + background.babbles(noises, 1, RATE, rng)
        )

    assert made(1) == made(1)
    assert made(1) != made(2)


@pytest.mark.parametrize("make", background.MADE)
def test_made_noises_sound(make: Maker) -> None:
    for seed in range(9):
        sound = make(RATE, RATE, np.random.default_rng(seed))
        assert sound.shape == (RATE,)
        assert np.isfinite(sound).all()
        assert sound.std() > 0
