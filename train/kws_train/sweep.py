"""A decision made stricter or looser: all thresholds moved together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from kws.decide import ONE, Decision

_LOWEST, _HIGHEST = 1 / ONE, 1 - 1 / ONE  # what thresholds are rounded to


def level(decision: Decision) -> float:
    """Where a decision stands in a sweep: its threshold, of several their mean in logits."""
    if not isinstance(decision.threshold, Mapping):
        return decision.threshold
    return _posterior(sum(map(_logit, decision.threshold.values())) / len(decision.threshold))


def moved(decision: Decision, to: float) -> Decision:
    """The decision at the level `to`: one threshold becomes it, several move alike in logits."""
    if not isinstance(decision.threshold, Mapping):
        return replace(decision, threshold=to)
    if to == level(decision):  # not a bit is lost
        return decision
    by = _logit(to) - _logit(level(decision))
    thresholds = {w: _posterior(_logit(t) + by) for w, t in decision.threshold.items()}
    return replace(decision, threshold=thresholds)


def _logit(posterior: float) -> float:
    limited = min(max(posterior, _LOWEST), _HIGHEST)
    return float(np.log(limited / (1 - limited)))


def _posterior(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))
