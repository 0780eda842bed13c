"""What a network hears of a recording: the front-end's columns, or a pretrained embedding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_train import data, embedding
from kws_train.config import EMBEDDING, Experiment

Wave = NDArray[np.int16]


@dataclass(frozen=True)
class Hearing:
    """A window of `rows` times `width` numbers, multiplied by `step` for a float network.

    windows  of recordings, from the middle of each: [n, rows, width]
    starts   the rows that windows may start at, from columns (`augment.starts`): [n, 2]
    """

    rows: int
    width: int
    step: float
    windows: Callable[[Sequence[Wave]], NDArray[Any]]
    starts: Callable[[NDArray[np.int32]], NDArray[np.int32]]


def hearing(experiment: Experiment) -> Hearing:
    """What the experiment's network hears."""
    spec = experiment.front_end
    if experiment.hears == EMBEDDING:
        return Hearing(
            rows=embedding.window(spec),
            width=embedding.WIDTH,
            step=1 / embedding.SPREAD,
            windows=partial(embedding.windows, spec=spec),
            starts=partial(embedding.starts, spec=spec, options=experiment.augment),
        )
    return Hearing(
        rows=spec.columns,
        width=spec.coefficients,
        step=spec.step,
        windows=partial(data.windows, spec=spec),
        starts=lambda columns: columns,
    )
