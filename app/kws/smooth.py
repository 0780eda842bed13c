"""The moving sum of posteriors, in integers: the twin of firmware/src/smooth.c."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Smoother:
    """Sums over the last `length` inferences.

    A posterior's code counts from 0: `code + 128`, 0 to 255, in steps of 1 / 256. `count` is the
    number of inferences summed so far, at most `length`; the mean is `sum / count`.
    """

    def __init__(self, labels: int, length: int) -> None:
        self._history = np.zeros((length, labels), np.int32)
        self._sums = np.zeros(labels, np.int32)
        self.reset()

    def reset(self) -> None:
        """Forget all posteriors."""
        self._history[:] = 0
        self._sums[:] = 0
        self._next = 0
        self.count = 0

    def push(self, posteriors: NDArray[np.int8]) -> NDArray[np.int32]:
        """Add one inference, int8 [labels]; returns the sums, int32 [labels]."""
        length = len(self._history)
        codes = posteriors.astype(np.int32) + 128
        self._sums += codes - self._history[self._next]
        self._history[self._next] = codes
        self._next = (self._next + 1) % length
        self.count = min(self.count + 1, length)
        return self._sums.copy()
