"""Judging a spotter on streams: one pass of posteriors, then any decision over them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws.artefact import Artefact
from kws.decide import Decider, Decision, Detection
from kws.native import best_mfcc
from kws.spec import FrontEnd
from kws_train.intervals import Rate, Share
from kws_train.noise import Wave
from kws_train.sliding import slide
from kws_train.streams import Stream

MARGIN = 0.5  # seconds after a word's end in which its detection is a hit, as MLPerf has it
_HOUR = 3600.0


@dataclass(frozen=True, eq=False)
class Trace:
    """What a model's engine says along a stream: all that a decision needs.

    columns      [n] the column that completes the window of each inference
    posteriors   int8 [n, labels]
    seconds      length of the stream
    """

    spec: FrontEnd
    labels: tuple[str, ...]
    columns: NDArray[np.intp]
    posteriors: NDArray[np.int8]
    seconds: float


@dataclass(frozen=True, eq=False)
class Smoothed:
    """A trace behind the smoother: int32 sums [n, labels] over `counts` [n] inferences."""

    trace: Trace
    length: int
    sums: NDArray[np.int32]
    counts: NDArray[np.intp]

    def detections(self, decision: Decision) -> list[Detection]:
        """The decider's detections; `decision.smoothing` must be `length`."""
        if decision.smoothing != self.length:
            raise ValueError(f"smoothing is {decision.smoothing}, this trace's {self.length}")
        decider = Decider(self.trace.labels, self.trace.spec, decision)
        codes = decision.threshold_codes(self.trace.labels).astype(np.int32)
        reached = (self.sums >= codes * self.counts[:, None])[:, codes > 0]
        # elsewhere the decider says None and remembers nothing
        loud = np.flatnonzero(reached.any(axis=1))
        pushed = (
            decider.push(int(self.trace.columns[i]), self.sums[i], int(self.counts[i]))
            for i in loud
        )
        return [detection for detection in pushed if detection is not None]


@dataclass(frozen=True)
class Score:
    """What detections are worth in streams with known words; scores of streams add up.

    hits           words that were detected in time
    wrong          words at which another one was detected
    false_alarms   all other detections, repeated ones among them
    """

    words: int = 0
    hits: int = 0
    wrong: int = 0
    false_alarms: int = 0
    hours: float = 0.0

    @property
    def hit_rate(self) -> Share:
        """Words detected; the others are missed."""
        return Share(self.hits, self.words)

    @property
    def reject_rate(self) -> Share:
        """False rejects: words that were not detected."""
        return Share(self.words - self.hits, self.words)

    @property
    def wrong_rate(self) -> Share:
        """Words taken for another, whether or not they were detected as well."""
        return Share(self.wrong, self.words)

    @property
    def alarm_rate(self) -> Rate:
        """False alarms per hour of the stream."""
        return Rate(self.false_alarms, self.hours)

    def __add__(self, other: Score) -> Score:
        return Score(
            self.words + other.words,
            self.hits + other.hits,
            self.wrong + other.wrong,
            self.false_alarms + other.false_alarms,
            self.hours + other.hours,
        )


def record(artefact: Artefact, samples: Wave, title: str = "") -> Trace:
    """One pass over a stream, with the inferences that `Spotter` makes in it."""
    manifest = artefact.manifest
    spec = manifest.front_end
    last, said = slide(artefact, best_mfcc(spec).clip(samples), title)
    return Trace(spec, manifest.labels, last, said, len(samples) / spec.sample_rate)


def smooth(trace: Trace, length: int) -> Smoothed:
    """What `Smoother` gives along a trace: sums over the last `length` inferences."""
    codes = trace.posteriors.astype(np.int64) + 128
    totals = np.cumsum(np.pad(codes, ((length, 0), (0, 0))), axis=0)
    sums = totals[length:] - totals[:-length]
    counts = np.minimum(np.arange(1, len(codes) + 1), length)
    return Smoothed(trace, length, sums.astype(np.int32), counts)


def score(stream: Stream, detections: Iterable[Detection], rate: int) -> Score:
    """Score detections in a stream of known words.

    A detection belongs to a word from its start to `MARGIN` seconds after its end. The first of
    the right word is a hit, the first of another word a wrong word; anything else, and what
    belongs to no word, is a false alarm. So every detection counts once.
    """
    starts = [spoken.start / rate for spoken in stream.spoken]
    hits: set[int] = set()
    wrong: set[int] = set()
    false_alarms = 0
    for detection in detections:
        index = bisect_right(starts, detection.time) - 1
        if index < 0 or detection.time > stream.spoken[index].end / rate + MARGIN:
            false_alarms += 1
            continue
        right = detection.keyword == stream.spoken[index].word
        seen = hits if right else wrong
        false_alarms += index in seen
        seen.add(index)
    hours = len(stream.samples) / rate / _HOUR
    return Score(len(stream.spoken), len(hits), len(wrong), false_alarms, hours)
