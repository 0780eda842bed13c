"""The training set as columns: varied versions of every clip, made once and kept."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from kws.decide import is_keyword
from kws.native import best_mfcc
from kws.tables import tables
from kws_train import augment, background, data, embedding, scenes
from kws_train.config import EMBEDDING, ConfigError, Experiment
from kws_train.data import SILENCE, SUFFIXES, UNKNOWN, Clip, DataError, is_command
from kws_train.made_noise import level
from kws_train.noise import amplitude, to_int16
from kws_train.speech import running_speech, spoken_words
from kws_train.synthesise import synthesise

Columns = NDArray[np.int8]
Heard = NDArray[Any]
Wave = NDArray[np.int16]
ROOMS = 400  # that versions are heard in
SILENCES = 900  # clips of noise alone
BABBLES = 300  # clips of babble alone
ONE_SPEAKER = 0.7  # share of the phrases that one speaker says
# of the augmentation, what is drawn in every epoch and not in the versions
EACH_EPOCH = {"shift", "whole", "time_masks", "time_width", "frequency_masks", "frequency_width"}
EMBEDDED = "embedded"
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
    versions    [n, columns + 2 margin, coefficients], or embeddings [n, rows, width] of the same
                samples, as the experiment `hears`
    clips       [n] the clip that a version is of
    words       [clips] index into `names`
    spoken      [n, 2] the first and the end of the samples of a version in which it is said
    recordings  how many of the clips are recordings, the first ones
    synthetic   how many of those after them a synthesiser spoke
    pieces      how many, the last ones, are of running speech beside the archive
    validation  [m, columns, coefficients] or embeddings, one centred window a clip of a label, or
                of any word where "_unknown_" is a label
    answers     [m] label of each of those
    """

    key: str
    names: tuple[str, ...]
    versions: Heard
    clips: NDArray[np.intp]
    words: NDArray[np.intp]
    spoken: NDArray[np.int32]
    recordings: int
    synthetic: int
    pieces: int
    validation: Heard
    answers: NDArray[np.intp]


class Material(NamedTuple):
    """What versions are made of.

    waves       recordings, then what a synthesiser spoke, then scenes
    words       of each, by index
    clips       [n] the wave that a version is of
    noises      that are mixed into versions
    recordings  how many of the waves are recordings
    synthetic   how many of those after them a synthesiser spoke
    """

    waves: Sequence[Wave]
    words: Sequence[int]
    clips: NDArray[np.intp]
    noises: Sequence[Wave]
    recordings: int
    synthetic: int


def corpus(root: Path, cache: Path, experiment: Experiment, speech: Path | None = None) -> Corpus:
    """What an experiment trains on: a Speech Commands archive, and `speech` that has no command.

    Versions are kept in `cache`, under a key of all that they depend on: the clips, the
    front-end's tables, the augmentation, the synthesised words and the code that makes them.
    """
    splits, labels, spec = data.speech_commands(root), experiment.labels, experiment.front_end
    key = _key(splits["training"], experiment)
    sources: dict[str, Callable[[], Material]] = {key: lambda: _material(root, experiment)}
    if speech and UNKNOWN not in labels:
        raise ConfigError(
            f"speech is {UNKNOWN!r}, which is none of the labels; expected no --speech"
        )
    if speech:
        recordings = _recordings(speech)
        sources[_key(recordings, experiment)] = lambda: _pieces(recordings, root, experiment)
    parts = [_stored(cache, name, source, experiment) for name, source in sources.items()]
    counts = np.cumsum([0, *(len(part["words"]) for part in parts)])
    judged, waves = data.load(
        [c for c in splits["validation"] if c.word in labels or UNKNOWN in labels],
        spec.sample_rate,
    )
    if experiment.hears == EMBEDDING:
        heard = [_embedded(cache, *source, experiment) for source in sources.items()]
        validation: Heard = embedding.windows(waves, spec)
    else:
        heard = [part["versions"] for part in parts]
        validation = data.windows(waves, spec)
    return Corpus(
        key=key,
        names=_names(splits["training"], experiment),
        versions=_joined(heard),
        clips=_joined([part["clips"] + n for part, n in zip(parts, counts[:-1], strict=True)]),
        words=_joined([part["words"] for part in parts]),
        spoken=_joined([part["spoken"] for part in parts]),
        recordings=int(parts[0]["recordings"]),
        synthetic=int(parts[0]["synthetic"]),
        pieces=int(counts[-1] - counts[1]),
        validation=validation,
        answers=np.array([labels.index(c.word if c.word in labels else UNKNOWN) for c in judged]),
    )


def embedded(root: Path, cache: Path, experiment: Experiment) -> NDArray[np.float16]:
    """The embeddings of the samples of every version of an archive: [n, rows, width]."""
    key = _key(data.speech_commands(root)["training"], experiment)
    return _embedded(cache, key, lambda: _material(root, experiment), experiment)


def copies(words: NDArray[np.intp], experiment: Experiment) -> NDArray[np.intp]:
    """Versions of each clip, more for labels that have fewer clips than the median label."""
    labels = len(experiment.labels)
    count = np.bincount(words)
    more = np.clip(np.median(count[:labels]) / np.maximum(count, 1), 1, augment.RARE)
    more *= experiment.augment.copies
    other = ~is_command(np.arange(len(more)), experiment.labels)
    more[other] = experiment.augment.other_copies or experiment.augment.copies
    return np.asarray(np.rint(more).astype(np.intp)[words])


def _stored(
    cache: Path, key: str, source: Callable[[], Material], experiment: Experiment
) -> dict[str, NDArray[Any]]:
    """The versions of a source's material, with what is told of them: made once and kept."""
    folder = cache / f"versions-{key}"
    if not folder.is_dir():
        material = source()
        unfinished = folder.with_suffix(".part")
        unfinished.mkdir(parents=True, exist_ok=True)
        versions, spoken = make_versions(material, experiment)
        np.save(unfinished / "versions.npy", versions)
        np.save(unfinished / "spoken.npy", spoken)
        for name in ("clips", "words", "recordings", "synthetic"):
            np.save(unfinished / f"{name}.npy", getattr(material, name))
        unfinished.rename(folder)
    return {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}


def _embedded(
    cache: Path, key: str, source: Callable[[], Material], experiment: Experiment
) -> NDArray[np.float16]:
    """The embeddings of a source's versions: made once and kept."""
    path = cache / f"{EMBEDDED}-{key}.npy"
    if not path.is_file():
        material = source()
        spec = experiment.front_end
        rows = embedding.rows(experiment.augment.samples(spec))
        made = np.empty((len(material.clips), rows, embedding.WIDTH), np.float16)
        sound = _sounds(material, experiment)

        def make(block: range) -> None:
            waves = [sound(index)[1].samples for index in block]
            made[block.start : block.stop] = embedding.embed(waves, spec.sample_rate)

        _in_blocks(len(material.clips), make, "Embedding clips")
        with path.with_suffix(".part").open("wb") as file:
            np.save(file, made)
        path.with_suffix(".part").rename(path)
    return np.asarray(np.load(path, mmap_mode="r"))


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """One array of several; a single one is not read."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def make_versions(material: Material, experiment: Experiment) -> tuple[Columns, NDArray[np.int32]]:
    """Versions of the clips that are named, and the samples in which they are spoken.

    int8 [n, columns + 2 margin, coefficients] and int32 [n, 2].
    """
    spec, options = experiment.front_end, experiment.augment
    mfccs = [best_mfcc(warped) for warped in augment.warped(spec, options)]
    rows = spec.columns + 2 * options.margin
    versions = np.empty((len(material.clips), rows, spec.coefficients), np.int8)
    spoken = np.empty((len(material.clips), 2), np.int32)
    sound = _sounds(material, experiment)

    def make(block: range) -> None:
        for index in block:
            warp, version = sound(index)
            versions[index] = mfccs[warp].clip(version.samples)
            spoken[index] = version.spoken

    _in_blocks(len(material.clips), make, "Varying clips")
    return versions, spoken


def _sounds(
    material: Material, experiment: Experiment
) -> Callable[[int], tuple[int, augment.Version]]:
    """What makes a version by its index: which warp of the front-end hears it, and its samples.

    Other words, where there are some, may stand before and after, but not beside silence; a label's
    would make another answer right. Each version has a generator of its own, so that it does not
    depend on the others.
    """
    spec, options, labels = experiment.front_end, experiment.augment, experiment.labels
    waves, words, clips, noises = material[:4]
    beside = _others(waves, words, experiment)
    warps = len(augment.warped(spec, options))
    rooms: list[scenes.Sound] = []
    if options.room:
        rooms = scenes.rooms(ROOMS, spec.sample_rate, np.random.default_rng(len(clips)))

    def sound(index: int) -> tuple[int, augment.Version]:
        rng = np.random.default_rng([index, len(clips)])
        warp = int(rng.integers(warps))
        wave, word = waves[clips[index]], words[clips[index]]
        silent = word < len(labels) and labels[word] == SILENCE
        others = () if silent else beside
        return warp, augment.vary(wave, noises, spec, options, rng, others, rooms)

    return sound


def _in_blocks(count: int, make: Callable[[range], None], what: str) -> None:
    """Have all of `count` made, `BLOCK` at a time, on every core."""
    blocks = [range(i, min(i + BLOCK, count)) for i in range(0, count, BLOCK)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in track(pool.map(make, blocks), what, len(blocks), console=console):
            pass


def _names(training: Sequence[Clip], experiment: Experiment) -> tuple[str, ...]:
    """The labels first, then the other words."""
    labels = experiment.labels
    return (*labels, *sorted({clip.word for clip in training} - set(labels)))


def _material(root: Path, experiment: Experiment) -> Material:
    """The recordings of an archive's training words, and what is made to train beside them."""
    training, rate = data.speech_commands(root)["training"], experiment.front_end.sample_rate
    names = _names(training, experiment)
    kept, waves = data.load(training, rate)
    words = [names.index(clip.word) for clip in kept]
    speakers = [clip.speaker for clip in kept]
    for word, made in _synthesised(words, names, experiment):
        waves += made
        words += [word] * len(made)
    synthetic = len(words) - len(kept)
    recordings = augment.training_noises(data.noises(root, rate))
    noises, babble = _background(recordings, _others(waves, words, experiment), experiment)
    for label, made in _scenes(waves, words, speakers, noises, babble, experiment):
        waves = [*waves, *made]
        words += [label] * len(made)
    clips = np.repeat(np.arange(len(words)), copies(np.array(words), experiment))
    return Material(waves, words, clips, [*noises, *babble], len(kept), synthetic)


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


def _recordings(folder: Path) -> list[Clip]:
    """The recordings of speech in a folder and in those below it."""
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    if not found:
        raise DataError(f"{folder}: no recordings; expected speech without any of the words")
    return [Clip(path, UNKNOWN, path.parent.name) for path in found]


def _pieces(recordings: Sequence[Clip], root: Path, experiment: Experiment) -> Material:
    """Running speech in pieces as long as a version, all of them "_unknown_"."""
    rate, length = (
        experiment.front_end.sample_rate,
        experiment.augment.samples(experiment.front_end),
    )
    _, waves = data.load(recordings, rate)
    pieces = [wave[i : i + length] for wave in waves for i in range(0, len(wave), length)]
    words = [experiment.labels.index(UNKNOWN)] * len(pieces)
    heard = augment.training_noises(data.noises(root, rate))
    noises, babble = _background(heard, pieces, experiment)
    clips = np.repeat(np.arange(len(words)), copies(np.array(words), experiment))
    return Material(pieces, words, clips, [*noises, *babble], 0, 0)


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
