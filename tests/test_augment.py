"""Varied versions of recordings, and masks on columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.spec import FrontEnd
from kws_train import augment, scenes
from kws_train.augment import (
    PAUSE,
    Augmentation,
    crop_and_mask,
    judging_noises,
    starts,
    training_noises,
    vary,
)

SPEC = FrontEnd()
PLAIN = Augmentation(
    speed=(1.0, 1.0), gain_db=(0.0, 0.0), noise=0.0, time_masks=0, frequency_masks=0, shift=0
)
NOISE = [np.random.default_rng(0).integers(-500, 500, 4 * SPEC.sample_rate).astype(np.int16)]


@given(st.integers(0, 2 * SPEC.samples), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_a_version_has_the_windows_samples(length: int, seed: int) -> None:
    wave = np.random.default_rng(seed).integers(-(2**15), 2**15, length).astype(np.int16)
    version = vary(wave, NOISE, SPEC, Augmentation(), np.random.default_rng(seed))
    assert version.samples.dtype == np.int16
    assert len(version.samples) == Augmentation().samples(SPEC)
    assert 0 <= version.spoken[0] < version.spoken[1] <= len(version.samples)


def test_the_same_generator_gives_the_same_version() -> None:
    wave = NOISE[0][: SPEC.sample_rate]
    first, second = (
        vary(wave, NOISE, SPEC, Augmentation(), np.random.default_rng(7)) for _ in range(2)
    )
    assert (first.samples == second.samples).all()
    assert first.spoken == second.spoken


def test_without_variation_the_recording_stays(speech: dict[str, np.ndarray]) -> None:
    wave = speech["yes-flite"][: SPEC.samples]
    version, _ = vary(wave, NOISE, SPEC, PLAIN, np.random.default_rng(1))
    lag = np.correlate(version.astype(float), wave.astype(float), "valid").argmax()
    assert (version[lag : lag + len(wave)] == wave).all()


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_a_version_tells_where_its_own_word_is(seed: int) -> None:
    wave = np.zeros(SPEC.sample_rate, np.int16)
    wave[5_000:9_000] = 8_000 * np.sin(np.arange(4_000))
    wide = replace(PLAIN, margin=40)  # whatever the gap, there is room beside the word
    first, *others = (
        vary(wave, NOISE, SPEC, options, np.random.default_rng(seed), beside, rooms)
        for options, beside, rooms in (
            (wide, (), ()),
            (replace(wide, beside=1.0), [wave], ()),
            (replace(wide, room=1.0), (), [np.array([1, 0, 0.5], np.float32)]),
        )
    )
    heard = np.flatnonzero(first.samples)
    spare = 0.05 * SPEC.sample_rate
    assert heard[0] - spare <= first.spoken[0] <= heard[0]
    assert heard[-1] < first.spoken[1] <= heard[-1] + spare
    for other in others:
        assert other.spoken == first.spoken
        assert not np.array_equal(other.samples, first.samples)


def test_rooms_are_for_their_share_of_the_versions() -> None:
    wave = NOISE[0][: SPEC.samples]
    rooms = [np.array([0, 1], np.float32)]
    options = replace(PLAIN, room=0.5)
    changed = []
    for seed in range(40):
        dry, wet = (
            vary(wave, NOISE, SPEC, options, np.random.default_rng(seed), (), r).samples
            for r in ((), rooms)
        )
        late = np.abs(wet[1:].astype(int) - dry[:-1]).max() <= 1
        assert late or (wet == dry).all()
        changed.append(late)
    assert 10 < sum(changed) < 30


@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_noise_is_mixed_at_the_ratio(snr_db: float) -> None:
    options = replace(PLAIN, noise=1.0, snr_db=(snr_db, snr_db))
    wave = np.random.default_rng(2).integers(-3_000, 3_000, SPEC.samples // 2).astype(np.int16)
    noisy = vary(wave, NOISE, SPEC, options, np.random.default_rng(3)).samples.astype(float)
    found = np.correlate(noisy, wave.astype(float), "valid").argmax()
    clean = np.zeros(len(noisy))
    clean[found : found + len(wave)] = wave
    measured = 10 * np.log10(np.mean(clean**2) / np.mean((noisy - clean) ** 2))
    assert measured == pytest.approx(snr_db, abs=0.5)


def test_training_and_judging_share_no_noise() -> None:
    numbered = [np.arange(1_000, dtype=np.int16)]
    assert not set(training_noises(numbered)[0]) & set(judging_noises(numbered)[0])


@st.composite
def spans(draw: st.DrawFn) -> tuple[Augmentation, tuple[int, int]]:
    """How far a window may move, and the samples of a version in which something is said."""
    margin = draw(st.integers(0, 24))
    options = Augmentation(margin=margin, shift=draw(st.integers(0, margin)), whole=True)
    length = options.samples(SPEC)
    first = draw(st.integers(0, length))
    return options, (first, draw(st.integers(first, length)))


def lack(start: int, spoken: tuple[int, int]) -> float:
    """Samples of a word and its pauses that a window does not have."""
    before, after = (seconds * SPEC.sample_rate for seconds in PAUSE)
    early = start * SPEC.hop - (spoken[0] - before)
    late = spoken[1] + after - (start * SPEC.hop + SPEC.samples)
    return max(0.0, early) + max(0.0, late)


def allowed(
    spoken: tuple[int, int], options: Augmentation, free: bool = False
) -> tuple[int, int, int, int]:
    """What `starts` says of one version, between the ends of the shift."""
    found = starts(np.array([spoken], np.int32), SPEC, options, np.array([free]))
    assert found.shape == (1, 2)
    assert found.dtype == np.int32
    low, high = found[0].tolist()
    return options.margin - options.shift, low, high, options.margin + options.shift


@given(spans())
def test_a_window_moves_as_far_as_the_word_with_its_pauses_stays(
    drawn: tuple[Augmentation, tuple[int, int]],
) -> None:
    options, spoken = drawn
    lowest, low, high, highest = allowed(spoken, options)
    assert lowest <= low <= options.margin <= high <= highest
    middle = lack(options.margin, spoken)
    assert all(lack(start, spoken) <= middle for start in range(low, high + 1))
    assert low == lowest or lack(low - 1, spoken) > 0
    assert high == highest or lack(high + 1, spoken) > 0


@given(spans())
def test_what_is_no_command_moves_freely(drawn: tuple[Augmentation, tuple[int, int]]) -> None:
    options, spoken = drawn
    for lowest, low, high, highest in (
        allowed(spoken, options, free=True),
        allowed(spoken, replace(options, whole=False)),
    ):
        assert (low, high) == (lowest, highest)


def test_a_short_word_in_the_middle_moves_all_the_way_and_a_long_one_not_at_all() -> None:
    options = Augmentation(margin=8, shift=6, whole=True)
    length = options.samples(SPEC)
    middle = length // 2
    assert allowed((middle - 800, middle + 800), options)[1:3] == (2, 14)
    assert allowed((0, length), options)[1:3] == (8, 8)


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_windows_are_crops_of_their_versions_but_for_the_masks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    options = Augmentation()
    rows = SPEC.columns + 2 * options.margin
    versions = rng.integers(1, 128, (3, rows, SPEC.coefficients)).astype(np.int8)
    within = np.sort(rng.integers(0, rows - SPEC.columns + 1, (3, 2)), axis=1).astype(np.int32)
    windows = crop_and_mask(versions, within, SPEC.columns, options, rng)
    for version, (low, high), window in zip(versions, within, windows, strict=True):
        crops = np.lib.stride_tricks.sliding_window_view(version, SPEC.columns, axis=0)
        crops = crops.transpose(0, 2, 1)[low : high + 1]
        assert any(((window == crop) | (window == 0)).all() for crop in crops)
        masked = window == 0
        bands = masked.all(axis=1)[:, None] | masked.all(axis=0)
        assert (bands == masked).all()


def test_words_of_a_phrase_are_no_farther_than_a_pause_and_words_beside_a_command_are() -> None:
    assert scenes.JOINT[1] <= max(PAUSE) < scenes.GAP[0]


def test_a_slope_is_level_where_nothing_is_heard() -> None:
    sound = augment.sloped(20 * SPEC.sample_rate, (-1.0, -1.0), np.random.default_rng(0))
    power = np.square(np.abs(np.fft.rfft(sound)))  # of steps of 1/20 Hz
    low, lowest = power[200:400].mean(), power[1:200].mean()
    assert lowest == pytest.approx(low, rel=0.3)
    assert power[400:800].mean() == pytest.approx(low / 2, rel=0.3)


def test_all_starts_that_may_be_are_drawn() -> None:
    rows = np.arange(SPEC.columns + 2 * PLAIN.margin, dtype=np.int8)
    versions = np.broadcast_to(rows[:, None], (600, len(rows), SPEC.coefficients))
    within = np.repeat(np.array([[3, 7], [16, 16], [0, 1]], np.int32), 200, axis=0)
    first = crop_and_mask(versions, within, SPEC.columns, PLAIN, np.random.default_rng(6))[:, 0, 0]
    drawn = [set(part.tolist()) for part in np.split(first, 3)]
    assert drawn == [{3, 4, 5, 6, 7}, {16}, {0, 1}]


def test_a_channel_colours_a_recording_smoothly() -> None:
    options = replace(PLAIN, channel=6.0)
    wave = np.random.default_rng(4).integers(-3_000, 3_000, SPEC.samples).astype(np.int16)
    plain, coloured = (
        np.abs(np.fft.rfft(vary(wave, NOISE, SPEC, o, np.random.default_rng(5)).samples / 1.0))
        for o in (PLAIN, options)
    )
    bands = [
        20 * np.log10(np.mean(c) / np.mean(p))
        for c, p in zip(np.array_split(coloured, 40), np.array_split(plain, 40), strict=True)
    ]
    assert np.std(bands) > 1.0
    assert np.abs(np.diff(bands)).max() < 6.0
