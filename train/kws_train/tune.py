"""python -m kws_train.tune: fit a model's decision to streams of validation clips."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kws.artefact import Artefact, Manifest
from kws.command import Parser, run
from kws.decide import ONE, Decision, is_keyword
from kws.spec import FrontEnd
from kws_train import augment, data, noise, spotting, streams
from kws_train.amend import amend
from kws_train.data import Clip, DataError
from kws_train.evaluate import count, positive
from kws_train.noise import Wave
from kws_train.spotting import Score, Smoothed, Trace
from kws_train.streams import Stream

WORDS = 60  # commands in each condition, and as many other words
SMOOTHING = (4, 8, 12, 16, 24, 32, 40)  # columns
REFRACTORY = (0.6, 0.8, 1.0, 1.2)  # seconds; MLPerf Tiny has 1
THRESHOLDS = tuple(code / ONE for code in (*range(77, 230, 13), *range(230, ONE, 3)))
STALE = ("streams", "read_speech")  # figures that a decision is in


@dataclass(frozen=True)
class Choice:
    """A decision and what it scores on the streams that it was chosen on."""

    decision: Decision
    score: Score


def choose_decision(
    spliced: Sequence[tuple[Stream, Trace]], hop: int = 1, cost: float = 1.0
) -> Choice:
    """The decision with the highest net score, hits less `cost` times everything that is wrong.

    Wrong are words taken for another and false alarms. With the default cost of 1, a detection is
    worth making where it is more often right than wrong, on streams in which every second word is
    none of the model's. Of equals it is the highest threshold, the shortest mean and the longest
    refractory time.
    """
    best: tuple[float, Choice] | None = None
    for length in dict.fromkeys(max(1, columns // hop) for columns in SMOOTHING):
        smoothed = [(stream, spotting.smooth(trace, length)) for stream, trace in spliced]
        spec = spliced[0][1].spec
        for decision in _decisions(length, spec, hop):
            score = _score(smoothed, decision, spec.sample_rate)
            net = score.hits - cost * (score.wrong + score.false_alarms)
            if best is None or net > best[0]:
                best = net, Choice(decision, score)
    if best is None:
        raise DataError("there is no stream to choose a decision on; expected at least one")
    return best[1]


def validation_streams(artefact: Artefact, archive: Path, words: int) -> list[Stream]:
    """Commands and other words in turn at random, from validation speakers, in each condition.

    The noise is the part that training hears, since the rest is for judging. Other words are not
    among `spoken`: whatever is detected there is a false alarm.
    """
    rate = artefact.manifest.front_end.sample_rate
    labels = {label for label in artefact.manifest.labels if is_keyword(label)}
    clips = data.speech_commands(archive)["validation"]
    random = np.random.default_rng(noise.SEED)
    drawn: list[Clip] = []
    for known in (True, False):
        group = [clip for clip in clips if (clip.word in labels) == known]
        if not group:
            kind = "words of the model" if known else "other words"
            raise DataError(f"{archive}: no validation clips of {kind} to tune on; expected some")
        drawn += [group[i] for i in random.permutation(len(group))[:words]]
    kept, waves = data.load([drawn[i] for i in random.permutation(len(drawn))], rate)
    spoken: list[tuple[str, Wave]] = [(c.word, wave) for c, wave in zip(kept, waves, strict=True)]
    noises = augment.training_noises(data.noises(archive, rate))
    made = (streams.splice(spoken, rate, noises, snr_db) for snr_db in streams.SNRS_DB)
    return [
        replace(stream, spoken=tuple(s for s in stream.spoken if s.word in labels))
        for stream in made
    ]


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser(prog="python -m kws_train.tune", description=__doc__)
    parser.add_argument("model", help="a model's name or folder")
    parser.add_argument("--data", type=Path, required=True, help="Speech Commands' folder")
    parser.add_argument(
        "--words",
        type=count,
        default=WORDS,
        metavar="N",
        help="commands in each condition, and as many other words (default: %(default)s)",
    )
    parser.add_argument(
        "--cost",
        type=positive,
        default=1.0,
        help="of what is wrong, in hits (default: %(default)s)",
    )
    parser.add_argument(
        "--hop",
        type=count,
        metavar="COLUMNS",
        help="from one inference to the next (default: the manifest's); a microcontroller that "
        "runs a whole window each time needs several",
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
    made = validation_streams(artefact, options.data, options.words)
    traces = [spotting.record(heard, s.samples, "Listening to validation") for s in made]
    choice = choose_decision(list(zip(made, traces, strict=True)), hop, options.cost)
    tuning = {
        "command": f"python -m kws_train.tune {manifest.name} --data DIR --words {options.words} "
        f"--cost {options.cost:g} --hop {hop}",
        "words": choice.score.words,
        "hit_rate": round(choice.score.hit_rate.value, 4),
        "wrong_rate": round(choice.score.wrong_rate.value, 4),
        "false_alarms_per_hour": round(choice.score.alarm_rate.value, 1),
    }

    def change(found: Manifest) -> Manifest:
        return replace(
            found,
            decision=choice.decision,
            provenance={**found.provenance, "decision": tuning},
            figures={name: value for name, value in found.figures.items() if name not in STALE},
        )

    amend(artefact, change)
    sys.stdout.write("\n".join(_lines(manifest.name, choice)) + "\n")


def _lines(name: str, choice: Choice) -> Iterator[str]:
    decision, score = choice.decision, choice.score
    yield (
        f"{name}: mean of {decision.smoothing} inferences, threshold {decision.threshold_text()}, "
        f"refractory {decision.refractory} columns, an inference every {decision.hop} columns"
    )
    yield f"on {score.words} validation words and as many others, {score.hours:.2f} h:"
    yield f"hit {score.hit_rate}, another word {score.wrong_rate}, false alarms {score.alarm_rate}"


def _decisions(length: int, spec: FrontEnd, hop: int) -> Iterator[Decision]:
    for threshold in reversed(THRESHOLDS):
        for seconds in reversed(REFRACTORY):
            yield Decision(length, threshold, round(seconds / spec.hop_seconds), hop)


def _score(smoothed: Sequence[tuple[Stream, Smoothed]], decision: Decision, rate: int) -> Score:
    scores = (spotting.score(stream, s.detections(decision), rate) for stream, s in smoothed)
    return sum(scores, Score())


if __name__ == "__main__":
    sys.exit(main())
