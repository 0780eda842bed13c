from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.decide import Decider, Decision, Detection
from kws.errors import SpecError
from kws.spec import FrontEnd
from twins import DECIDER, TWINS, CDecider

LABELS = ("yes", "no", "_silence_")
SPEC = FrontEnd()
DECISION = Decision(smoothing=2, threshold=0.5, refractory=10)


def decider(twin: str, **changes: Any) -> Decider | CDecider:
    return DECIDER[twin](LABELS, SPEC, dataclasses.replace(DECISION, **changes))


def sums(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


@TWINS
def test_fires_at_the_threshold_and_not_below(twin: str) -> None:
    assert decider(twin).push(0, sums(255, 10, 0), 2) is None
    assert decider(twin).push(0, sums(256, 10, 0), 2) == Detection(0, "yes", 128, 512 / 16_000)


@TWINS
def test_time_is_the_end_of_the_column(twin: str) -> None:
    detection = decider(twin).push(54, sums(0, 510, 0), 2)
    assert detection == Detection(54, "no", 255, SPEC.samples / SPEC.sample_rate)


@TWINS
@given(st.floats(1e-300, 1), st.integers(1, 50), st.data())  # interpreters may flush subnormals
def test_compares_integers_only(
    twin: str, threshold: float, count: int, data: st.DataObject
) -> None:
    total = data.draw(st.integers(0, 255 * count))
    decision = dataclasses.replace(DECISION, threshold=threshold)
    code = int(decision.threshold_codes(LABELS)[0])
    assert 1 <= code <= 255
    assert abs(code - threshold * 256) <= 1
    fired = decider(twin, threshold=threshold).push(0, sums(total, 0, 0), count)
    assert (fired is not None) == (total >= code * count)


@TWINS
def test_a_saturated_posterior_reaches_the_highest_threshold(twin: str) -> None:
    assert decider(twin, threshold=1.0).push(0, sums(255, 0, 0), 1) is not None
    assert decider(twin, threshold=1.0).push(0, sums(254, 0, 0), 1) is None


@TWINS
def test_the_highest_keyword_fires_at_its_own_threshold(twin: str) -> None:
    threshold = {"yes": 0.75, "no": 0.5}
    assert decider(twin, threshold=threshold).push(0, sums(191, 0, 0), 1) is None
    assert decider(twin, threshold=threshold).push(0, sums(192, 0, 0), 1) is not None
    assert decider(twin, threshold=threshold).push(0, sums(0, 128, 0), 1) is not None
    # no would fire, but yes is higher
    assert decider(twin, threshold=threshold).push(0, sums(150, 140, 0), 1) is None
    both = DECIDER[twin](LABELS, SPEC, dataclasses.replace(DECISION, threshold=threshold), ["no"])
    detection = both.push(0, sums(150, 140, 0), 1)
    assert detection == Detection(0, "no", 140, 512 / 16_000)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[str], Decision, list[str] | None, np.ndarray, int]:
    """Labels, a decision with a threshold each, the enabled ones, and sums over a count."""
    words = [f"w{i}" for i in range(draw(st.integers(1, 12)))]
    labels = draw(st.permutations([*words, "_unknown_", "_silence_"]))
    threshold = {word: draw(st.floats(1e-300, 1)) for word in words}
    decision = Decision(3, threshold, draw(st.integers(0, 9)))
    enabled = draw(st.none() | st.lists(st.sampled_from(words), min_size=1, unique=True))
    count = draw(st.integers(1, 50))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = random.integers(0, 255 * count + 1, (draw(st.integers(1, 40)), len(labels)))
    return labels, decision, enabled, rows.astype(np.int32), count


@settings(max_examples=200)
@given(streams())
def test_twins_agree_on_any_thresholds(
    drawn: tuple[list[str], Decision, list[str] | None, np.ndarray, int],
) -> None:
    labels, decision, enabled, rows, count = drawn
    twins = [DECIDER[twin](labels, SPEC, decision, enabled) for twin in ("python", "c")]
    codes = decision.threshold_codes(labels)
    for column, row in enumerate(rows):
        python, c = (twin.push(column, row, count) for twin in twins)
        assert python == c
        if python is not None:
            assert enabled is None or python.keyword in enabled
            assert python.code >= codes[labels.index(python.keyword)] > 0


@given(st.integers(1, 256), st.integers(0, 510))
def test_one_number_is_the_same_for_every_word(threshold: int, total: int) -> None:
    one, alike = threshold / 256, dict.fromkeys(LABELS[:2], threshold / 256)
    found = [
        decider(twin, threshold=t).push(0, sums(total, 510 - total, 0), 2)
        for twin in DECIDER
        for t in (one, alike)
    ]
    assert found == [found[0]] * 4


@TWINS
def test_refractory_counts_columns(twin: str) -> None:
    one = decider(twin)
    fired = [c for c in range(40) if one.push(c, sums(510, 0, 0), 2)]
    assert fired == [0, 10, 20, 30]
    one.reset()
    assert one.push(1, sums(510, 0, 0), 2) is not None


@TWINS
def test_labels_that_are_no_keywords_never_fire(twin: str) -> None:
    one = decider(twin)
    assert one.push(0, sums(100, 0, 510), 2) is None
    assert one.top(sums(100, 0, 510), 2) == ("yes", 50)
    with pytest.raises(SpecError, match="unknown keyword '_silence_'"):
        Decider(LABELS, SPEC, DECISION, ["_silence_"])


@TWINS
def test_only_enabled_keywords_compete(twin: str) -> None:
    one = DECIDER[twin](LABELS, SPEC, DECISION, ["no"])
    detection = one.push(0, sums(500, 300, 0), 2)
    assert detection is not None
    assert detection.keyword == "no"


@TWINS
def test_of_equals_the_first_fires(twin: str) -> None:
    assert decider(twin).top(sums(7, 7, 9), 1)[0] == "yes"


def test_unknown_keyword() -> None:
    with pytest.raises(SpecError, match="unknown keyword 'maybe'; the model knows yes no"):
        Decider(LABELS, SPEC, DECISION, ["yes", "maybe"])
    with pytest.raises(SpecError, match="no keyword"):
        Decider(LABELS, SPEC, DECISION, [])


@pytest.mark.parametrize(
    "wrong",
    [
        *({"smoothing": 0}, {"threshold": 0.0}, {"threshold": 1.5}, {"refractory": -1}),
        *({"hop": 0}, {"threshold": {"yes": 0.5, "no": 1.5}}),
    ],
)
def test_impossible_numbers(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=next(iter(wrong))):
        dataclasses.replace(DECISION, **wrong)


def test_json_both_ways() -> None:
    assert Decision.from_json(DECISION.to_json()) == DECISION
    with pytest.raises(SpecError, match="hop"):
        Decision.from_json({"smoothing": 1, "threshold": 0.5, "refractory": 0})
    with pytest.raises(SpecError, match="type"):
        Decision.from_json(DECISION.to_json() | {"hop": "1"})
    several = dataclasses.replace(DECISION, threshold={"yes": 0.5, "no": 1.0})
    assert Decision.from_json(json.loads(json.dumps(several.to_json()))) == several
    with pytest.raises(SpecError, match="type"):
        Decision.from_json(DECISION.to_json() | {"threshold": {"yes": "high"}})


@pytest.mark.parametrize("threshold", [{"yes": 0.5}, {"yes": 0.5, "no": 0.5, "_silence_": 0.5}])
def test_thresholds_are_those_of_the_keywords(threshold: dict[str, float]) -> None:
    decision = dataclasses.replace(DECISION, threshold=threshold)
    with pytest.raises(SpecError, match=r"for '(no|_silence_)'; expected .* each of yes no"):
        Decider(LABELS, SPEC, decision)


def test_thresholds_in_words() -> None:
    several = dataclasses.replace(DECISION, threshold={"yes": 0.75, "no": 0.5})
    assert DECISION.threshold_text() == "0.500"
    assert several.threshold_text("g") == "0.5 to 0.75 by word"
