"""fft.py and fft.c: each other's bits, and numpy's spectrum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kws.spec import FrontEnd
from kws.tables import tables
from twins import SPECTRUM, TWINS

WINDOWS = (128, 256, 512, 1024, 2048)
LARGEST = 2**29  # without a window; what a Hann window leaves of 2^30 is no more than that


def twiddle(window: int) -> NDArray[np.int32]:
    return tables(
        FrontEnd(
            window=window,
            hop=window,
            mels=20,
            coefficients=20,
            mean=(0.0,) * 20,
            deviation=(1.0,) * 20,
        )
    ).twiddle


def noise(seed: int, window: int, peak: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(-peak, peak + 1, (window, 2))


@given(
    seed=st.integers(0, 2**32 - 1),
    window=st.sampled_from(WINDOWS),
    peak=st.sampled_from([0, 1, 1_000, LARGEST]),
)
def test_twins_agree(seed: int, window: int, peak: int) -> None:
    frames = noise(seed, window, peak)
    spectra = [twin(twiddle(window)).power(frames) for twin in SPECTRUM.values()]
    np.testing.assert_array_equal(*spectra)


@TWINS
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("peak", [0, 1_000, LARGEST])
def test_numpy_agrees(twin: str, window: int, peak: int) -> None:
    frames = noise(window, window, peak)
    magnitude = np.sqrt(SPECTRUM[twin](twiddle(window)).power(frames))
    expected = np.abs(np.fft.rfft(frames, axis=0)) / (window // 2)
    # some units of rounding, and that Q31's one is 2^31 - 1
    np.testing.assert_allclose(magnitude, expected, atol=8, rtol=2**-27)


@TWINS
@pytest.mark.parametrize("level", [-LARGEST, LARGEST])
@pytest.mark.parametrize("half_period", [1, 2, 64, 10_000])
def test_full_scale_does_not_overflow(twin: str, level: int, half_period: int) -> None:
    window = 512
    frame = np.where(np.arange(window) // half_period % 2, -level, level)[:, None]
    magnitude = np.sqrt(SPECTRUM[twin](twiddle(window)).power(frame))
    expected = np.abs(np.fft.rfft(frame, axis=0)) / (window // 2)
    np.testing.assert_allclose(magnitude, expected, atol=8, rtol=2**-27)
