"""Detections in read speech: which are of words that were really read just then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from kws.audio import read_audio
from kws.decide import Detection
from kws_train import align
from kws_train.intervals import Rate
from kws_train.speech import HOMOPHONES
from kws_train.streams import Reading, Utterance

WITHIN = 1.0  # seconds: how far from a detection a word may lie that excuses it
CONTEXT = (1.5, 0.5)  # seconds before and after a detection whose words are told
_HOUR = 3600.0

Times = Callable[[Utterance], Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class Accepts:
    """Detections in read speech.

    false        no word of the transcript excuses them
    homophones   of those, ones at a word that sounds like the keyword
    spoken       detections of words that were read
    """

    false: int = 0
    homophones: int = 0
    spoken: int = 0
    hours: float = 0.0

    @property
    def rate(self) -> Rate:
        """False accepts per hour."""
        return Rate(self.false, self.hours)

    def __add__(self, other: Accepts) -> Accepts:
        return Accepts(
            self.false + other.false,
            self.homophones + other.homophones,
            self.spoken + other.spoken,
            self.hours + other.hours,
        )


@dataclass(frozen=True)
class FalseAccept:
    """A detection that no word excuses.

    utterance   the recording that it falls into, and `offset` seconds from its start
    near        what was read from `CONTEXT[0]` s before it to `CONTEXT[1]` s after it
    homophone   the word within `WITHIN` that sounds like the keyword, if there is one
    """

    utterance: str
    offset: float
    keyword: str
    score: float
    near: tuple[str, ...]
    homophone: str | None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "utterance": self.utterance,
            "seconds": round(self.offset, 2),
            "keyword": self.keyword,
            "score": round(self.score, 3),
            "near": " ".join(self.near),
            "homophone": self.homophone,
        }


@cache
def word_times(utterance: Utterance) -> tuple[tuple[float, float], ...]:
    """Start and end of each word in seconds from the utterance's start; kept once it is known."""
    samples = read_audio(utterance.path, align.SPEC.sample_rate)
    return tuple(align.align(samples, utterance.words))


def accepts(
    reading: Reading, detections: Iterable[Detection], rate: int, times: Times = word_times
) -> Accepts:
    """Count detections in read speech, whose transcript has words but no times.

    A detection is excused by a word of its own in the transcript, if the time of detection lies
    at most `WITHIN` seconds before the word's aligned start or after its aligned end, or between
    them. The nearest word is taken, and each excuses one detection. Words are aligned only in
    utterances near enough that have the detected word. All other detections are false accepts;
    those at a homophone are.
    """
    false = homophones = spoken = 0
    for detection, excused in _judged(reading, detections, rate, times):
        spoken += excused
        false += not excused
        if not excused and _homophone(reading, detection, rate, times) is not None:
            homophones += 1
    hours = max((u.end for u in reading.utterances), default=0) / rate / _HOUR
    return Accepts(false, homophones, spoken, hours)


def false_accepts(
    reading: Reading, detections: Iterable[Detection], rate: int, times: Times = word_times
) -> Iterator[FalseAccept]:
    """Each false accept with what was read when it happened."""
    for detection, excused in _judged(reading, detections, rate, times):
        if excused:
            continue
        utterance = next(u for u in reading.utterances if detection.time * rate <= u.end + rate)
        before, after = CONTEXT
        low, high = detection.time - before, detection.time + after
        timed = _words(reading, low, high, rate, times)
        yield FalseAccept(
            utterance.path.stem or reading.name,
            detection.time - utterance.start / rate,
            detection.keyword,
            detection.score,
            tuple(word for _, word, start, end in timed if start < high and end > low),
            _homophone(reading, detection, rate, times),
        )


def _judged(
    reading: Reading, detections: Iterable[Detection], rate: int, times: Times
) -> Iterator[tuple[Detection, bool]]:
    """Each detection, and whether a word excuses it."""
    used: set[tuple[int, int]] = set()
    for detection in detections:
        found = _nearest(reading, detection, (detection.keyword,), rate, times, used)
        if found is not None:
            used.add(found[0])
        yield detection, found is not None


def _homophone(reading: Reading, detection: Detection, rate: int, times: Times) -> str | None:
    words = HOMOPHONES.get(detection.keyword, ())
    found = _nearest(reading, detection, words, rate, times, set()) if words else None
    return None if found is None else found[1]


def _nearest(
    reading: Reading,
    detection: Detection,
    words: Sequence[str],
    rate: int,
    times: Times,
    used: set[tuple[int, int]],
) -> tuple[tuple[int, int], str] | None:
    """The nearest of some words that is near enough and not used yet: its place and itself."""
    time = detection.time
    best: tuple[float, tuple[int, int], str] | None = None
    timed = _words(reading, time - WITHIN, time + WITHIN, rate, times, words)
    for place, word, start, end in timed:
        distance = max(start - time, time - end, 0.0)
        if distance <= WITHIN and place not in used and (best is None or distance < best[0]):
            best = distance, place, word
    return None if best is None else best[1:]


def _words(
    reading: Reading,
    low: float,
    high: float,
    rate: int,
    times: Times,
    words: Sequence[str] | None = None,
) -> Iterator[tuple[tuple[int, int], str, float, float]]:
    """Words (None: all) of utterances between two times: place, word, start and end in seconds."""
    for index, utterance in enumerate(reading.utterances):
        first = utterance.start / rate
        if first > high or utterance.end / rate < low:
            continue
        if words is not None and not set(words) & set(utterance.words):
            continue
        for number, (start, end) in enumerate(times(utterance)):
            word = utterance.words[number]
            if words is None or word in words:
                yield (index, number), word, first + start, first + end
