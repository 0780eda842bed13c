"""Recordings for tests and benchmarks: validation clips as a model sees them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.spec import FrontEnd
from kws_train.data import COMMANDS, load, speech_commands, windows


def validation_windows(data: Path, spec: FrontEnd, count: int) -> NDArray[np.int8]:
    """Evenly chosen clips of the commands: int8 [count, columns, coefficients]."""
    clips = [
        c for c in speech_commands(data / "speech_commands")["validation"] if c.word in COMMANDS
    ]
    chosen = np.linspace(0, len(clips) - 1, min(count, len(clips))).astype(int)
    _, waves = load([clips[i] for i in chosen], spec.sample_rate)
    return windows(waves, spec)
