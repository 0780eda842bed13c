"""Thresholds word by word: what they are worth, how many false accepts to expect, and the best."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kws.decide import ONE, Decision
from kws_train import spotting, tradeoff
from kws_train.spotting import Smoothed, Trace
from kws_train.streams import Spoken, Stream
from kws_train.tradeoff import FLOOR, Tradeoff, expected_accepts
from tiny_model import SPEC

WORDS = ("yes", "no")
LABELS = (*WORDS, "_unknown_")
CODES = np.arange(ONE)


def smoothed(posteriors: NDArray[np.int8], length: int = 1) -> Smoothed:
    seconds = len(posteriors) * SPEC.hop_seconds
    trace = Trace(SPEC, LABELS, np.arange(len(posteriors)), posteriors, seconds)
    return spotting.smooth(trace, length)


def bumps(columns: int, *raised: tuple[int, int, int]) -> NDArray[np.int8]:
    """Posteriors with labels raised for five columns: label, first column, code."""
    codes = np.full((columns, len(LABELS)), -128, np.int8)
    for label, first, code in raised:
        codes[first : first + 5, label] = code - 128
    return codes


def test_value_is_hits_less_wrong_words() -> None:
    spoken = tuple(
        Spoken(word, column * SPEC.hop, (column + 40) * SPEC.hop)
        for word, column in (("yes", 100), ("no", 300), ("no", 500))
    )
    stream = Stream(np.zeros(800 * SPEC.hop, np.int16), spoken)
    heard = bumps(800, (0, 120, 200), (1, 320, 220), (0, 510, 150), (1, 530, 180), (1, 700, 250))
    curves = tradeoff.tradeoff([(stream, smoothed(heard))], [smoothed(bumps(9))], 10)
    assert curves.words == WORDS
    yes, no = curves.value
    assert np.array_equal(yes[1:], (CODES <= 200)[1:].astype(int) - (CODES <= 150)[1:])
    assert np.array_equal(no[1:], (CODES <= 220)[1:].astype(int) + (CODES <= 180)[1:])


@settings(deadline=None)
@given(seed=st.integers(0, 99), length=st.integers(1, 4), refractory=st.integers(0, 30))
def test_no_threshold_gives_more_than_was_expected(seed: int, length: int, refractory: int) -> None:
    random = np.random.default_rng(seed)
    one = smoothed(random.integers(-128, 128, (400, 3)).astype(np.int8), length)
    curves = tradeoff.tradeoff([], [one], refractory)
    thresholds = random.integers(FLOOR, ONE, len(WORDS))
    decision = Decision(length, dict(zip(WORDS, thresholds / ONE, strict=True)), refractory)
    for word, code, accepts in zip(WORDS, thresholds, curves.accepts, strict=True):
        found = [d for d in one.detections(decision) if d.keyword == word]
        assert len(found) <= accepts[code]


@given(st.lists(st.integers(FLOOR, 250), max_size=60), st.integers(251, ONE))
def test_expected_accepts_fall_and_are_never_fewer_than_seen(
    peaks: list[int], ceiling: int
) -> None:
    found = expected_accepts(np.array(peaks, np.intp), ceiling)
    seen = np.array([sum(peak >= code for peak in peaks) for code in CODES])
    assert (found >= seen).all()
    assert (np.diff(found[FLOOR:]) <= 0).all()
    assert found[FLOOR] == pytest.approx(max(len(peaks), 0.5), rel=0.1)
    assert np.isfinite(found).all()
    assert (found[ceiling:] == 0).all()


def test_a_tail_is_estimated_beyond_what_was_seen() -> None:
    """Events whose logits fall off exponentially: the estimate is near what more of them give."""
    random = np.random.default_rng(5)

    def peaks(count: int) -> NDArray[np.intp]:
        logits = random.exponential(0.5, count) - 0.5
        return (ONE / (1 + np.exp(-logits))).astype(np.intp)

    many = peaks(400_000)
    for code in (200, 230, 245):
        estimates = [expected_accepts(peaks(200))[code] for _ in range(50)]
        truth = (many >= code).sum() * 200 / len(many)
        assert truth <= np.mean(estimates) < 2 * truth + 0.5


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.floats(0.5, 12))
def test_best_keeps_the_budget_and_is_near_the_best_of_all(seed: int, budget: float) -> None:
    random = np.random.default_rng(seed)
    value, accepts = np.zeros((2, 2, ONE))
    for table, size in ((value, 30), (accepts, 10)):
        for row in table:
            steps = np.sort(random.integers(FLOOR, ONE - 1, random.integers(1, size)))
            row[:] = (steps >= CODES[:, None]).sum(axis=1)
    curves = Tradeoff(WORDS, value, accepts)
    chosen = curves.best(budget)
    assert curves.expected(chosen) <= budget
    reached = sum(value[i, chosen[word]] for i, word in enumerate(WORDS))
    levels = range(FLOOR, ONE)
    best = max(
        value[0, a] + value[1, b]
        for a, b in itertools.product(levels, levels)
        if accepts[0, a] + accepts[1, b] <= budget
    )
    assert reached >= 0.75 * best - 1


def test_words_that_cost_less_get_the_lower_threshold() -> None:
    value = np.maximum(0, 250 - CODES) * np.ones((2, 1))
    accepts = np.array([0.01, 1.0])[:, None] * np.maximum(0, 250 - CODES)
    chosen = Tradeoff(WORDS, value, accepts).best(5.0)
    assert chosen["yes"] == FLOOR
    assert chosen["no"] == 250 - 3


def test_a_budget_that_cannot_be_kept_gives_the_strictest() -> None:
    curves = Tradeoff(WORDS, np.ones((2, ONE)), np.ones((2, ONE)))
    assert curves.best(1.0) == {"yes": 255, "no": 255}
