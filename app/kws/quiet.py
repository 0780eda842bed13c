"""Keeping C libraries from writing their own lines to standard error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing is written to standard error meanwhile, by whatever thread.

    PortAudio, ALSA and TensorFlow Lite print there what they also return as an error.
    """
    try:
        before = os.dup(2)
    except OSError:  # it is closed: nothing to keep quiet
        yield
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
