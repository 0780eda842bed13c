"""From frames of samples to int8 columns, in integers: the twin of firmware/src/mfcc.c."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kws.fft import power_spectrum
from kws.spec import FrontEnd
from kws.tables import (
    LOG_BITS,
    LOG_SEGMENTS,
    MATRIX_BITS,
    MEL_BITS,
    POWER_SHIFT,
    Tables,
    tables,
)

_BATCH = 1024  # frames at a time: what the caches hold


class Mfcc:
    """A front-end's columns; it keeps no state between frames."""

    def __init__(self, spec: FrontEnd) -> None:
        self.spec = spec
        self.tables = tables(spec)
        self._window = self.tables.window.astype(np.int64)
        self._filters = _filters(self.tables)
        self._floor = self.tables.mel_floor.astype(np.uint64)
        self._log = self.tables.log.astype(np.int64)
        self._matrix = self.tables.matrix.astype(np.int64).T.copy()

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
        wide = frames.astype(np.int64)
        shift = 16 - _bit_length(np.abs(wide).max(axis=1))
        windowed = ((wide << (15 + shift)[:, None]) * self._window + 2**31) >> 32
        power = power_spectrum(windowed, self.tables.twiddle) >> POWER_SHIFT
        energy = power.astype(np.uint64) @ self._filters
        energy += self._floor << (2 * shift)[:, None].astype(np.uint64)
        log = self._log2(energy) - (shift << (LOG_BITS + 1))[:, None]
        values = (log @ self._matrix + self.tables.bias) >> (MATRIX_BITS + LOG_BITS)
        return np.clip(values, -128, 127).astype(np.int8)

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


def _filters(t: Tables) -> NDArray[np.uint64]:
    """The two slopes of every band as one matrix [bins, mels], in Q15."""
    mels = len(t.mel_floor)
    filters = np.zeros((len(t.mel_weight), mels + 2), np.uint64)
    for m, (start, stop) in enumerate(zip(t.mel_first[:-1], t.mel_first[1:], strict=True)):
        rising = t.mel_weight[start:stop].astype(np.uint64)
        filters[start:stop, m + 1] = rising
        filters[start:stop, m] = np.uint64(2**MEL_BITS) - rising
    return filters[:, 1:-1].copy()
