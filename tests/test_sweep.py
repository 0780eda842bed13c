from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws_train.sweep import level, moved
from tiny_model import DECISION

LABELS = ("yes", "no", "up")
INSIDE = st.integers(1, 255).map(lambda code: code / 256)
SEVERAL = replace(DECISION, threshold={"yes": 0.5, "no": 0.75, "up": 0.984375})


@given(st.floats(0.01, 1.0))
def test_one_threshold_becomes_the_level(to: float) -> None:
    assert moved(DECISION, to) == replace(DECISION, threshold=to)
    assert level(moved(DECISION, to)) == to


@given(st.fixed_dictionaries(dict.fromkeys(LABELS, INSIDE)))
def test_at_its_own_level_a_decision_stays_what_it_is(threshold: dict[str, float]) -> None:
    decision = replace(DECISION, threshold=threshold)
    assert moved(decision, level(decision)) == decision
    alike = replace(DECISION, threshold=dict.fromkeys(LABELS, threshold["yes"]))
    assert level(alike) == pytest.approx(threshold["yes"])


@given(INSIDE, INSIDE)
def test_all_move_alike(low: float, high: float) -> None:
    low, high = sorted((low, high))
    below, above = (moved(SEVERAL, to).threshold_codes(LABELS).tolist() for to in (low, high))
    assert all(a <= b for a, b in zip(below, above, strict=True))
    assert below == sorted(below)
    assert moved(SEVERAL, 0.75).threshold != SEVERAL.threshold
    assert level(moved(SEVERAL, 0.75)) == pytest.approx(0.75)


def test_a_threshold_of_one_is_the_highest_that_there_is() -> None:
    decision = replace(DECISION, threshold={"yes": 1.0, "no": 0.5})
    assert 0.5 < level(decision) < 1
    assert moved(decision, 0.5).threshold_codes(("yes", "no")).tolist() != [255, 128]
