"""What stands around a word in a stream."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.spec import FrontEnd
from kws_train import scenes

RATE = FrontEnd().sample_rate


def tone(length: int, start: int, stop: int, peak: float = 8_000) -> np.ndarray:
    sound = np.zeros(length, np.float32)
    sound[start:stop] = peak * np.sin(np.arange(stop - start))
    return sound


def test_the_extent_is_what_is_loud() -> None:
    start, stop = scenes.extent(tone(RATE, 4_000, 9_000), RATE)
    spare = scenes.MARGIN * RATE + scenes.FRAME * RATE
    assert 4_000 - spare <= start <= 4_000
    assert 9_000 <= stop <= 9_000 + spare
    assert scenes.extent(np.zeros(500, np.float32), RATE) == (0, 500)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_words_beside_leave_the_word_itself(seed: int) -> None:
    sound = tone(2 * RATE, 14_000, 18_000)
    result = scenes.beside(
        sound, tone(RATE, 1, 6_000), tone(RATE, 9_000, 12_000), RATE, np.random.default_rng(seed)
    )
    start, stop = scenes.extent(sound, RATE)
    assert (result[start:stop] == sound[start:stop]).all()
    assert np.abs(result[:start]).max() > 100
    assert np.abs(result[stop:]).max() > 100


def test_words_beside_need_room() -> None:
    sound = tone(RATE, 0, RATE)
    again = scenes.beside(sound, sound, sound, RATE, np.random.default_rng(0))
    assert (again == sound).all()


def test_a_word_cut_short_is_less_than_half_of_it() -> None:
    wave = tone(RATE, 4_000, 9_000).astype(np.int16)
    for seed in range(10):
        cut = scenes.cut_short(wave, RATE, np.random.default_rng(seed))
        assert 0 < len(cut) < 0.5 * (5_000 + 2 * (scenes.MARGIN + scenes.FRAME) * RATE)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_a_word_cut_off_touches_the_windows_end(seed: int) -> None:
    wave = tone(RATE, 4_000, 9_000).astype(np.int16)
    window = scenes.cut_off(wave, RATE, RATE, np.random.default_rng(seed))
    heard = np.flatnonzero(window)
    assert len(window) == RATE
    assert np.ptp(heard) < 0.5 * (5_000 + 2 * (scenes.MARGIN + scenes.FRAME) * RATE)
    spare = scenes.MARGIN * RATE + scenes.FRAME * RATE
    assert heard[0] <= spare or heard[-1] >= RATE - spare


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_joined_words_leave_no_pause(seed: int) -> None:
    words = [tone(RATE, 4_000, stop).astype(np.int16) for stop in (7_000, 9_000, 12_000)]
    sound = scenes.joined(words, 2 * RATE, RATE, np.random.default_rng(seed))
    loud = np.flatnonzero(np.abs(sound.astype(int)) > 500)
    longest = scenes.JOINT[1] + 2 * (scenes.MARGIN + 2 * scenes.FRAME + scenes.FADE)
    assert len(sound) == 2 * RATE
    assert np.diff(loud, prepend=0, append=2 * RATE).max() <= longest * RATE


def test_a_room_keeps_length_and_power_and_lasts() -> None:
    sound = tone(RATE, 1_000, 5_000)
    wet = scenes.in_a_room(sound, RATE, np.random.default_rng(3))
    assert wet.shape == sound.shape
    assert abs(np.square(wet).mean() / np.square(sound).mean() - 1) < 1e-3
    assert np.abs(wet[5_200:5_600]).max() > 10
    assert np.abs(wet[:900]).max() < 1
