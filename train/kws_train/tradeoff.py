"""Hits against false accepts, word by word and threshold by threshold; and the best of all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws.decide import ONE, is_keyword
from kws_train.spotting import MARGIN, Smoothed
from kws_train.streams import Stream

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]

FLOOR = 64  # the lowest threshold that is looked at, in codes
TAIL = 20  # the highest events of a word, to which a tail is fitted
PRIOR = 2  # events beside them, with an excess of one: what is thought without any


@dataclass(frozen=True, eq=False)
class Tradeoff:
    """What each threshold of each keyword is worth; both [keywords, 256], by the threshold's code.

    value     hits less wrong words, in streams of known words
    accepts   false accepts to be expected in as much negative material as was heard
    """

    words: tuple[str, ...]
    value: Floats
    accepts: Floats

    def best(self, budget: float) -> dict[str, int]:
        """The code of each keyword's threshold, all together within `budget` false accepts.

        Beginning with the strictest, it takes again and again the step of one word to a lower
        threshold that gains most for each false accept, as long as one fits: so all words end at
        about the same slope, which is where Lagrange's multiplier has the optimum.
        """
        codes = np.full(len(self.words), ONE - 1)
        rows = np.arange(len(codes))
        below = np.arange(FLOOR, ONE - 1)[::-1]  # of equal steps the smaller one
        while True:
            gain = self.value[:, below] - self.value[rows, codes][:, None]
            cost = self.accepts[:, below] - self.accepts[rows, codes][:, None]
            left = budget - self.accepts[rows, codes].sum()
            slope = np.where(cost <= left, gain / np.maximum(cost, 1e-9), 0)
            slope[below >= codes[:, None]] = 0
            word, step = np.unravel_index(slope.argmax(), slope.shape)
            if slope[word, step] <= 0:
                return dict(zip(self.words, codes.tolist(), strict=True))
            codes[word] = below[step]

    def expected(self, codes: dict[str, int]) -> float:
        """The false accepts to be expected with these thresholds."""
        return float(sum(self.accepts[i, codes[word]] for i, word in enumerate(self.words)))


def tradeoff(
    spliced: Iterable[tuple[Stream, Smoothed]], negative: Sequence[Smoothed], refractory: int
) -> Tradeoff:
    """The curves of every keyword, from streams of known words and from negative material."""
    labels = negative[0].trace.labels
    keywords = [i for i, label in enumerate(labels) if is_keyword(label)]
    value = np.zeros((len(labels), ONE))
    highest = FLOOR + 1
    for stream, smoothed in spliced:
        best = _best_codes(stream, smoothed)
        highest = max(highest, int(best.max(initial=0)))
        for spoken, codes in zip(stream.spoken, best, strict=True):
            for i in keywords:
                sign = 1 if labels[i] == spoken.word else -1
                value[i, 1 : codes[i] + 1] += sign
    accepts = np.zeros((len(labels), ONE))
    heard = [(smoothed.trace.columns, *_tops(smoothed)) for smoothed in negative]
    highest = max(highest, *(int(codes.max(initial=0)) for _, _, codes in heard))
    for i in keywords:
        peaks = [_events(*tops, i, refractory) for tops in heard]
        accepts[i] = expected_accepts(np.concatenate(peaks), highest + 1)
    words = tuple(labels[i] for i in keywords)
    return Tradeoff(words, value[keywords], accepts[keywords])


def expected_accepts(peaks: Ints, ceiling: int = ONE) -> Floats:
    """How many events to expect at each threshold from those that were seen, by their codes: [256].

    The few events above a high threshold say little of the rate there, the more so as thresholds
    are chosen just above them. So an exponential tail in logits is fitted to the `TAIL` highest
    (Hill's estimator, 1975, its exponent drawn to 1 by `PRIOR` more), and the higher of that and
    of the number seen is taken: never fewer than were counted. `ceiling` is a code that a mean
    never reaches; logits are taken below it, since a network's highest posterior may be below 1.
    """
    seen = np.cumsum(np.bincount(peaks, minlength=ONE)[::-1])[::-1].astype(np.float64)
    highest = np.sort(_logit(peaks + 0.5, ceiling))[::-1][:TAIL]
    at = _logit(np.arange(1, ONE), ceiling)
    start = highest[-1] if len(highest) else _logit(np.array(FLOOR), ceiling)
    decay = ((highest - start).sum() + PRIOR) / (max(len(highest) - 1, 0) + PRIOR)
    tail = max(len(highest), 0.5) * np.exp(-(at - start) / decay)
    seen[1:] = np.maximum(seen[1:], np.where(at >= start, tail, 0))
    return np.asarray(seen, np.float64)


def _events(columns: Ints, tops: Ints, codes: Ints, label: int, refractory: int) -> Ints:
    """The highest code of each event: a refractory time from where the label rises above `FLOOR`.

    Any threshold from there on gives at most as many detections as events reach it.
    """
    places = np.flatnonzero((tops == label) & (codes >= FLOOR))
    peaks: list[int] = []
    end = -1
    for column, code in zip(columns[places].tolist(), codes[places].tolist(), strict=True):
        if column >= end:
            peaks.append(code)
            end = column + max(refractory, 1)
        else:
            peaks[-1] = max(peaks[-1], code)
    return np.array(peaks, np.intp)


def _best_codes(stream: Stream, smoothed: Smoothed) -> Ints:
    """For each spoken word, the highest code of each label as the top one: [words, labels].

    Looked at are the columns in which a detection belongs to the word, as `spotting.score` has it.
    """
    spec = smoothed.trace.spec
    tops, codes = _tops(smoothed)
    ends = spec.window + smoothed.trace.columns * spec.hop
    best = np.zeros((len(stream.spoken), len(smoothed.trace.labels)), np.intp)
    nexts = [spoken.start for spoken in stream.spoken[1:]] + [len(stream.samples) + 1]
    for row, spoken, following in zip(best, stream.spoken, nexts, strict=True):
        last = min(spoken.end + int(MARGIN * spec.sample_rate), following - 1)
        here = slice(np.searchsorted(ends, spoken.start), np.searchsorted(ends, last, "right"))
        np.maximum.at(row, tops[here], codes[here])
    return best


def _tops(smoothed: Smoothed) -> tuple[Ints, Ints]:
    """The highest keyword and its code at each inference, as `Decider.top` has it."""
    keywords = np.flatnonzero([is_keyword(label) for label in smoothed.trace.labels])
    tops = keywords[smoothed.sums[:, keywords].argmax(axis=1)]
    codes = smoothed.sums[np.arange(len(tops)), tops] // smoothed.counts
    return tops, codes.astype(np.intp)


def _logit(codes: NDArray[np.generic], ceiling: int) -> Floats:
    share = np.minimum(np.asarray(codes, np.float64) / ceiling, 1)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(share / (1 - share)))
