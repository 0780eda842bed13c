"""What stands around a word in a stream."""

from __future__ import annotations

import numpy as np
import pytest
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


WORDS = [tone(RATE, 4_000, stop).astype(np.int16) for stop in (7_000, 9_000, 12_000)]


@given(st.integers(0, 2**32 - 1), st.integers(1, 3 * RATE))
@settings(max_examples=40, deadline=None)
def test_a_phrase_has_its_length_and_no_pause_within(seed: int, length: int) -> None:
    sound, again = (
        scenes.phrase(WORDS, length, RATE, np.random.default_rng(seed)) for _ in range(2)
    )
    assert sound.dtype == np.int16
    assert sound.shape == (length,)
    assert (sound == again).all()
    loud = np.flatnonzero(np.abs(sound.astype(int)) > 500)
    longest = scenes.JOINT[1] + 2 * (scenes.MARGIN + 2 * scenes.FRAME + scenes.FADE)
    assert np.diff(loud).max(initial=0) <= longest * RATE


def test_a_phrase_begins_before_its_clip_or_within_and_may_end_in_it() -> None:
    heard = [
        np.flatnonzero(scenes.phrase(WORDS, 2 * RATE, RATE, np.random.default_rng(seed)))
        for seed in range(60)
    ]
    first = np.array([places[0] for places in heard]) / RATE
    last = np.array([places[-1] for places in heard]) / RATE
    spare = scenes.MARGIN + scenes.FRAME
    assert first.max() <= scenes.START[1] + spare
    assert (first == 0).mean() > 0.1
    assert (first > 0.3).mean() > 0.2
    assert (last > 2 - spare).mean() > 0.2
    assert (last < 1.7).mean() > 0.2


def test_a_phrase_is_of_several_words() -> None:
    """Words that only differ in how long they are: together they last longer than one."""
    short = [tone(RATE, 4_000, 4_000 + RATE // 5).astype(np.int16)]
    lasting = []
    for seed in range(30):
        places = np.flatnonzero(scenes.phrase(short, 4 * RATE, RATE, np.random.default_rng(seed)))
        lasting.append((places[0] > 0, np.ptp(places) / RATE))
    whole = [seconds for begins_within, seconds in lasting if begins_within]
    assert len(whole) > 10
    least = 0.2 + scenes.JOINT[0]
    assert all(least < seconds < scenes.WORDS[1] * 0.35 for seconds in whole)
    assert max(whole) > 1


def test_what_is_too_short_to_fade_is_no_word_of_a_phrase() -> None:
    short = [np.full(int(scenes.FADE * RATE), 900, np.int16)]
    assert not scenes.phrase(short, RATE, RATE, np.random.default_rng(0)).any()


@pytest.mark.train
def test_rooms_begin_with_the_direct_sound_and_decay() -> None:
    responses = scenes.rooms(30, RATE, np.random.default_rng(0))
    early = RATE // 500
    first = []
    for response in responses:
        assert response.dtype == np.float32
        assert np.isfinite(response).all()
        assert RATE // 50 < len(response) < RATE
        loud = np.abs(response)
        assert loud[0] > 0.3 * loud.max()
        assert loud[:early].max() > 0.5 * loud.max()
        first.append(loud.argmax() < early)
        power = [np.square(part).sum() for part in np.array_split(response.astype(float), 4)]
        assert power[0] > 100 * power[3]
        assert power[1] > power[3]
    assert np.mean(first) > 0.75  # two reflections at once can be louder


@pytest.mark.train
def test_rooms_are_the_same_again_and_differ() -> None:
    few, many = (scenes.rooms(n, RATE, np.random.default_rng(1)) for n in (3, 5))
    for one, other in zip(few, many[:3], strict=True):
        assert np.array_equal(one, other)
    assert len({response.tobytes() for response in many}) == 5
    assert not np.array_equal(few[0], scenes.rooms(1, RATE, np.random.default_rng(2))[0])


@given(st.integers(0, 2**32 - 1), st.integers(1, 3_000), st.integers(1, 4_000))
@settings(max_examples=30, deadline=None)
def test_a_room_filters_and_keeps_length_and_power(seed: int, length: int, lasts: int) -> None:
    rng = np.random.default_rng(seed)
    sound = rng.normal(0, 3_000, length).astype(np.float32)
    response = rng.normal(0, 1, lasts).astype(np.float32)
    response[0] = 3
    wet = scenes.in_a_room(sound, response)
    assert wet.dtype == np.float32
    assert wet.shape == sound.shape
    assert np.square(wet).mean() == pytest.approx(np.square(sound).mean(), rel=1e-3)
    filtered = np.convolve(sound.astype(float), response.astype(float))[:length]
    filtered *= np.sqrt(np.square(sound.astype(float)).mean() / np.square(filtered).mean())
    loudest = float(np.abs(filtered).max())
    np.testing.assert_allclose(wet, filtered, atol=1e-4 * loudest)
    np.testing.assert_allclose(
        scenes.in_a_room(-0.5 * sound, response), -0.5 * wet, atol=1e-4 * loudest
    )


def test_a_room_lasts_and_adds_nothing_before_the_sound() -> None:
    sound = tone(RATE, 1_000, 5_000)
    decay = np.exp(-np.arange(RATE // 2) / 2_000).astype(np.float32)
    wet = scenes.in_a_room(sound, decay * np.random.default_rng(3).choice((-1, 1), RATE // 2))
    assert np.abs(wet[:900]).max() < 1
    assert np.abs(wet[5_200:5_600]).max() > 100


def test_a_room_without_walls_changes_nothing_and_silence_stays_silence() -> None:
    sound = tone(RATE, 1_000, 5_000)
    alone = np.ones(1, np.float32)
    np.testing.assert_allclose(scenes.in_a_room(sound, alone), sound, atol=0.05)
    assert not scenes.in_a_room(np.zeros(RATE, np.float32), alone).any()


@given(st.integers(0, 2**32 - 1), st.integers(1, 3_000), st.floats(0.1, 4))
@settings(max_examples=30, deadline=None)
def test_equal_gains_at_all_frequencies_are_a_gain(seed: int, length: int, gain: float) -> None:
    sound = np.random.default_rng(seed).normal(0, 3_000, length).astype(np.float32)
    gain_db = 20 * np.log10(gain)
    filtered = scenes.filtered(sound, lambda place: np.full(len(place), gain_db))
    assert filtered.dtype == np.float32
    np.testing.assert_allclose(filtered, gain * sound, atol=0.05 * gain)


@pytest.mark.parametrize(("cycles", "stays"), [(100, True), (3_000, False)])
def test_gains_reach_from_low_frequencies_to_high(cycles: int, stays: bool) -> None:
    places = 2 * np.pi * np.arange(RATE) / RATE
    sound = (1_000 * np.sin(cycles * places)).astype(np.float32)
    expected = sound if stays else 0 * sound
    filtered = scenes.filtered(
        sound, lambda place: np.where(place * RATE / 2 < 1_000, 0.0, -np.inf)
    )
    np.testing.assert_allclose(filtered, expected, atol=1)
