"""Streams to train on, as columns: words one at a time in all conditions, and what has no command.

They are made of the clips that versions are made of, and of the same noise and rooms.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from kws.audio import read_audio
from kws.native import best_mfcc
from kws_train import augment, clips, negatives, noise, scenes
from kws_train.config import Experiment
from kws_train.data import is_command
from kws_train.own_words import files
from kws_train.speech import running_speech
from kws_train.streams import LEVEL_DB
from kws_train.versions import ROOMS

COLUMNS = 750  # of a stream: 12 s
WORDS = 8  # of it, at most
TOGETHER = 25  # streams that are made at a time
KNOWN = 1600  # times as many have commands
JOINED, NOISE, READ = 160, 120, 24  # times as many have none, by what they have
VERSIONS = 4  # of read sentences and speech, one of them as it is
SEED = 2000  # of all that is drawn: other than that of the streams that a decision is fitted to
GAP = (0.8, 2.0)  # seconds between words
COMMANDS = 0.6  # share of the words that are labels
SCENES = 0.15  # share of the others that are no words, but parts of them, phrases and such
BALANCE = 0.2  # power of a label's clips that it is drawn with
PLAIN = 0.75  # share of the streams in which clips are as they were recorded, at one level
CALM = 0.3  # share of the streams with commands that are without noise
SNR_DB = (0.0, 27.0)  # in the others
WORD_DB = (-4.0, 4.0)  # of a varied word, to the stream's level
STREAM_DB = (-14.0, 8.0)  # of a varied stream, to the level of those that a spotter is judged on
SHAPING = ("stream_corpus", "negatives")  # modules that shape streams, beside those of versions
console = Console(stderr=True)

Columns = NDArray[np.int8]


class StreamCorpus(NamedTuple):
    """Streams, kind by kind: with commands, other words joined, noise, sentences, speech.

    columns  int8 [n, COLUMNS, coefficients]
    ends     of each kind among them: [5]
    words    int32 [known, WORDS] label of each command, -1 where there is none
    spoken   int32 [known, WORDS, 2] first sample and end of each command's clip
    """

    columns: Columns
    ends: NDArray[np.intp]
    words: NDArray[np.int32]
    spoken: NDArray[np.int32]


class Said(NamedTuple):
    """A command in a stream: its label, and the first sample and the end of its clip."""

    label: int
    start: int
    end: int


class _Sound(NamedTuple):
    """A stream's samples, the commands in it, and whether it is plain."""

    samples: noise.Sound
    said: Sequence[Said]
    plain: bool


Job = Callable[[noise.Rng], list[_Sound]]


def stream_corpus(
    root: Path, cache: Path, experiment: Experiment, key: str, speech: Path | None = None
) -> StreamCorpus:
    """Streams of a Speech Commands archive's training clips, and of `speech` without commands.

    They are kept in `cache`, under a key of what they are made of: `key` is that of the clips'
    versions.
    """
    found = files(speech.rglob("*")) if speech else []
    code = (Path(__file__).with_stem(name).read_text(encoding="utf-8") for name in SHAPING)
    text = "\n".join([key, *(path.name for path in found), *code])
    folder = cache / f"streams-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        partial = folder.with_suffix(".part")
        partial.mkdir(parents=True, exist_ok=True)
        for name, values in _made(root, experiment, found)._asdict().items():
            np.save(partial / f"{name}.npy", values)
        partial.rename(folder)
    return StreamCorpus(*(np.load(folder / f"{name}.npy") for name in StreamCorpus._fields))


def _made(root: Path, experiment: Experiment, speech: Sequence[Path]) -> StreamCorpus:
    spec = experiment.front_end
    length = (COLUMNS - 1) * spec.hop + spec.window
    jobs = _jobs(clips.of_archive(root, experiment), experiment, speech, length)
    mfccs = [best_mfcc(spec)]
    mfccs += [best_mfcc(warped) for warped in augment.warped(spec, experiment.augment)]

    def hear(number: int, make: Job) -> tuple[list[Columns], list[Sequence[Said]]]:
        rng = np.random.default_rng([SEED, number])
        heard, said = [], []
        for sound in make(rng):
            mfcc = mfccs[0 if sound.plain else rng.integers(1, len(mfccs))]
            heard.append(mfcc.clip(noise.to_int16(sound.samples)))
            said.append(sound.said)
        return heard, said

    every = [job for kind in jobs for job in kind]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = pool.map(hear, range(len(every)), every)
        made = list(track(parts, "Making streams", len(every), console=console))
    counts = iter([len(heard) for heard, _ in made])
    ends = np.cumsum([sum(next(counts) for _ in kind) for kind in jobs])
    words = np.full((KNOWN * TOGETHER, WORDS), -1, np.int32)
    spoken = np.zeros((*words.shape, 2), np.int32)
    for row, said in enumerate(said for _, group in made[:KNOWN] for said in group):
        for place, word in enumerate(said[:WORDS]):
            words[row, place], spoken[row, place] = word.label, (word.start, word.end)
    return StreamCorpus(np.stack([c for heard, _ in made for c in heard]), ends, words, spoken)


def _jobs(
    material: clips.Material, experiment: Experiment, speech: Sequence[Path], length: int
) -> list[Sequence[Job]]:
    """What makes the streams of each kind, each of `length` samples, some at a time."""
    rate, labels = experiment.front_end.sample_rate, experiment.labels
    recorded = list(zip(material.waves, material.words, strict=True))
    recorded = recorded[: material.recordings + material.synthetic]
    others = [wave for wave, word in recorded if word >= len(labels)]
    surround = _surroundings(material.noises, experiment, length)
    with_commands = _speaker(material, experiment, length, surround)
    seconds = TOGETHER * length / rate

    def known(rng: noise.Rng) -> list[_Sound]:
        return [with_commands(rng) for _ in range(TOGETHER)]

    def joined(rng: noise.Rng) -> list[_Sound]:
        seed, plain = int(rng.integers(2**31)), bool(rng.random() < PLAIN)
        wave = negatives.joined_words(others, material.noises, rate, seconds, seed)
        return [_Sound(part, (), plain) for part in _cut(wave, length)]

    def alone(rng: noise.Rng) -> list[_Sound]:
        seed = int(rng.integers(2**31))
        wave = negatives.noise_alone(material.noises, rate, seconds, seed)
        return [_Sound(part, (), True) for part in _cut(wave, length)]

    def versions(wave: noise.Wave) -> Job:
        def make(rng: noise.Rng) -> list[_Sound]:
            made = []
            for part in _cut(wave, length):
                made.append(_Sound(part, (), True))
                for _ in range(VERSIONS - 1):
                    sound = surround(_levelled(part, rate), False, rng)
                    made.append(_Sound(sound, (), False))
            return made

        return make

    read = [versions(running_speech(seconds, rate, SEED + i, labels)) for i in range(READ)]
    heard = [versions(read_audio(path, rate)) for path in speech]
    counted = ((known, KNOWN), (joined, JOINED), (alone, NOISE))
    return [*([job] * count for job, count in counted), read, heard]


def _surroundings(
    noises: Sequence[noise.Wave], experiment: Experiment, length: int
) -> Callable[[noise.Sound, bool, noise.Rng], noise.Sound]:
    """What puts a sound of `LEVEL_DB` into noise and, unless it is plain, elsewhere and further."""
    options, rate = experiment.augment, experiment.front_end.sample_rate
    rooms = scenes.rooms(ROOMS, rate, np.random.default_rng(SEED)) if options.room else []

    def surround(sound: noise.Sound, plain: bool, rng: noise.Rng) -> noise.Sound:
        if not plain:
            sound = augment.coloured(sound, options.channel, rng)
            if rng.random() < options.room:
                sound = scenes.in_a_room(sound, rooms[rng.integers(len(rooms))])
        if rng.random() >= CALM:
            level = LEVEL_DB - rng.uniform(*SNR_DB)
            sound = sound + noise.bed(noises, length, level, rng)
        if not plain:
            sound = sound * np.float32(noise.amplitude(rng.uniform(*STREAM_DB)))
        return sound

    return surround


def _speaker(
    material: clips.Material,
    experiment: Experiment,
    length: int,
    surround: Callable[[noise.Sound, bool, noise.Rng], noise.Sound],
) -> Callable[[noise.Rng], _Sound]:
    """What makes a stream in which commands and other words are said."""
    options, labels = experiment.augment, experiment.labels
    rate = experiment.front_end.sample_rate
    answers = np.array(material.words)
    command, other = is_command(answers, labels), answers >= len(labels)
    groups = [np.flatnonzero(answers == word) for word in np.unique(answers[command])]
    chance = np.array([len(group) for group in groups]) ** BALANCE
    others, rest = np.flatnonzero(other), np.flatnonzero(~command & ~other)

    def draw(rng: noise.Rng) -> int:
        if rng.random() < COMMANDS:
            return int(rng.choice(groups[rng.choice(len(groups), p=chance / chance.sum())]))
        return int(rng.choice(rest if rng.random() < SCENES else others))

    def word(index: int, plain: bool, rng: noise.Rng) -> noise.Sound:
        wave = material.waves[index].astype(np.float32)
        if plain:
            return _levelled(wave, rate)
        wave = soxr.resample(wave, rng.uniform(*options.speed) * rate, rate, quality="MQ")
        return _levelled(wave, rate, LEVEL_DB + rng.uniform(*WORD_DB))

    def make(rng: noise.Rng) -> _Sound:
        sound, said = np.zeros(length, np.float32), []
        plain = bool(rng.random() < PLAIN)
        start = int(rng.uniform(*GAP) * rate)
        while True:
            index = draw(rng)
            wave = word(index, plain, rng)
            end = start + len(wave)
            if end + rate // 2 > length:
                break
            sound[start:end] += wave
            if command[index]:
                said.append(Said(int(answers[index]), start, end))
            start = end + int(rng.uniform(*GAP) * rate)
        return _Sound(surround(sound, plain, rng), said, plain)

    return make


def _levelled(sound: noise.Sound, rate: int, level: float = LEVEL_DB) -> noise.Sound:
    """A sound whose loudest stretch has a level."""
    loud = noise.level_db(noise.to_int16(sound), rate)
    return sound * np.float32(noise.amplitude(level - loud))


def _cut(wave: noise.Wave, length: int) -> list[noise.Sound]:
    starts = range(0, len(wave) - length + 1, length)
    return [wave[start : start + length].astype(np.float32) for start in starts]
