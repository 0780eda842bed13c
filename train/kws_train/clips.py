"""What versions are made of: recordings, synthesised words, scenes, speech, and noise behind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kws.decide import is_keyword
from kws_train import augment, background, data, scenes
from kws_train.config import Experiment
from kws_train.data import SILENCE, UNKNOWN, Clip, is_command
from kws_train.made_noise import level
from kws_train.noise import Wave, amplitude, to_int16
from kws_train.speech import running_speech, spoken_words
from kws_train.synthesise import synthesise

SILENCES = 900  # clips of noise alone
BABBLES = 300  # clips of babble alone
ONE_SPEAKER = 0.7  # share of the phrases that one speaker says
LEAST = 4  # recordings of a speaker who says phrases
SILENCE_DB = (-80.0, -14.0)  # their level, of full scale


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


def of_archive(root: Path, experiment: Experiment) -> Material:
    """The recordings of an archive's training words, and what is made to train beside them."""
    training, rate = data.speech_commands(root)["training"], experiment.front_end.sample_rate
    names = names_of(training, experiment)
    kept, waves = data.load(training, rate)
    words = [names.index(clip.word) for clip in kept]
    speakers = [clip.speaker for clip in kept]
    for word, made in _synthesised(words, names, experiment):
        waves += made
        words += [word] * len(made)
    synthetic = len(words) - len(kept)
    recordings = augment.training_noises(data.noises(root, rate))
    noises, babble = _background(recordings, others(waves, words, experiment), experiment)
    for label, made in _scenes(waves, words, speakers, noises, babble, experiment):
        waves = [*waves, *made]
        words += [label] * len(made)
    clips = np.repeat(np.arange(len(words)), copies(np.array(words), experiment))
    return Material(waves, words, clips, [*noises, *babble], len(kept), synthetic)


def of_speech(recordings: Sequence[Clip], root: Path, experiment: Experiment) -> Material:
    """Running speech in pieces as long as a version, all of them "_unknown_", in `root`'s noise."""
    spec, options = experiment.front_end, experiment.augment
    _, waves = data.load(recordings, spec.sample_rate)
    pieces = [piece for wave in waves for piece in _pieces(wave, options.samples(spec))]
    words = [experiment.labels.index(UNKNOWN)] * len(pieces)
    heard = augment.training_noises(data.noises(root, spec.sample_rate))
    noises, babble = _background(heard, pieces, experiment)
    clips = np.repeat(np.arange(len(words)), copies(np.array(words), experiment))
    return Material(pieces, words, clips, [*noises, *babble], recordings=0, synthetic=0)


def names_of(training: Sequence[Clip], experiment: Experiment) -> tuple[str, ...]:
    """The labels first, then the other words."""
    labels = experiment.labels
    return (*labels, *sorted({clip.word for clip in training} - set(labels)))


def copies(words: NDArray[np.intp], experiment: Experiment) -> NDArray[np.intp]:
    """Versions of each clip, more for labels that have fewer clips than the median label."""
    labels = len(experiment.labels)
    count = np.bincount(words)
    more = np.clip(np.median(count[:labels]) / np.maximum(count, 1), 1, augment.RARE)
    more *= experiment.augment.copies
    other = ~is_command(np.arange(len(more)), experiment.labels)
    more[other] = experiment.augment.other_copies or experiment.augment.copies
    return np.asarray(np.rint(more).astype(np.intp)[words])


def others(waves: Sequence[Wave], words: Sequence[int], experiment: Experiment) -> Sequence[Wave]:
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


def _pieces(wave: Wave, length: int) -> list[Wave]:
    """A long recording cut into pieces; the last may be shorter."""
    return [wave[i : i + length] for i in range(0, len(wave), length)]


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
        made += _pieces(read, length)
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
