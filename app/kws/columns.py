"""The last columns of a stream, which are the model's input: the twin of firmware/src/columns.c."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.int8]


class ColumnFifo:
    """The last `columns` columns of `coefficients` values each."""

    def __init__(self, columns: int, coefficients: int) -> None:
        self._ring: Column = np.zeros((columns, coefficients), np.int8)
        self.reset()

    def reset(self) -> None:
        """Forget all columns."""
        self._next = 0  # where the next column goes: the oldest's place once all are filled
        self._held = 0

    def push(self, column: Column) -> None:
        """Add int8 [coefficients]; the oldest column leaves where the places are filled."""
        self._ring[self._next] = column
        self._next = (self._next + 1) % len(self._ring)
        self._held = min(self._held + 1, len(self._ring))

    def window(self) -> Column | None:
        """A copy of all columns, oldest first, int8 [columns, coefficients]; None until full."""
        if self._held < len(self._ring):
            return None
        oldest, newest = self._ring[self._next :], self._ring[: self._next]
        return np.asarray(np.concatenate([oldest, newest]))
