"""From smoothed posteriors to detections, in integers: the twin of firmware/src/decide.c."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
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
    threshold   mean posterior from which a keyword is detected, 0 to 1: one number for all, or
                one for each keyword
    refractory  columns from a detection to the next one possible
    hop         columns from one inference to the next
    """

    smoothing: int
    threshold: float | Mapping[str, float] = field(hash=False)
    refractory: int
    hop: int = 1

    def __post_init__(self) -> None:
        if self.smoothing < 1 or self.refractory < 0 or self.hop < 1:
            raise SpecError(
                f"smoothing {self.smoothing}, refractory {self.refractory} and hop {self.hop}; "
                "expected at least 1, 0 and 1"
            )
        for word, threshold in self._thresholds().items():
            if not 0 < threshold <= 1:
                whose = f"threshold of {word!r}" if word else "threshold"
                raise SpecError(f"{whose} is {threshold}; expected above 0 and at most 1")

    def threshold_codes(self, labels: Sequence[str]) -> NDArray[np.uint8]:
        """The threshold of each label in posterior codes, 1 to 255: 1.0 asks for the highest code.

        It is 0 for labels that are no keywords. Raises `SpecError` where there are thresholds by
        word, and they are not those of exactly the keywords among `labels`.
        """
        keywords = [label for label in labels if is_keyword(label)]
        if isinstance(self.threshold, Mapping):
            thresholds = self.threshold
            if wrong := sorted(set(thresholds) ^ set(keywords)):
                raise SpecError(
                    f"threshold missing or unknown for {' '.join(map(repr, wrong))}; expected one "
                    f"number, or one for each of {' '.join(keywords)}"
                )
        else:
            thresholds = dict.fromkeys(keywords, self.threshold)
        codes = {word: min(max(round(x * ONE), 1), ONE - 1) for word, x in thresholds.items()}
        return np.array([codes.get(label, 0) for label in labels], np.uint8)

    def threshold_text(self, form: str = ".3f") -> str:
        """The threshold in words, `form` as in a format string: of several the range."""
        if not isinstance(self.threshold, Mapping):
            return format(self.threshold, form)
        low, high = (format(f(self.threshold.values()), form) for f in (min, max))
        return f"{low} to {high} by word"

    def _thresholds(self) -> Mapping[str, float]:
        """By word, under "" where there is one for all."""
        return self.threshold if isinstance(self.threshold, Mapping) else {"": self.threshold}

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
        threshold = values["threshold"]
        several = threshold if isinstance(threshold, Mapping) else {"": threshold}
        whole = {name: values[name] for name in names if name != "threshold"}
        if not all(isinstance(v, (int, float)) for v in (*whole.values(), *several.values())):
            raise SpecError(f"decision number of the wrong type in {dict(values)}")
        numbers = {word: float(value) for word, value in several.items()}
        return cls(
            threshold=numbers if isinstance(threshold, Mapping) else numbers[""],
            **{name: int(value) for name, value in whole.items()},
        )


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
    """Fires for the highest of the enabled keywords when it reaches its threshold."""

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
        self._thresholds = decision.threshold_codes(labels).tolist()
        self._refractory = decision.refractory
        self.reset()

    def reset(self) -> None:
        """Forget the last detection."""
        self._ready = 0  # the first column that may fire

    def top(self, sums: NDArray[np.int32], count: int) -> tuple[str, int]:
        """The highest enabled keyword and its mean posterior's code; of equals the first."""
        index = self._highest(sums)
        return self.labels[index], int(sums[index]) // count

    def push(self, column: int, sums: NDArray[np.int32], count: int) -> Detection | None:
        """What fires at this column, if anything.

        sums is int32 [labels] over `count` inferences; columns count from 0 at a reset.
        """
        index = self._highest(sums)
        code = int(sums[index]) // count
        if column < self._ready or code < self._thresholds[index]:
            return None
        self._ready = column + self._refractory
        end = self._spec.window + column * self._spec.hop
        return Detection(column, self.labels[index], code, end / self._spec.sample_rate)

    def _highest(self, sums: NDArray[np.int32]) -> int:
        return int(self._enabled[np.argmax(sums[self._enabled])])
