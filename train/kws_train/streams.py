"""Streams to judge a spotter on: spliced words in silence and noise, and read speech."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.audio import read_audio
from kws.errors import AudioError
from kws_train.data import SUFFIXES, DataError
from kws_train.noise import SEED, Wave, amplitude, bed, level_db, to_int16

LEVEL_DB = -26.0  # of a spliced word, relative to full scale: rms of its loudest stretch
GAP = (1.0, 2.0)  # seconds between words, drawn uniformly
SNRS_DB = (None, 20.0, 10.0, 5.0)  # None is digital silence

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Spoken:
    """A word in a stream, between two samples: the whole clip, whatever is quiet in it."""

    word: str
    start: int
    end: int


@dataclass(frozen=True, eq=False)
class Stream:
    """int16 samples, and the words that were spliced into them, in order."""

    samples: Wave
    spoken: tuple[Spoken, ...]


@dataclass(frozen=True)
class Utterance:
    """A stretch of read speech between two samples, the words in it and its own recording."""

    start: int
    end: int
    words: tuple[str, ...]
    path: Path = Path()


@dataclass(frozen=True, eq=False)
class Reading:
    """A chapter: its utterances one after the other."""

    name: str
    samples: Wave
    utterances: tuple[Utterance, ...]


def condition(snr_db: float | None) -> str:
    """What a level of noise is called."""
    return "silence" if snr_db is None else f"{snr_db:g} dB"


def splice(
    words: Sequence[tuple[str, Wave]],
    rate: int,
    noises: Sequence[Wave] = (),
    snr_db: float | None = None,
    seed: int = SEED,
) -> Stream:
    """Words one after the other, at random distances, in silence or in background noise.

    Every word is brought to `LEVEL_DB`; the noise lies `snr_db` below that. The distances depend
    on the seed alone: each condition has the same words at the same times.
    """
    gaps = np.random.default_rng([seed, 0]).uniform(*GAP, len(words) + 1)
    lengths = np.array([len(wave) for _, wave in words], np.int64)
    starts = np.cumsum((gaps[:-1] * rate).astype(np.int64)) + np.cumsum(lengths) - lengths
    end = int(starts[-1] + lengths[-1] if len(words) else 0) + int(gaps[-1] * rate)
    sound = np.zeros(end, np.float32)
    if snr_db is not None:
        sound += bed(noises, end, LEVEL_DB - snr_db, np.random.default_rng([seed, 1]))
    spoken = []
    for (word, wave), start in zip(words, starts.tolist(), strict=True):
        sound[start : start + len(wave)] += wave * amplitude(LEVEL_DB - level_db(wave, rate))
        spoken.append(Spoken(word, start, start + len(wave)))
    return Stream(to_int16(sound), tuple(spoken))


def librispeech(root: Path, rate: int, hours: float | None = None) -> Iterator[Reading]:
    """Chapters of LibriSpeech, cut so that all together are about `hours` long; None leaves all.

    Each gives its first utterances, equally long, so that every speaker is heard. Raises
    `DataError` where there are no transcripts with recordings beside them.
    """
    transcripts = sorted(root.rglob("*.trans.txt"))
    if not transcripts:
        raise DataError(
            f"{root}: no *.trans.txt; expected LibriSpeech: a folder a speaker, with recordings "
            "and their transcripts"
        )
    total = 0
    for number, transcript in enumerate(transcripts):
        left = math.inf if hours is None else hours * 3600 * rate - total
        reading = _chapter(transcript, rate, left / (len(transcripts) - number))
        total += len(reading.samples)
        if reading.utterances:
            yield reading
    if total == 0:
        raise DataError(f"{root}: none of the recordings that its transcripts name can be read")


def _chapter(transcript: Path, rate: int, samples: float) -> Reading:
    """The utterances of a transcript until `samples` samples are reached."""
    waves: list[Wave] = [np.zeros(0, np.int16)]
    utterances: list[Utterance] = []
    length = 0
    for line in transcript.read_text(encoding="utf-8").splitlines():
        name, _, text = line.partition(" ")
        beside = (transcript.parent / (name + suffix) for suffix in sorted(SUFFIXES))
        path = next((path for path in beside if path.is_file()), None)
        if path is None or length >= samples:
            continue
        try:
            waves.append(read_audio(path, rate))
        except AudioError as error:
            log.warning("skipped: %s", error)
            continue
        end = length + len(waves[-1])
        utterances.append(Utterance(length, end, tuple(text.lower().split()), path))
        length = end
    name = transcript.name.removesuffix(".trans.txt")
    return Reading(name, np.concatenate(waves), tuple(utterances))
