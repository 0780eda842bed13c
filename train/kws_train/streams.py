"""Streams to judge a spotter on: spliced words in silence and noise, and read speech."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.audio import read_audio
from kws.errors import AudioError
from kws_train import augment, data
from kws_train.data import NOISE, SUFFIXES, DataError

Wave = NDArray[np.int16]
Sound = NDArray[np.float32]
Rng = np.random.Generator

SEED = 1  # of everything drawn here
LEVEL_DB = -26.0  # of a spliced word, relative to full scale: rms of its loudest stretch
STRETCH = 0.5  # seconds that a word's level is measured over, and its noise's by the whole
GAP = (1.0, 2.0)  # seconds between words, drawn uniformly
SNRS_DB = (None, 20.0, 10.0, 5.0)  # None is digital silence
_FULL_SCALE = 32_768.0

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
    """A stretch of read speech between two samples, and how often each word is in it."""

    start: int
    end: int
    words: Counter[str] = field(hash=False)


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
    return Stream(_to_int16(sound), tuple(spoken))


def in_noise(wave: Wave, rate: int, noises: Sequence[Wave], snr_db: float, rng: Rng) -> Wave:
    """A clip with background noise `snr_db` below its own level."""
    return _to_int16(wave + bed(noises, len(wave), level_db(wave, rate) - snr_db, rng))


def bed(noises: Sequence[Wave], length: int, level: float, rng: Rng) -> Sound:
    """Background noise of some length: recordings in random order, each brought to `level` dB."""
    if not any(np.any(wave) for wave in noises):
        raise DataError("there is no background noise to mix in; expected at least one recording")
    parts: list[Sound] = [np.zeros(0, np.float32)]
    missing = length
    while missing > 0:
        wave = noises[rng.integers(len(noises))]
        offset = rng.integers(len(wave))  # a short bed is any stretch of a recording
        turned = np.roll(wave, -offset)[:missing].astype(np.float32)
        parts.append(turned * np.float32(amplitude(level - _rms_db(wave))))
        missing -= len(turned)
    return np.concatenate(parts)


def level_db(wave: Wave, rate: int) -> float:
    """The rms of a word's loudest stretch, in dB relative to full scale."""
    stretch = min(int(STRETCH * rate), len(wave))
    power = np.cumsum(np.concatenate([[0.0], wave.astype(np.float64) ** 2]))
    loudest = (power[stretch:] - power[:-stretch]).max() / stretch
    return 10 * float(np.log10(max(loudest, 1.0) / _FULL_SCALE**2))


def amplitude(decibel: float) -> float:
    """The factor of an amplitude."""
    return float(10 ** (decibel / 20))


def read_noises(folders: Iterable[Path], rate: int) -> list[Wave]:
    """Background noise to judge with, mono int16 at `rate`.

    Of an archive's own recordings (a folder with `_background_noise_`, or that folder) it is the
    part that training never hears, of any other folder all recordings. Raises `DataError` for a
    folder without recordings.
    """
    waves: list[Wave] = []
    for folder in folders:
        if folder.name == NOISE or (folder / NOISE).is_dir():
            root = folder.parent if folder.name == NOISE else folder
            waves += augment.judging_noises(data.noises(root, rate))
            continue
        paths = sorted(folder.rglob("*")) if folder.is_dir() else []
        found = [read_audio(path, rate) for path in paths if path.suffix.lower() in SUFFIXES]
        if not found:
            raise DataError(f"{folder}: no background noise; expected recordings or {NOISE} there")
        waves += found
    return waves


def librispeech(root: Path, rate: int, hours: float) -> Iterator[Reading]:
    """Chapters of LibriSpeech, cut so that all together are about `hours` long.

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
        share = (hours * 3600 * rate - total) / (len(transcripts) - number)
        reading = _chapter(transcript, rate, int(share))
        total += len(reading.samples)
        if reading.utterances:
            yield reading
    if total == 0:
        raise DataError(f"{root}: none of the recordings that its transcripts name can be read")


def _chapter(transcript: Path, rate: int, samples: int) -> Reading:
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
        utterances.append(Utterance(length, end, Counter(text.lower().split())))
        length = end
    name = transcript.name.removesuffix(".trans.txt")
    return Reading(name, np.concatenate(waves), tuple(utterances))


def _rms_db(wave: Wave) -> float:
    power = float(np.mean(wave.astype(np.float64) ** 2))
    return 10 * float(np.log10(max(power, 1e-9) / _FULL_SCALE**2))


def _to_int16(sound: Sound) -> Wave:
    return np.asarray(np.clip(np.rint(sound), -_FULL_SCALE, _FULL_SCALE - 1), np.int16)
