"""From a stream of samples to overlapping frames: the twin of firmware/src/ring.c."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]


class SampleRing:
    """Frames of `window` samples, one every `hop`, from blocks of any size."""

    def __init__(self, window: int, hop: int) -> None:
        self.window = window
        self.hop = hop
        self.reset()

    def reset(self) -> None:
        """Forget all samples: the next frame starts at the next sample."""
        self._held: Samples = np.zeros(0, np.int16)

    def push(self, samples: Samples) -> Samples:
        """The frames [k, window], k >= 0, that these samples complete, in order.

        The frames are read-only views of a copy: the block may be overwritten afterwards.
        Raises `TypeError` where the samples are not int16.
        """
        joined = np.concatenate([self._held, samples], casting="no")
        count = max(0, (len(joined) - self.window) // self.hop + 1)
        self._held = joined[count * self.hop :].copy()
        step = joined.itemsize
        return np.lib.stride_tricks.as_strided(
            joined, (count, self.window), (self.hop * step, step), writeable=False
        )
