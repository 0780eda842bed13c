"""kws-eval --stream: false rejects and false accepts in streams, as text and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from kws_train import accepts, bars, mixed_noise, spotting, streams, sweep
from kws_train.intervals import per_hour
from kws_train.stream_judge import THRESHOLDS, StreamJudgement

_PRINTED = (0.5, 0.75, 0.9, 0.96, 0.99)  # of THRESHOLDS, the nearest are in the table


def report(judged: StreamJudgement, listed: bool = False) -> Iterator[str]:
    """Everything that is said of a model and streams, line by line.

    `listed` names each false accept in read speech as well.
    """
    manifest = judged.artefact.manifest
    decision, hop = manifest.decision, manifest.front_end.hop_seconds
    yield (
        f"{manifest.name}: mean of {decision.smoothing} inferences, threshold "
        f"{decision.threshold_text('g')}, refractory {decision.refractory} columns, an inference "
        f"every {decision.hop} of {1000 * hop:g} ms"
    )
    if scores := judged.scores():
        yield ""
        yield f"words of {judged.folder}, spliced"
        yield (
            f"{'':<9}{'hours':>6}{'words':>7}   {'false rejects':<27}{'another word':<27}"
            "false alarms"
        )
        for name, score in scores.items():
            yield (
                f"{name:<9}{score.hours:>6.2f}{score.words:>7}   {score.reject_rate!s:<27}"
                f"{score.wrong_rate!s:<27}{score.alarm_rate}"
            )
    if judged.readings:
        yield ""
        yield from _read_speech(judged, listed)
    if judged.mixed:
        rate = judged.noise_rate()
        yield ""
        yield f"mixed noise, {rate.hours:.2f} h"
        yield f"false accepts {rate}"
    if table := list(bars.table(judged)):
        yield ""
        yield from table
    yield ""
    yield from sweep_table(judged)
    yield ""
    yield from textwrap.wrap(" ".join(rules(judged)), 96)


def _read_speech(judged: StreamJudgement, listed: bool) -> Iterator[str]:
    found = judged.accepts()
    yield f"read speech, {found.hours:.2f} h of {len(judged.readings)} chapters"
    yield (
        f"false accepts {found.rate}; {found.homophones} of {found.false} at words that sound like "
        f"the keyword"
    )
    yield f"detections of words that were read {found.spoken}"
    for one in judged.false_accepts() if listed else ():
        homophone = f" ({one.homophone})" if one.homophone else ""
        yield (
            f"  {one.utterance} {one.offset:6.2f} s  {one.keyword:<6}{one.score:.2f}  "
            f"{' '.join(one.near)}{homophone}"
        )


def sweep_table(judged: StreamJudgement) -> Iterator[str]:
    """False rejects and false accepts per hour at some thresholds, the manifest's among them."""
    names = list(judged.spliced)
    yield (
        f"{'false rejects, %':<17}"
        + "".join(f"{name:>9}" for name in names)
        + (f"{'false accepts per hour of':>29}" if judged.readings or judged.mixed else "")
    )
    yield (
        f"{'threshold':<17}"
        + f"{'':>9}" * len(names)
        + (
            (f"{'speech':>11}" if judged.readings else "")
            + (f"{'noise':>11}" if judged.mixed else "")
        )
    )
    at = sweep.level(judged.artefact.manifest.decision)
    levels = {min(THRESHOLDS, key=lambda level: abs(level - wanted)) for wanted in _PRINTED}
    for level in sorted(levels | {at}):
        cells = [
            f"{100 * score.reject_rate.value:>9.1f}" for score in judged.scores(level).values()
        ]
        if judged.readings:
            cells.append(f"{per_hour(judged.accepts(level).rate.value):>11}")
        if judged.mixed:
            cells.append(f"{per_hour(judged.noise_rate(level).value):>11}")
        yield f"{level:<17.3f}" + "".join(cells)


def rules(judged: StreamJudgement) -> Iterator[str]:
    """How streams are made and detections counted, in sentences."""
    yield "Brackets are 95 % intervals: Wilson's of shares, exact Poisson of counts."
    yield "No event in T hours bounds a rate at 3/T."
    if judged.spliced:
        low, high = streams.GAP
        yield f"Each word is brought to {streams.LEVEL_DB:g} dB of full scale."
        yield f"Between words lie {low:g} to {high:g} s."
        yield "A hit falls between a word's start"
        yield f"and {spotting.MARGIN:g} s after its end; a word without one is a false reject."
        yield "A word may be hit and taken for another; any other detection is a false alarm."
    if judged.readings:
        yield "The transcripts of read speech have no times: they are aligned with a synthesiser's"
        yield "reading. A detection is no false accept where the transcript has that very word and"
        yield f"its aligned time is at most {accepts.WITHIN:g} s before or behind;"
        yield "each word excuses one detection."
    if judged.mixed:
        low, high = mixed_noise.LEVEL_DB
        yield "Mixed noise is white, pink, brown, hum, babble, clatter, tones and recordings, up to"
        yield f"{mixed_noise.SOURCES} at once, each at {low:g} to {high:g} dB of full scale and"
        yield f"wandering by {mixed_noise.SWING_DB:g} dB; every detection in it is a false accept."


def as_json(judged: StreamJudgement, listed: bool = False) -> dict[str, Any]:
    """The figures as plain JSON values, with `listed` each false accept in read speech as well."""
    manifest = judged.artefact.manifest
    values: dict[str, Any] = {"model": manifest.name, "decision": manifest.decision.to_json()}
    values["streams"] = {
        name: {
            **asdict(score),
            "hit_rate": score.hit_rate.to_json(),
            "reject_rate": score.reject_rate.to_json(),
            "wrong_rate": score.wrong_rate.to_json(),
            "alarm_rate": score.alarm_rate.to_json(),
        }
        for name, score in judged.scores().items()
    }
    if judged.readings:
        found = judged.accepts()
        values["read_speech"] = {**asdict(found), "rate": found.rate.to_json()}
        if listed:
            values["read_speech"]["listed"] = [one.to_json() for one in judged.false_accepts()]
    if judged.mixed:
        values["mixed_noise"] = judged.noise_rate().to_json()
    values["bars"] = [bar.to_json() for bar in bars.bars(judged)]
    return values
