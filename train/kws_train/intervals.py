"""Confidence intervals: Wilson's for shares, the exact one of Poisson for counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

_Z95 = 1.959963984540054  # the normal distribution's 97.5 % quantile
_STEPS = 100  # of bisection: enough for the last bit of a double


@dataclass(frozen=True)
class Share:
    """`hits` out of `total`, as a fraction with its 95 % Wilson interval."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        """The fraction, 0 where there is nothing to count."""
        return self.hits / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high end."""
        return wilson(self.hits, self.total)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.value:.2f} % ({100 * low:.2f} to {100 * high:.2f})"

    def to_json(self) -> dict[str, Any]:
        """Counts, fraction and interval as plain JSON values."""
        return {**asdict(self), "value": self.value, "interval": list(self.interval)}


@dataclass(frozen=True)
class Rate:
    """`count` events in `hours`, as events per hour with their 95 % Poisson interval."""

    count: int
    hours: float

    @property
    def value(self) -> float:
        """Events per hour, 0 where no time was listened to."""
        return self.count / self.hours if self.hours else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high end, per hour."""
        if not self.hours:
            return 0.0, math.inf
        low, high = poisson(self.count)
        return low / self.hours, high / self.hours

    def __str__(self) -> str:
        low, high = self.interval
        if not self.count:
            return f"0 in {self.hours:.2f} h (below {high:.3g} per hour)"
        return f"{per_hour(self.value)} per hour ({per_hour(low)} to {per_hour(high)})"

    def to_json(self) -> dict[str, Any]:
        """Count, time, rate and interval as plain JSON values."""
        return {**asdict(self), "per_hour": self.value, "interval": list(self.interval)}


def per_hour(rate: float) -> str:
    """A rate with as many digits as one would read."""
    return f"{rate:.0f}" if rate >= 100 else f"{rate:.1f}"


def wilson(hits: int, total: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson, 1927), 0 to 1; (0, 1) of nothing."""
    if total == 0:
        return 0.0, 1.0
    share, z2 = hits / total, _Z95**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    spread = math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    half = _Z95 * spread / (1 + z2 / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def poisson(count: int) -> tuple[float, float]:
    """The exact 95 % interval of a Poisson distribution's mean (Garwood, 1936).

    Of no event there is no low end: all 5 % stand at the high end, which is then -ln 0.05, the
    rule of three.
    """
    if count == 0:
        return 0.0, -math.log(0.05)
    ceiling = count + 10 * math.sqrt(count) + 20
    low = _fall(lambda mean: _at_most(count - 1, mean), 0.975, ceiling)
    return low, _fall(lambda mean: _at_most(count, mean), 0.025, ceiling)


def _at_most(count: int, mean: float) -> float:
    """The chance of at most `count` events where `mean` are expected."""
    if mean == 0:
        return 1.0
    number = np.arange(count + 1)
    factorial = np.concatenate([[0.0], np.cumsum(np.log(number[1:]))])
    return float(np.exp(number * math.log(mean) - factorial - mean).sum())


def _fall(chance: Callable[[float], float], level: float, ceiling: float) -> float:
    """Where a falling function crosses `level`, by bisection of 0 to `ceiling`."""
    low, high = 0.0, ceiling
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) > level else (low, middle)
    return (low + high) / 2
