"""Power spectrum of real frames in fixed point: the twin of firmware/src/fft.c."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def power_spectrum(frames: Ints, twiddle: NDArray[np.int32]) -> Ints:
    """|X|^2 of windowed frames.

    frames  [n, window] of at most 2^30 in magnitude under a Hann window, 2^29 without one
    twiddle [2, window / 2] Q31, cosine and -sine of 2 pi k / window
    returns [n, window / 2 + 1] int64, the squared magnitude of X(k) / (window / 2)

    Pairs of samples form one complex number (Numerical Recipes, 12.3.2), transformed by
    radix-2 decimation in time that halves at every stage, so that nothing can overflow.
    """
    w = twiddle.astype(np.int64)
    half = frames.shape[-1] // 2
    z = frames.reshape(-1, half, 2)[:, _bit_reversed(half)].transpose(0, 2, 1)
    span = 1
    while span < half:
        pairs = z.reshape(-1, 2, half // (2 * span), 2, span)
        a = pairs[:, :, :, 0] >> 1
        b = _half_product(pairs[:, :, :, 1], w[:, :: half // span])
        z = np.stack([a + b, a - b], axis=3)
        span *= 2
    z = z.reshape(-1, 2, half)
    z = np.concatenate([z, z[:, :, :1]], axis=2)
    mirrored = z[:, :, ::-1]
    even = np.stack([z[:, 0] + mirrored[:, 0], z[:, 1] - mirrored[:, 1]], axis=1)
    odd = np.stack([z[:, 1] + mirrored[:, 1], mirrored[:, 0] - z[:, 0]], axis=1)
    whole = np.concatenate([w, -Q31_ONE], axis=1)
    x = (even >> 1) + _half_product(odd, whole)
    return np.asarray(x[:, 0] ** 2 + x[:, 1] ** 2)


Q31_ONE = np.array([[2**31 - 1], [0]], np.int64)


def _half_product(z: Ints, w: Ints) -> Ints:
    """The complex product z w / 2, rounded: axis 1 of z and axis 0 of w are (real, imaginary)."""
    shape = (2,) + (1,) * (z.ndim - 3) + w.shape[1:]
    crossed = np.stack([-w[1], w[1]]).reshape(shape)
    return np.asarray((z * w[0] + z[:, ::-1] * crossed + 2**31) >> 32)


@lru_cache(maxsize=8)
def _bit_reversed(size: int) -> NDArray[np.intp]:
    order = np.zeros(1, np.intp)
    while order.size < size:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order
