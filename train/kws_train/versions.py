"""The training set as columns: varied versions of every clip, made once and kept."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from kws.decide import is_keyword
from kws.native import best_mfcc
from kws.tables import tables
from kws_train import augment, background, data, scenes
from kws_train.config import Experiment
from kws_train.data import SILENCE, UNKNOWN, Clip, is_command
from kws_train.made_noise import level
from kws_train.noise import amplitude, to_int16
from kws_train.speech import running_speech, spoken_words
from kws_train.synthesise import synthesise

Columns = NDArray[np.int8]
Wave = NDArray[np.int16]
ROOMS = 400  # that versions are heard in
SILENCES = 900  # clips of noise alone
BABBLES = 300  # clips of babble alone
ONE_SPEAKER = 0.7  # share of the phrases that one speaker says
# of the augmentation, what is drawn in every epoch and not in the versions
EACH_EPOCH = {"shift", "whole", "time_masks", "time_width", "frequency_masks", "frequency_width"}
BLOCK = 64  # versions that a thread makes at a time
# modules that shape them
SHAPING = ("augment", "background", "made_noise", "noise", "scenes", "speech", "synthesise")
LEAST = 4  # recordings of a speaker who says phrases
SILENCE_DB = (-80.0, -14.0)  # their level, of full scale
console = Console(stderr=True)


@dataclass(frozen=True)
class Corpus:
    """What training and validation read.

    key         of all that the versions depend on
    names       the labels first, then the other words
    versions    [n, columns + 2 margin, coefficients]
    clips       [n] the clip that a version is of
    words       [clips] index into `names`
    spoken      [n, 2] the first and the end of the samples of a version in which it is said
    recordings  how many of the clips are recordings, the first ones
    synthetic   how many of those after them a synthesiser spoke
    validation  [m, columns, coefficients], one centred window a clip of a label, or of any word
                where "_unknown_" is a label
    answers     [m] label of each of those
    """

    key: str
    names: tuple[str, ...]
    versions: Columns
    clips: NDArray[np.intp]
    words: NDArray[np.intp]
    spoken: NDArray[np.int32]
    recordings: int
    synthetic: int
    validation: Columns
    answers: NDArray[np.intp]


def corpus(root: Path, cache: Path, experiment: Experiment) -> Corpus:
    """What an experiment trains on, from a Speech Commands archive.

    Versions are kept in `cache`, under a key of all that they depend on: the clips, the
    front-end's tables, the augmentation, the synthesised words and the code that makes them.
    """
    splits, labels, spec = data.speech_commands(root), experiment.labels, experiment.front_end
    training = splits["training"]
    names = (*labels, *sorted({clip.word for clip in training} - set(labels)))
    key = _key(training, experiment)
    folder = cache / f"versions-{key}"
    if not folder.is_dir():
        kept, waves = data.load(training, spec.sample_rate)
        words = [names.index(clip.word) for clip in kept]
        speakers = [clip.speaker for clip in kept]
        for word, made in _synthesised(words, names, experiment):
            waves += made
            words += [word] * len(made)
        synthetic = len(words) - len(kept)
        recordings = augment.training_noises(data.noises(root, spec.sample_rate))
        noises, babble = _background(recordings, _others(waves, words, experiment), experiment)
        for label, made in _scenes(waves, words, speakers, noises, babble, experiment):
            waves = [*waves, *made]
            words += [label] * len(made)
        clips = np.repeat(np.arange(len(words)), copies(np.array(words), experiment))
        partial = folder.with_suffix(".part")
        partial.mkdir(parents=True, exist_ok=True)
        versions, spoken = make_versions(waves, words, clips, noises + babble, experiment)
        np.save(partial / "versions.npy", versions)
        np.save(partial / "spoken.npy", spoken)
        np.save(partial / "clips.npy", clips)
        np.save(partial / "words.npy", words)
        np.save(partial / "recordings.npy", len(kept))
        np.save(partial / "synthetic.npy", synthetic)
        partial.rename(folder)
    stored = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
    judged, waves = data.load(
        [c for c in splits["validation"] if c.word in labels or UNKNOWN in labels],
        spec.sample_rate,
    )
    return Corpus(
        key=key,
        names=names,
        versions=stored["versions"],
        clips=np.array(stored["clips"]),
        words=np.array(stored["words"]),
        spoken=np.array(stored["spoken"]),
        recordings=int(stored["recordings"]),
        synthetic=int(stored["synthetic"]),
        validation=data.windows(waves, spec),
        answers=np.array([labels.index(c.word if c.word in labels else UNKNOWN) for c in judged]),
    )


def copies(words: NDArray[np.intp], experiment: Experiment) -> NDArray[np.intp]:
    """Versions of each clip, more for labels that have fewer clips than the median label."""
    labels = len(experiment.labels)
    count = np.bincount(words)
    more = np.clip(np.median(count[:labels]) / np.maximum(count, 1), 1, augment.RARE)
    more *= experiment.augment.copies
    other = ~is_command(np.arange(len(more)), experiment.labels)
    more[other] = experiment.augment.other_copies or experiment.augment.copies
    return np.asarray(np.rint(more).astype(np.intp)[words])


def make_versions(
    waves: Sequence[Wave],
    words: Sequence[int],
    clips: NDArray[np.intp],
    noises: Sequence[Wave],
    experiment: Experiment,
) -> tuple[Columns, NDArray[np.int32]]:
    """Versions of the clips that are named, and the samples in which they are spoken.

    int8 [n, columns + 2 margin, coefficients] and int32 [n, 2]. Other words, where there are some,
    may stand before and after, but not beside silence; a label's would make another answer right.
    Each version has a generator of its own, so that it does not depend on the others.
    """
    spec, options, labels = experiment.front_end, experiment.augment, experiment.labels
    beside = _others(waves, words, experiment)
    mfccs = [best_mfcc(warped) for warped in augment.warped(spec, options)]
    rows = spec.columns + 2 * options.margin
    versions = np.empty((len(clips), rows, spec.coefficients), np.int8)
    spoken = np.empty((len(clips), 2), np.int32)
    rooms: list[scenes.Sound] = []
    if options.room:
        rooms = scenes.rooms(ROOMS, spec.sample_rate, np.random.default_rng(len(clips)))

    def make(start: int) -> None:
        for index in range(start, min(start + BLOCK, len(clips))):
            rng = np.random.default_rng([index, len(clips)])
            mfcc = mfccs[rng.integers(len(mfccs))]
            wave, word = waves[clips[index]], words[clips[index]]
            silent = word < len(labels) and labels[word] == SILENCE
            others = () if silent else beside
            version = augment.vary(wave, noises, spec, options, rng, others, rooms)
            versions[index] = mfcc.clip(version.samples)
            spoken[index] = version.spoken

    blocks = range(0, len(clips), BLOCK)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in track(pool.map(make, blocks), "Varying clips", len(blocks), console=console):
            pass
    return versions, spoken


def _others(waves: Sequence[Wave], words: Sequence[int], experiment: Experiment) -> Sequence[Wave]:
    """The clips of words that are no labels, where there are some, or else all."""
    labels = len(experiment.labels)
    return [wave for wave, word in zip(waves, words, strict=True) if word >= labels] or waves


def _background(
    recordings: list[Wave], voices: Sequence[Wave], experiment: Experiment
) -> tuple[list[Wave], list[Wave]]:
    """The noise that the experiment asks for, and babble of `voices`."""
    tracks, rate = experiment.augment.tracks, experiment.front_end.sample_rate
    if not tracks:
        return recordings, []
    rng = np.random.default_rng(tracks)
    count = round(background.BABBLE * tracks)
    noises = background.tracks(recordings, tracks - count, rate, rng)
    return noises, background.babbles(voices, count, rate, rng)


def _synthesised(
    words: Sequence[int], names: Sequence[str], experiment: Experiment
) -> list[tuple[int, list[Wave]]]:
    """Clips that synthesisers speak, by index of their word."""
    options, labels = experiment.synthetic, len(experiment.labels)
    rate = experiment.front_end.sample_rate
    count = np.bincount(words, minlength=len(names))
    made = []
    for i, name in enumerate(names):
        fill = options.fill if i < labels else options.others
        if fill and is_keyword(name):
            wanted = max(options.least, fill - int(count[i]))
            made.append((i, synthesise(name, wanted, rate)))
    return made


def _scenes(
    waves: Sequence[Wave],
    words: Sequence[int],
    speakers: Sequence[str],
    noises: Sequence[Wave],
    babble: Sequence[Wave],
    experiment: Experiment,
) -> list[tuple[int, list[Wave]]]:
    """Clips of the labels that no folder has: what is no word as unknown, noise as silence."""
    labels = experiment.labels
    rng = np.random.default_rng(len(waves))
    made = []
    if UNKNOWN in labels:
        own = [wave for wave, word in zip(waves, words, strict=True) if word < len(labels)]
        voices: dict[str, list[Wave]] = {}
        for wave, speaker in zip(waves, speakers, strict=False):  # synthesised ones have none
            voices.setdefault(speaker, []).append(wave)
        several = [said for said in voices.values() if len(said) >= LEAST]
        made.append((labels.index(UNKNOWN), _no_words(own, waves, several, experiment, rng)))
        if babble:
            made.append((labels.index(UNKNOWN), _noise_alone(BABBLES, babble, experiment, rng)))
    if SILENCE in labels:
        made.append((labels.index(SILENCE), _noise_alone(SILENCES, noises, experiment, rng)))
    return made


def _noise_alone(
    count: int, noises: Sequence[Wave], experiment: Experiment, rng: np.random.Generator
) -> list[Wave]:
    """Clips of noise at any level."""
    spec = experiment.front_end
    made = []
    for number in range(count):
        # every other one as short as a recording, with nothing around it
        length = spec.sample_rate if number % 2 else experiment.augment.samples(spec)
        noise = augment.noise_like(length, noises, rng)
        loudness = amplitude(rng.uniform(*SILENCE_DB)) * 2**15
        made.append(to_int16(level(noise) * np.float32(loudness)))
    return made


def _no_words(
    own: Sequence[Wave],
    all_words: Sequence[Wave],
    voices: Sequence[Sequence[Wave]],
    experiment: Experiment,
    rng: np.random.Generator,
) -> list[Wave]:
    """What no command is: parts of the labels' words, phrases, and what synthesisers say.

    A label's word within a phrase is no command either: one stands alone.
    """
    spec, options, synthetic = experiment.front_end, experiment.augment, experiment.synthetic
    rate, length = spec.sample_rate, options.samples(spec)
    chosen = rng.permutation(len(own))[: int(options.partial * len(own))]
    cut = [scenes.cut_short(own[i], rate, rng) for i in chosen]
    off = [scenes.cut_off(own[i], spec.samples, rate, rng) for i in chosen[::2]]
    phrases = [
        _phrase(all_words, voices, length, rate, rng) for _ in range(int(options.joined * len(own)))
    ]
    made: list[Wave] = []
    if synthetic.words:
        made = spoken_words(synthetic.words, rate, len(own), experiment.labels)
    if synthetic.running:
        read = running_speech(60 * synthetic.running, rate, len(own), experiment.labels)
        made += [read[i : i + length] for i in range(0, len(read), length)]
    return [*cut[1::2], *off, *phrases, *made]


def _phrase(
    words: Sequence[Wave],
    voices: Sequence[Sequence[Wave]],
    length: int,
    rate: int,
    rng: np.random.Generator,
) -> Wave:
    """A phrase of words and parts of them, mostly one speaker's."""
    if voices and rng.random() < ONE_SPEAKER:
        words = voices[rng.integers(len(voices))]
    parts = [scenes.cut_short(words[i], rate, rng) for i in rng.integers(len(words), size=2)]
    whole = [words[i] for i in rng.integers(len(words), size=4)]
    return scenes.phrase([*parts, *whole], length, rate, rng)


def _key(clips: Sequence[Clip], experiment: Experiment) -> str:
    spec = experiment.front_end
    options = asdict(experiment.augment).items()
    shaping = {name: value for name, value in options if value and name not in EACH_EPOCH}
    names = "\n".join(f"{clip.word}/{clip.path.name}" for clip in clips)
    spoken = {name: value for name, value in asdict(experiment.synthetic).items() if value}
    parts = [tables(spec).digest, spec.columns, shaping, spoken, experiment.labels]
    own = Path(__file__)
    code = (own.with_stem(name).read_text(encoding="utf-8") for name in (*SHAPING, own.stem))
    text = "\n".join([json.dumps(parts), names, *code])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
