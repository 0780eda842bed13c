"""kws-tune: fit a model's decision to streams of validation clips, for a rate of false accepts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from kws.artefact import Artefact, Manifest
from kws.command import Parser, run
from kws.decide import ONE, Decision
from kws_train import spotting, streams
from kws_train.amend import amend
from kws_train.data import DataError
from kws_train.evaluate import count, positive
from kws_train.intervals import Rate
from kws_train.judge import progress
from kws_train.material import (
    negative_material,
    recorded_speech,
    tuning_noises,
    validation_streams,
)
from kws_train.spotting import Score, Smoothed, Trace
from kws_train.streams import Stream
from kws_train.tradeoff import Tradeoff, tradeoff

WORDS = 300  # commands in each condition, and as many other words
HOURS = 1.0  # of joined words; half as many of synthesised speech, a third of noise alone
TARGET = 1.0  # false accepts per hour
OTHERS = (0.3, 1.0, 3.0, 10.0)  # targets that are told as well, in the one that is asked for
SMOOTHING = (4, 8, 12, 16, 24, 32, 40)  # columns
REFRACTORY = (0.8, 1.0, 1.2)  # seconds; MLPerf Tiny has 1
STALE = ("streams", "read_speech", "mixed_noise")  # figures that a decision is in


@dataclass(frozen=True)
class Choice:
    """A decision and what it scores on the material that it was chosen on.

    accepts    detections in the negative material, by its kind
    expected   false accepts per hour there, as estimated for the fit
    others     the share of hits less wrong words at other targets, with the same mean
    """

    decision: Decision
    score: Score
    accepts: Mapping[str, Rate]
    expected: float
    others: Mapping[float, float]


def choose_decision(
    spliced: Sequence[tuple[Stream, Trace]],
    negative: Sequence[tuple[str, Trace]],
    target: float = TARGET,
    hop: int = 1,
) -> Choice:
    """The decision with the most hits less wrong words at `target` false accepts per hour.

    For each length of the moving mean and each refractory time `Tradeoff.best` chooses the
    thresholds. Of the results it takes the one with the most hits less wrong words and less false
    alarms, which come of words that are heard late or twice; of equals the one with the
    shortest mean. `negative` are stretches by kind.
    """
    if not spliced or not negative:
        raise DataError("there is no stream to choose a decision on; expected some of both kinds")
    spec = spliced[0][1].spec
    hours = sum(trace.seconds for _, trace in negative) / 3600
    lengths = dict.fromkeys(max(1, columns // hop) for columns in SMOOTHING)
    found: list[tuple[int, Choice]] = []
    with progress("Choosing", len(lengths) * len(REFRACTORY)) as advance:
        for length in lengths:
            known = [(stream, spotting.smooth(trace, length)) for stream, trace in spliced]
            other = [(kind, spotting.smooth(trace, length)) for kind, trace in negative]
            for seconds in REFRACTORY:
                refractory = round(seconds / spec.hop_seconds)
                curves = tradeoff(known, [smoothed for _, smoothed in other], refractory)
                codes = curves.best(target * hours)
                thresholds = {word: code / ONE for word, code in codes.items()}
                decision = Decision(length, thresholds, refractory, hop)
                score = _score(known, decision, spec.sample_rate)
                choice = Choice(
                    decision,
                    score,
                    _accepts(other, decision),
                    curves.expected(codes) / hours,
                    _others(curves, hours, score.words),
                )
                found.append((score.hits - score.wrong - score.false_alarms, choice))
                advance(1)
    return max(found, key=lambda one: one[0])[1]


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser(
        prog="kws-tune",
        description="Fit a model's moving mean, thresholds and refractory time to streams of "
        "validation clips: the most hits at a rate of false accepts. Writes the manifest.",
    )
    parser.add_argument("model", help="a model's name or folder")
    parser.add_argument("--data", type=Path, required=True, help="Speech Commands' folder")
    parser.add_argument(
        "--target",
        type=positive,
        default=TARGET,
        metavar="FA_PER_HOUR",
        help="false accepts per hour of other words, speech and noise (default: %(default)s)",
    )
    parser.add_argument(
        "--hop",
        type=count,
        metavar="COLUMNS",
        help="from one inference to the next (default: the manifest's); a microcontroller that "
        "runs a whole window each time needs several",
    )
    parser.add_argument(
        "--words",
        type=count,
        default=WORDS,
        metavar="N",
        help="commands in each condition, and as many other words (default: %(default)s)",
    )
    parser.add_argument(
        "--hours",
        type=positive,
        default=HOURS,
        help="of other words joined; of synthesised speech half, of noise a third of that "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--speech",
        type=Path,
        metavar="DIR",
        help="recordings of running speech, whatever is said in it, to which it shall not answer "
        "either",
    )
    options = parser.parse_args(argv)
    return run(parser.prog, lambda: _tune(options))


def _tune(options: argparse.Namespace) -> None:
    artefact = Artefact.load(options.model)
    manifest = artefact.manifest
    hop = options.hop or manifest.decision.hop
    heard = replace(
        artefact, manifest=replace(manifest, decision=replace(manifest.decision, hop=hop))
    )
    rate = manifest.front_end.sample_rate
    read = recorded_speech(options.speech, rate) if options.speech else iter(())
    noises = tuning_noises(artefact, options.data)
    spliced = [
        (stream, spotting.record(heard, stream.samples, f"Words in {streams.condition(snr_db)}"))
        for stream, snr_db in zip(
            validation_streams(artefact, options.data, noises, options.words),
            streams.SNRS_DB,
            strict=True,
        )
    ]
    without = negative_material(artefact, options.data, noises, options.hours)
    negative = [
        (kind, spotting.record(heard, samples, kind.capitalize()))
        for kind, samples in chain(without, read)
    ]
    choice = choose_decision(spliced, negative, options.target, hop)
    command = (
        f"kws-tune {manifest.name} --data DIR --target {options.target:g} --hop {hop} "
        f"--words {options.words} --hours {options.hours:g}"
    ) + (" --speech DIR" if options.speech else "")
    tuning = _provenance(choice, command, options.target)

    def change(found: Manifest) -> Manifest:
        return replace(
            found,
            decision=choice.decision,
            provenance={**found.provenance, "decision": tuning},
            figures={name: value for name, value in found.figures.items() if name not in STALE},
        )

    amend(artefact, change)
    sys.stdout.write("\n".join(_lines(manifest.name, choice, options.target)) + "\n")


def _provenance(choice: Choice, command: str, target: float) -> dict[str, Any]:
    score = choice.score
    return {
        "command": command,
        "target": target,
        "words": score.words,
        "hit_rate": round(score.hit_rate.value, 4),
        "wrong_rate": round(score.wrong_rate.value, 4),
        "false_alarms_per_hour": round(score.alarm_rate.value, 1),
        "expected_false_accepts_per_hour": round(choice.expected, 3),
        "false_accepts": {
            kind: {"count": rate.count, "hours": round(rate.hours, 3)}
            for kind, rate in choice.accepts.items()
        },
    }


def _lines(name: str, choice: Choice, target: float) -> Iterator[str]:
    decision, score = choice.decision, choice.score
    yield (
        f"{name}: mean of {decision.smoothing} inferences, threshold {decision.threshold_text()}, "
        f"refractory {decision.refractory} columns, an inference every {decision.hop} columns"
    )
    assert isinstance(decision.threshold, Mapping)  # it was chosen so
    yield "  ".join(f"{word} {value:.3f}" for word, value in decision.threshold.items())
    yield ""
    yield f"on {score.words} validation words and as many others, {score.hours:.2f} h:"
    yield f"hit {score.hit_rate}, another word {score.wrong_rate}, false alarms {score.alarm_rate}"
    yield ""
    yield "false accepts where there is no word of the model:"
    for kind, rate in choice.accepts.items():
        yield f"{kind:<20}{rate.hours:>6.2f} h   {rate}"
    yield f"all, as estimated: {choice.expected:.2f} per hour; asked for: at most {target:g}"
    if choice.expected > target:
        yield "no thresholds reach that with this model: these are the strictest"
    shares = (f"{100 * share:.1f} % at {rate:g}" for rate, share in choice.others.items())
    yield f"hits less wrong words at other rates per hour: {', '.join(shares)}"


def _accepts(negative: Sequence[tuple[str, Smoothed]], decision: Decision) -> dict[str, Rate]:
    """What is detected in negative material, by kind."""
    rates: dict[str, Rate] = {}
    for kind, smoothed in negative:
        before = rates.get(kind, Rate(0, 0.0))
        rates[kind] = Rate(
            before.count + len(smoothed.detections(decision)),
            before.hours + smoothed.trace.seconds / 3600,
        )
    return rates


def _others(curves: Tradeoff, hours: float, words: int) -> dict[float, float]:
    """The value that is reached at other targets, as a share of the words."""
    shares = {}
    for rate in OTHERS:
        codes = curves.best(rate * hours)
        value = sum(curves.value[i, codes[word]] for i, word in enumerate(curves.words))
        shares[rate] = float(value) / max(words, 1)
    return shares


def _score(smoothed: Sequence[tuple[Stream, Smoothed]], decision: Decision, rate: int) -> Score:
    scores = (spotting.score(stream, s.detections(decision), rate) for stream, s in smoothed)
    return sum(scores, Score())


if __name__ == "__main__":
    sys.exit(main())
