"""Detections in read speech: a word that was really read excuses one, near it, and no more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kws.audio import read_audio
from kws.decide import Detection
from kws_train import accepts, streams
from kws_train.accepts import Accepts
from kws_train.streams import Reading, Utterance
from tiny_model import SPEC

RATE = SPEC.sample_rate
HOURS = 12 / 3600
# a word a second: "i know no" from 0 to 3 s, "go on the right" and "and on" from 6 s
READING = Reading(
    "a",
    np.zeros(0, np.int16),
    (
        Utterance(0, 6 * RATE, ("i", "know", "no"), Path("a-0.flac")),
        Utterance(6 * RATE, 12 * RATE, ("go", "on", "the", "right", "and", "on"), Path("a-1.flac")),
    ),
)


def times(utterance: Utterance) -> list[tuple[float, float]]:
    return [(float(i), i + 1.0) for i in range(len(utterance.words))]


def heard(*pairs: tuple[float, str]) -> list[Detection]:
    return [Detection(round(time / SPEC.hop_seconds), word, 230, time) for time, word in pairs]


def count(*pairs: tuple[float, str]) -> tuple[int, int, int]:
    found = accepts.accepts(READING, heard(*pairs), RATE, times)
    assert found.hours == pytest.approx(HOURS)
    return found.false, found.homophones, found.spoken


def test_a_word_excuses_one_detection_within_a_second() -> None:
    assert count() == (0, 0, 0)
    assert count((2.5, "no")) == (0, 0, 1)
    assert count((1.0, "no")) == (0, 0, 1)  # 1 s before it begins
    assert count((0.99, "no")) == (1, 1, 0)
    assert count((4.0, "no")) == (0, 0, 1)  # 1 s after it ended
    assert count((4.01, "no")) == (1, 0, 0)
    assert count((2.5, "no"), (3.5, "no")) == (1, 0, 1)
    assert count((5, "go")) == (0, 0, 1)  # before its utterance begins
    assert count((2.5, "yes"), (2.5, "off")) == (2, 0, 0)


def test_the_nearest_of_equal_words_is_taken() -> None:
    assert count((8.0, "on"), (11.0, "on")) == (0, 0, 2)
    assert count((8.9, "on"), (9.4, "on")) == (1, 0, 1)  # one is too far from both
    assert count((8.0, "on"), (8.5, "on"), (10.5, "on"), (11.9, "on")) == (2, 0, 2)


def test_homophones_are_false_but_counted() -> None:
    assert count((2.4, "no"), (3.0, "no")) == (1, 1, 1)  # "no" first, then "know" is left
    assert count((2.4, "no"), (3.1, "no")) == (1, 0, 1)
    assert count((1.5, "right")) == (1, 0, 0)


def test_only_what_may_excuse_is_aligned() -> None:
    asked = []

    def count_calls(utterance: Utterance) -> list[tuple[float, float]]:
        asked.append(utterance.path.name)
        return times(utterance)

    detections = heard((2, "yes"), (2, "go"), (2.5, "stop"), (8, "off"), (9, "on"))
    accepts.accepts(READING, detections, RATE, count_calls)
    assert asked == ["a-1.flac"]


def test_false_accepts_are_told_with_what_was_read() -> None:
    detections = heard((2.5, "no"), (2.8, "no"), (9.2, "yes"))
    first, second = accepts.false_accepts(READING, detections, RATE, times)
    assert first.to_json() == {
        "utterance": "a-0",
        "seconds": 2.8,
        "keyword": "no",
        "score": 0.898,
        "near": "know no",
        "homophone": "know",
    }
    assert (second.utterance, second.offset) == ("a-1", pytest.approx(3.2))
    assert second.near == ("on", "the", "right")
    assert second.homophone is None


def test_counts_add_up() -> None:
    total = Accepts(1, 1, 2, 0.5) + Accepts(2, 0, 1, 0.5)
    assert total == Accepts(3, 1, 3, 1.0)
    assert total.rate.value == 3.0


@pytest.mark.data
def test_read_speech_is_aligned(data: Path) -> None:
    """Between words that were read without a pause there is silence at most now and then."""
    reading = next(streams.librispeech(data / "librispeech", RATE, 0.03))
    utterance = reading.utterances[0]
    found = np.array(accepts.word_times(utterance))
    assert len(found) == len(utterance.words)
    seconds = len(read_audio(utterance.path, RATE)) / RATE
    assert 0 <= found[0, 0] < 1
    assert seconds - 1 < found[-1, 1] <= seconds
    assert (np.diff(found[:, 0]) >= 0).all()
