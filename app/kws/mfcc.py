"""From frames of samples to int8 columns, in integers: the twin of firmware/src/mfcc.c."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kws.fft import Spectrum
from kws.spec import FrontEnd
from kws.tables import (
    LOG_BITS,
    LOG_SEGMENTS,
    MATRIX_BITS,
    MEL_BITS,
    POWER_SHIFT,
    tables,
)

_BATCH = 64  # frames at a time: what the caches hold


class Mfcc:
    """A front-end's columns; it keeps no state between frames."""

    def __init__(self, spec: FrontEnd) -> None:
        self.spec = spec
        self.tables = t = tables(spec)
        self._window = t.window.astype(np.int64)[:, None]
        self._spectrum = Spectrum(t.twiddle)
        self._weight = t.mel_weight.astype(np.uint64)[:, None]
        self._floor = t.mel_floor.astype(np.uint64)[:, None]
        self._log = t.log.astype(np.int64)
        self._matrix = t.matrix.astype(np.int64).T.copy()

    def columns(self, frames: NDArray[np.int16]) -> NDArray[np.int8]:
        """One column a frame: int16 [n, window] to int8 [n, coefficients]."""
        parts = [self._columns(frames[i : i + _BATCH]) for i in range(0, len(frames), _BATCH)]
        return np.concatenate([np.zeros((0, self.spec.coefficients), np.int8), *parts])

    def clip(self, samples: NDArray[np.int16]) -> NDArray[np.int8]:
        """All columns of a recording: int16 [samples] to int8 [n, coefficients]."""
        if len(samples) < self.spec.window:
            return np.zeros((0, self.spec.coefficients), np.int8)
        frames = np.lib.stride_tricks.sliding_window_view(samples, self.spec.window)
        return self.columns(frames[:: self.spec.hop])

    def _columns(self, frames: NDArray[np.int16]) -> NDArray[np.int8]:
        wide = frames.T.astype(np.int64, order="C")  # the frames last: numpy's loops are long
        shift = 16 - _bit_length(np.abs(wide).max(axis=0))
        windowed = ((wide << (15 + shift)) * self._window + 2**31) >> 32
        power = self._spectrum.power(windowed) >> POWER_SHIFT
        energy = self._mel(power.astype(np.uint64))
        energy += self._floor << (2 * shift).astype(np.uint64)
        log = self._log2(energy) - (shift << (LOG_BITS + 1))
        values = (log.T @ self._matrix + self.tables.bias) >> (MATRIX_BITS + LOG_BITS)
        return np.clip(values, -128, 127).astype(np.int8)

    def _mel(self, power: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Energies [mels, n] in Q15 of the bands, which rise over one slope and fall over the next.

        A bin's falling share is what the rising one leaves of it.
        """
        rising = self._slopes(power * self._weight)
        whole = self._slopes(power) << np.uint64(MEL_BITS)
        return np.asarray(rising[:-1] + whole[1:] - rising[1:])

    def _slopes(self, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Sums of [bins, n] over the bins of each slope, by running sums; exact modulo 2^64."""
        sums = np.zeros((len(values) + 1, values.shape[1]), np.uint64)
        np.cumsum(values, axis=0, out=sums[1:])
        return np.diff(sums[self.tables.mel_first], axis=0)

    def _log2(self, energy: NDArray[np.uint64]) -> NDArray[np.int64]:
        """log2 in Q24 of 64-bit integers >= 2^11, by a table with linear interpolation."""
        exponent = 10 + _bit_length((energy >> np.uint64(11)).astype(np.int64))
        fraction = (energy << (63 - exponent).astype(np.uint64)) >> np.uint64(32)
        offset = fraction.astype(np.int64) - 2**31
        piece = offset >> (31 - (LOG_SEGMENTS.bit_length() - 1))
        rest = offset & (2**24 - 1)
        low = self._log[piece]
        slope = self._log[piece + 1] - low
        return np.asarray((exponent << LOG_BITS) + low + ((slope * rest) >> 24))


def _bit_length(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bits of non-negative integers below 2^53."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)
