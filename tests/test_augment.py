"""Varied versions of recordings, and masks on columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.spec import FrontEnd
from kws_train.augment import (
    Augmentation,
    crop_and_mask,
    judging_noises,
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
    assert version.dtype == np.int16
    assert len(version) == Augmentation().samples(SPEC)


def test_the_same_generator_gives_the_same_version() -> None:
    wave = NOISE[0][: SPEC.sample_rate]
    first, second = (
        vary(wave, NOISE, SPEC, Augmentation(), np.random.default_rng(7)) for _ in range(2)
    )
    assert (first == second).all()


def test_without_variation_the_recording_stays(speech: dict[str, np.ndarray]) -> None:
    wave = speech["yes-flite"][: SPEC.samples]
    version = vary(wave, NOISE, SPEC, PLAIN, np.random.default_rng(1))
    lag = np.correlate(version.astype(float), wave.astype(float), "valid").argmax()
    assert (version[lag : lag + len(wave)] == wave).all()


@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_noise_is_mixed_at_the_ratio(snr_db: float) -> None:
    options = replace(PLAIN, noise=1.0, snr_db=(snr_db, snr_db))
    wave = np.random.default_rng(2).integers(-3_000, 3_000, SPEC.samples // 2).astype(np.int16)
    noisy = vary(wave, NOISE, SPEC, options, np.random.default_rng(3)).astype(float)
    found = np.correlate(noisy, wave.astype(float), "valid").argmax()
    clean = np.zeros(len(noisy))
    clean[found : found + len(wave)] = wave
    measured = 10 * np.log10(np.mean(clean**2) / np.mean((noisy - clean) ** 2))
    assert measured == pytest.approx(snr_db, abs=0.5)


def test_training_and_judging_share_no_noise() -> None:
    numbered = [np.arange(1_000, dtype=np.int16)]
    assert not set(training_noises(numbered)[0]) & set(judging_noises(numbered)[0])


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_windows_are_crops_of_their_versions_but_for_the_masks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    options = Augmentation()
    rows = SPEC.columns + 2 * options.margin
    versions = rng.integers(1, 128, (3, rows, SPEC.coefficients)).astype(np.int8)
    for version, window in zip(versions, crop_and_mask(versions, SPEC, options, rng), strict=True):
        crops = np.lib.stride_tricks.sliding_window_view(version, SPEC.columns, axis=0)
        crops = crops.transpose(0, 2, 1)[options.margin - options.shift :]
        assert any(((window == crop) | (window == 0)).all() for crop in crops)
        masked = window == 0
        bands = masked.all(axis=1)[:, None] | masked.all(axis=0)
        assert (bands == masked).all()


def test_a_channel_colours_a_recording_smoothly() -> None:
    options = replace(PLAIN, channel=6.0)
    wave = np.random.default_rng(4).integers(-3_000, 3_000, SPEC.samples).astype(np.int16)
    plain, coloured = (
        np.abs(np.fft.rfft(vary(wave, NOISE, SPEC, o, np.random.default_rng(5)).astype(float)))
        for o in (PLAIN, options)
    )
    bands = [
        20 * np.log10(np.mean(c) / np.mean(p))
        for c, p in zip(np.array_split(coloured, 40), np.array_split(plain, 40), strict=True)
    ]
    assert np.std(bands) > 1.0
    assert np.abs(np.diff(bands)).max() < 6.0
