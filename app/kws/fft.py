"""Power spectrum of real frames in fixed point: the twin of firmware/src/fft.c."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Spectrum:
    """The transform of one length; frames stand in columns, so that numpy's loops are long.

    Pairs of samples form one complex number (Numerical Recipes, 12.3.2), transformed by radix-2
    decimation in time that halves at every stage, so that nothing can overflow. The butterflies
    are those of fft.c in the order of Stockham, which needs no bit reversal: z[:, k, j] is bin k
    of the numbers j, j + m, j + 2 m, … of the frame, m being the size of the last axis but one.
    """

    def __init__(self, twiddle: NDArray[np.int32]) -> None:
        """Twiddle is [2, window / 2] Q31, cosine and -sine of 2 pi k / window."""
        w = twiddle.astype(np.int64)
        half = w.shape[1]
        spans = [2**s for s in range(half.bit_length() - 1)]
        self._stages = [_Turn(w[:, :: half // span, None, None]) for span in spans]
        self._join = _Turn(np.concatenate([w, [[1 - 2**31], [0]]], axis=1)[..., None])

    def power(self, frames: Ints) -> Ints:
        """|X|^2 of windowed frames.

        frames  [window, n] of at most 2^30 in magnitude under a Hann window, 2^29 without one
        returns [window / 2 + 1, n], the squared magnitude of X(k) / (window / 2)
        """
        window, n = frames.shape
        z = frames.reshape(window // 2, 2, n).swapaxes(0, 1)
        for turn in self._stages:
            z = z.reshape(2, turn.span, 2, -1, n)
            a = z[:, :, 0] >> 1
            b = turn.half_product(z[:, :, 1])
            z = np.concatenate([a + b, a - b], axis=1)
        z = z.reshape(2, window // 2, n)
        z = np.concatenate([z, z[:, :1]], axis=1)
        mirrored = z[:, ::-1]
        plus, minus = z + mirrored, z - mirrored
        even, odd = np.stack([plus[0], minus[1]]), np.stack([plus[1], -minus[0]])
        x = (even >> 1) + self._join.half_product(odd)
        return np.asarray(x[0] ** 2 + x[1] ** 2)


class _Turn:
    """Factors in Q31: axis 0 is (real, imaginary), like that of what they multiply."""

    def __init__(self, w: Ints) -> None:
        self.span = w.shape[1]
        self._straight = w[0]
        self._crossed = np.stack([-w[1], w[1]])

    def half_product(self, z: Ints) -> Ints:
        """The complex product z w / 2, rounded."""
        product = z * self._straight
        product += z[::-1] * self._crossed
        product += 2**31
        return np.asarray(product >> 32)
