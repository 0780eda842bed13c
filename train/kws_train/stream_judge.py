"""Judging a model on streams: spliced words, read speech and mixed noise, each heard once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kws.artefact import Artefact
from kws.decide import ONE, Decision, is_keyword
from kws_train import accepts, align, data, mixed_noise, noise, spotting, streams, sweep
from kws_train.accepts import Accepts, FalseAccept
from kws_train.data import UNKNOWN, DataError
from kws_train.intervals import Rate, Share
from kws_train.noise import Wave
from kws_train.spotting import Score, Smoothed
from kws_train.streams import Reading, Stream

NOISE_HOURS = 1.0  # of mixed noise, unless asked otherwise
VOICES = 200  # clips of other words that babble is made of
THRESHOLDS = tuple(
    code / ONE
    for code in (13, 26, 51, 77, 102, 128, 154, 179, 192, 205, 218, 230, 236, 241, 246, 248, 250)
) + tuple(code / ONE for code in range(251, ONE))


@dataclass(frozen=True)
class Recordings:
    """What a model is judged with.

    tests        a test set: one folder of recordings a word
    noises       background noise: an archive's own recordings, or others
    speech       LibriSpeech: read speech with transcripts
    words        spliced in each condition, None for all that the test set has
    hours        of read speech, None for all
    noise_hours  of mixed noise, where there are `noises`
    """

    tests: Path | None = None
    noises: tuple[Path, ...] = ()
    speech: Path | None = None
    words: int | None = None
    hours: float | None = None
    noise_hours: float = NOISE_HOURS


@dataclass(frozen=True, eq=False)
class StreamJudgement:
    """Streams with what a model's engine said along them, once; every figure derives from it."""

    artefact: Artefact
    folder: str
    spliced: dict[str, tuple[Stream, Smoothed]]
    readings: tuple[tuple[Reading, Smoothed], ...] = ()
    mixed: tuple[Smoothed, ...] = ()

    def scores(self, threshold: float | None = None) -> dict[str, Score]:
        """The score of each condition at a threshold, None for the manifest's."""
        decision = self._decision(threshold)
        return {
            name: spotting.score(stream, smoothed.detections(decision), self._rate)
            for name, (stream, smoothed) in self.spliced.items()
        }

    def accepts(self, threshold: float | None = None) -> Accepts:
        """Detections in the read speech at a threshold, None for the manifest's."""
        decision = self._decision(threshold)
        counts = (
            accepts.accepts(reading, smoothed.detections(decision), self._rate)
            for reading, smoothed in self.readings
        )
        return sum(counts, Accepts())

    def false_accepts(self) -> Iterator[FalseAccept]:
        """The false accepts in the read speech, one by one."""
        decision = self._decision(None)
        for reading, smoothed in self.readings:
            yield from accepts.false_accepts(reading, smoothed.detections(decision), self._rate)

    def noise_rate(self, threshold: float | None = None) -> Rate:
        """False accepts per hour of mixed noise, where every detection is one."""
        decision = self._decision(threshold)
        count = sum(len(smoothed.detections(decision)) for smoothed in self.mixed)
        return Rate(count, sum(smoothed.trace.seconds for smoothed in self.mixed) / 3600)

    def point(self, threshold: float | None = None) -> dict[str, tuple[Rate, Share]]:
        """For each condition, the rate of false accepts and the share of false rejects.

        False accepts are those in read speech; where there is none, the stream's own alarms.
        """
        speech = self.accepts(threshold).rate
        return {
            name: (speech if self.readings else score.alarm_rate, score.reject_rate)
            for name, score in self.scores(threshold).items()
        }

    def curves(self) -> dict[str, list[tuple[Rate, Share]]]:
        """The points of each condition at all of `THRESHOLDS`."""
        points = [self.point(level) for level in THRESHOLDS]
        return {name: [point[name] for point in points] for name in self.spliced}

    @property
    def _rate(self) -> int:
        return self.artefact.manifest.front_end.sample_rate

    def _decision(self, threshold: float | None) -> Decision:
        decision = self.artefact.manifest.decision
        return decision if threshold is None else sweep.moved(decision, threshold)


def judge_streams(artefact: Artefact, recordings: Recordings) -> StreamJudgement:
    """Judge a model on the streams that there is material for."""
    if recordings.speech is not None:
        align.need_synthesiser()
    rate = artefact.manifest.front_end.sample_rate
    background = noise.read_noises(recordings.noises, rate)
    tests = recordings.tests
    words = [] if tests is None else choose_words(artefact, tests, recordings.words)
    spliced = {}
    for snr_db in streams.SNRS_DB:
        if words and (snr_db is None or background):
            name = streams.condition(snr_db)
            stream = streams.splice(words, rate, background, snr_db)
            heard = _heard(artefact, stream.samples, f"Words in {name}")
            silent = np.broadcast_to(np.int16(0), stream.samples.shape)  # an hour of samples is big
            spliced[name] = replace(stream, samples=silent), heard
    readings = []
    if recordings.speech is not None:
        for reading in streams.librispeech(recordings.speech, rate, recordings.hours):
            heard = _heard(artefact, reading.samples, f"Reading {reading.name}")
            readings.append((replace(reading, samples=reading.samples[:0]), heard))
    mixed: list[Smoothed] = []
    if background:
        voices = [] if tests is None else other_words(tests, rate)
        parts = mixed_noise.mixed(recordings.noise_hours, rate, background, voices)
        mixed.extend(_heard(artefact, part, "Listening to noise") for part in parts)
    folder = "" if tests is None else tests.resolve().name
    return StreamJudgement(artefact, folder, spliced, tuple(readings), tuple(mixed))


def choose_words(artefact: Artefact, root: Path, count: int | None) -> list[tuple[str, Wave]]:
    """Clips of keywords of a test set in a random order that is always the same.

    `count` of them, None for all; without those that cannot be read.
    """
    known = {label for label in artefact.manifest.labels if is_keyword(label)}
    clips = [clip for clip in data.test_set(root) if clip.word in known]
    if not clips:
        raise DataError(
            f"{root}: no clips of words of {artefact.manifest.name}; "
            f"expected some of: {' '.join(sorted(known))}"
        )
    order = np.random.default_rng(noise.SEED).permutation(len(clips))
    kept, waves = data.load(
        (clips[i] for i in order[:count]), artefact.manifest.front_end.sample_rate
    )
    return [(clip.word, wave) for clip, wave in zip(kept, waves, strict=True)]


def other_words(root: Path, rate: int) -> list[Wave]:
    """At most `VOICES` clips of a test set's other words, always the same ones."""
    clips = [clip for clip in data.test_set(root) if clip.word == UNKNOWN]
    order = np.random.default_rng(noise.SEED).permutation(len(clips))
    return data.load((clips[i] for i in order[:VOICES]), rate)[1]


def _heard(artefact: Artefact, samples: Wave, title: str) -> Smoothed:
    trace = spotting.record(artefact, samples, title)
    return spotting.smooth(trace, artefact.manifest.decision.smoothing)
