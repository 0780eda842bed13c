"""kws-eval --stream: hits, wrong words and false alarms in streams, as text and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kws.artefact import Artefact
from kws.decide import ONE, Decision, is_keyword
from kws_train import data, noise, spotting, streams, sweep
from kws_train.data import DataError
from kws_train.intervals import per_hour
from kws_train.noise import Wave
from kws_train.plots import Curve
from kws_train.spotting import Accepts, Score, Smoothed
from kws_train.streams import Reading, Stream

WORDS, HOURS = 150, 0.25  # spliced in each condition, and of read speech, unless asked otherwise
THRESHOLDS = tuple(
    code / ONE
    for code in (13, 26, 51, 77, 102, 128, 154, 179, 192, 205, 218, 230, 236, 241, 246, 248, 250)
) + tuple(code / ONE for code in range(251, ONE))
_PRINTED = (0.5, 0.75, 0.9, 0.96, 0.99)  # of those, the nearest are in the table


@dataclass(frozen=True, eq=False)
class StreamJudgement:
    """Streams with what a model's engine said along them, once; every figure derives from it."""

    artefact: Artefact
    folder: str
    spliced: dict[str, tuple[Stream, Smoothed]]
    readings: tuple[tuple[Reading, Smoothed], ...]

    def scores(self, threshold: float | None = None) -> dict[str, Score]:
        """The score of each condition at a threshold, None for the manifest's."""
        decision, rate = self._decision(threshold), self.artefact.manifest.front_end.sample_rate
        return {
            name: spotting.score(stream, smoothed.detections(decision), rate)
            for name, (stream, smoothed) in self.spliced.items()
        }

    def accepts(self, threshold: float | None = None) -> Accepts:
        """Detections in the read speech at a threshold, None for the manifest's."""
        decision, spec = self._decision(threshold), self.artefact.manifest.front_end
        reach = spotting.reach(spec, decision)
        counts = (
            spotting.accepts(reading, smoothed.detections(decision), spec, reach)
            for reading, smoothed in self.readings
        )
        return sum(counts, Accepts())

    def curves(self) -> dict[str, Curve]:
        """For each condition, false accepts per hour and the share of missed words by threshold.

        False accepts are those in read speech; where there is none, the stream's own alarms.
        """
        sweep = [(self.scores(level), self.accepts(level).rate) for level in THRESHOLDS]
        return {
            name: (
                np.array(
                    [
                        speech.value if self.readings else scores[name].alarm_rate.value
                        for scores, speech in sweep
                    ]
                ),
                np.array([1 - scores[name].hit_rate.value for scores, _ in sweep]),
            )
            for name in self.spliced
        }

    def _decision(self, threshold: float | None) -> Decision:
        decision = self.artefact.manifest.decision
        return decision if threshold is None else sweep.moved(decision, threshold)


def judge_streams(
    artefact: Artefact,
    root: Path | None,
    noises: Sequence[Path] = (),
    speech: Path | None = None,
    words: int = WORDS,
    hours: float = HOURS,
) -> StreamJudgement:
    """Judge a model on spliced words of a test set (None: on none) and on read speech."""
    spec, length = artefact.manifest.front_end, artefact.manifest.decision.smoothing
    rate = spec.sample_rate
    background = noise.read_noises(noises, rate)
    spoken = [] if root is None else choose_words(artefact, root, words)
    spliced = {}
    for snr_db in streams.SNRS_DB:
        if spoken and (snr_db is None or background):
            name = streams.condition(snr_db)
            stream = streams.splice(spoken, rate, background, snr_db)
            trace = spotting.record(artefact, stream.samples, f"Words in {name}")
            spliced[name] = (stream, spotting.smooth(trace, length))
    readings = []
    for reading in [] if speech is None else streams.librispeech(speech, rate, hours):
        trace = spotting.record(artefact, reading.samples, f"Reading {reading.name}")
        silent = replace(reading, samples=np.zeros(0, np.int16))  # hours of samples are big
        readings.append((silent, spotting.smooth(trace, length)))
    folder = "" if root is None else root.resolve().name
    return StreamJudgement(artefact, folder, spliced, tuple(readings))


def choose_words(artefact: Artefact, root: Path, count: int) -> list[tuple[str, Wave]]:
    """Some clips of keywords of a test set, drawn with a fixed seed, without those unreadable."""
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


def report(judged: StreamJudgement) -> Iterator[str]:
    """Everything that is said of a model and streams, line by line."""
    manifest = judged.artefact.manifest
    decision = manifest.decision
    yield (
        f"{manifest.name}: mean of {decision.smoothing} inferences, threshold "
        f"{decision.threshold_text('g')}, refractory {decision.refractory} columns, an inference "
        f"every {decision.hop} of {1000 * manifest.front_end.hop_seconds:g} ms"
    )
    if scores := judged.scores():
        yield ""
        yield f"words of {judged.folder}, spliced"
        yield f"{'':<9}{'hours':>7}{'words':>7}   {'hit':<28}{'another word':<28}false alarms"
        for name, score in scores.items():
            yield (
                f"{name:<9}{score.hours:>7.2f}{score.words:>7}   {score.hit_rate!s:<28}"
                f"{score.wrong_rate!s:<28}{score.alarm_rate}"
            )
    if judged.readings:
        accepts = judged.accepts()
        yield ""
        yield f"read speech, {accepts.hours:.2f} h of {len(judged.readings)} chapters"
        yield f"false accepts {accepts.rate}; {accepts.spoken} more may be words that were read"
    yield ""
    yield from sweep_table(judged)
    yield ""
    yield from textwrap.wrap(" ".join(rules(judged)), 96)


def sweep_table(judged: StreamJudgement) -> Iterator[str]:
    """Hit rates and false alarms per hour at some thresholds, the manifest's among them."""
    names = list(judged.spliced)
    yield f"{'':<11}" + "".join(f"{name:>18}" for name in names)
    yield f"{'threshold':<11}" + f"{'hit %   alarms/h':>18}" * len(names) + f"{'read speech/h':>16}"
    levels = {min(THRESHOLDS, key=lambda level: abs(level - wanted)) for wanted in _PRINTED}
    for level in sorted(levels | {sweep.level(judged.artefact.manifest.decision)}):
        cells = [
            f"{100 * score.hit_rate.value:8.1f}{per_hour(score.alarm_rate.value):>10}"
            for score in judged.scores(level).values()
        ]
        speech = per_hour(judged.accepts(level).rate.value) if judged.readings else "-"
        yield f"{level:<11.3f}" + "".join(cells) + f"{speech:>16}"


def rules(judged: StreamJudgement) -> Iterator[str]:
    """How streams are made and detections counted, in sentences."""
    yield "Brackets are 95 % intervals: Wilson's of shares, exact Poisson of counts."
    yield "No event in T hours bounds a rate at 3/T."
    if judged.spliced:
        low, high = streams.GAP
        yield f"Each word is brought to {streams.LEVEL_DB:g} dB of full scale."
        yield f"Between words lie {low:g} to {high:g} s."
        yield "A hit falls between a word's start"
        yield f"and {spotting.MARGIN:g} s after its end."
        yield "A word may be hit and taken for another; any other detection is a false alarm."
    if judged.readings:
        yield "The transcripts of read speech have no times:"
        yield "a detection of a word that stands in the transcript of what was read just then"
        yield "is not counted as false, as often as the word stands there."


def as_json(judged: StreamJudgement) -> dict[str, Any]:
    """The figures as plain JSON values."""
    manifest = judged.artefact.manifest
    values: dict[str, Any] = {"model": manifest.name, "decision": manifest.decision.to_json()}
    values["streams"] = {
        name: {
            **asdict(score),
            "hit_rate": score.hit_rate.to_json(),
            "wrong_rate": score.wrong_rate.to_json(),
            "alarm_rate": score.alarm_rate.to_json(),
        }
        for name, score in judged.scores().items()
    }
    if judged.readings:
        accepts = judged.accepts()
        values["read_speech"] = {**asdict(accepts), "rate": accepts.rate.to_json()}
    return values
