"""From smoothed posteriors to detections, in integers: the twin of firmware/src/decide.c."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.errors import SpecError
from kws.spec import FrontEnd

ONE = 256  # the posterior 1.0 in codes; the highest code is ONE - 1


@dataclass(frozen=True)
class Decision:
    """How a model's posteriors become detections.

    smoothing   inferences in the moving mean
    threshold   mean posterior from which a keyword is detected, 0 to 1
    refractory  columns from a detection to the next one possible
    hop         columns from one inference to the next
    """

    smoothing: int
    threshold: float
    refractory: int
    hop: int = 1

    def __post_init__(self) -> None:
        if self.smoothing < 1 or self.refractory < 0 or self.hop < 1:
            raise SpecError(
                f"smoothing {self.smoothing}, refractory {self.refractory} and hop {self.hop}; "
                "expected at least 1, 0 and 1"
            )
        if not 0 < self.threshold <= 1:
            raise SpecError(f"threshold is {self.threshold}; expected above 0 and at most 1")

    @property
    def threshold_code(self) -> int:
        """The threshold in posterior codes, 1 to 255: 1.0 asks for the highest code."""
        return min(max(round(self.threshold * ONE), 1), ONE - 1)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, in the order of the fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Decision:
        """The inverse of `to_json`; raises `SpecError` on a missing or unknown number."""
        names = [field.name for field in fields(cls)]
        if wrong := set(names) ^ set(values):
            raise SpecError(
                f"decision with missing or unknown numbers {sorted(wrong)}; "
                f"expected exactly {names}"
            )
        if not all(isinstance(v, (int, float)) for v in values.values()):
            raise SpecError(f"decision number of the wrong type in {dict(values)}")
        whole = {name: int(values[name]) for name in names if name != "threshold"}
        return cls(threshold=float(values["threshold"]), **whole)


@dataclass(frozen=True)
class Detection:
    """One keyword heard: at the end of `column`, which is `time` seconds of audio from the start.

    code is the smoothed posterior rounded down, 0 to 255 in steps of 1 / 256.
    """

    column: int
    keyword: str
    code: int
    time: float

    @property
    def score(self) -> float:
        """The smoothed posterior, 0 to 1."""
        return self.code / ONE


def is_keyword(label: str) -> bool:
    """Whether a label can be detected: `_unknown_` and `_silence_` cannot."""
    return not label.startswith("_")


def enabled_labels(labels: Sequence[str], keywords: Iterable[str] | None) -> NDArray[np.bool_]:
    """Which labels are listened for, bool [labels]: `keywords`, or None for all that are keywords.

    Raises `SpecError` where there is none, and for one that the model does not know.
    """
    known = [label for label in labels if is_keyword(label)]
    enabled = set(known if keywords is None else keywords)
    if wrong := sorted(enabled - set(known)):
        raise SpecError(f"unknown keyword {wrong[0]!r}; the model knows {' '.join(known)}")
    if not enabled:
        raise SpecError(f"no keyword to listen for; the model knows {' '.join(known)}")
    return np.array([label in enabled for label in labels])


class Decider:
    """Fires for the highest of the enabled keywords when it reaches the threshold."""

    def __init__(
        self,
        labels: Sequence[str],
        spec: FrontEnd,
        decision: Decision,
        keywords: Iterable[str] | None = None,
    ) -> None:
        """`keywords` enables some of the labels: `enabled_labels`."""
        self.labels = tuple(labels)
        self._spec = spec
        self._enabled = np.flatnonzero(enabled_labels(labels, keywords))
        self._threshold = decision.threshold_code
        self._refractory = decision.refractory
        self.reset()

    def reset(self) -> None:
        """Forget the last detection."""
        self._ready = 0  # the first column that may fire

    def top(self, sums: NDArray[np.int32], count: int) -> tuple[str, int]:
        """The highest enabled keyword and its mean posterior's code; of equals the first."""
        index = int(self._enabled[np.argmax(sums[self._enabled])])
        return self.labels[index], int(sums[index]) // count

    def push(self, column: int, sums: NDArray[np.int32], count: int) -> Detection | None:
        """What fires at this column, if anything.

        sums is int32 [labels] over `count` inferences; columns count from 0 at a reset.
        """
        keyword, code = self.top(sums, count)
        if column < self._ready or code < self._threshold:
            return None
        self._ready = column + self._refractory
        end = self._spec.window + column * self._spec.hop
        return Detection(column, keyword, code, end / self._spec.sample_rate)
