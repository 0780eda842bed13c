"""The training set as columns: varied versions of every clip, made once and kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from kws.native import best_mfcc
from kws.spec import FrontEnd
from kws.tables import dct, floor_energy, hann, mel_filters, tables
from kws_train import augment, data
from kws_train.augment import Augmentation
from kws_train.data import Clip

Columns = NDArray[np.int8]


@dataclass(frozen=True)
class Corpus:
    """What training and validation read.

    versions    [copies, n, columns + 2 margin, coefficients]
    words       [n] index into `names`: the labels first, then the other words
    validation  [m, columns, coefficients], one centred window a clip of a label
    answers     [m] label of each of those
    """

    names: tuple[str, ...]
    versions: Columns
    words: NDArray[np.intp]
    validation: Columns
    answers: NDArray[np.intp]


def corpus(
    root: Path, cache: Path, spec: FrontEnd, options: Augmentation, labels: tuple[str, ...]
) -> Corpus:
    """The corpus of a Speech Commands archive.

    Versions are kept in `cache`, under a key of all that they depend on: the clips, the
    front-end's tables and the augmentation.
    """
    splits = data.speech_commands(root)
    training = splits["training"]
    others = sorted({clip.word for clip in training} - set(labels))
    names = (*labels, *others)
    path = cache / f"versions-{_key(training, spec, options)}.npz"
    if not path.is_file():
        kept, waves = data.load(training, spec.sample_rate)
        noises = augment.training_noises(data.noises(root, spec.sample_rate))
        versions = make_versions(waves, noises, spec, options)
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part.npz")
        np.savez(partial, versions=versions, words=[names.index(clip.word) for clip in kept])
        partial.rename(path)
    stored = np.load(path)
    judged, waves = data.load(
        [clip for clip in splits["validation"] if clip.word in labels], spec.sample_rate
    )
    answers = np.array([labels.index(clip.word) for clip in judged])
    return Corpus(names, stored["versions"], stored["words"], data.windows(waves, spec), answers)


def make_versions(
    waves: Sequence[NDArray[np.int16]],
    noises: Sequence[NDArray[np.int16]],
    spec: FrontEnd,
    options: Augmentation,
) -> Columns:
    """Varied versions of every clip: int8 [copies, n, columns + 2 margin, coefficients].

    Each clip has a generator of its own, so that its versions do not depend on the others.
    """
    mfcc = best_mfcc(spec)
    rows = spec.columns + 2 * options.margin
    versions = np.empty((options.copies, len(waves), rows, spec.coefficients), np.int8)
    for index, wave in enumerate(track(waves, "Varying the recordings")):
        rng = np.random.default_rng([index, options.copies])
        for copy in range(options.copies):
            sound = augment.vary(wave, noises, spec, options, rng)
            versions[copy, index] = mfcc.clip(sound)
    return versions


def statistics(
    waves: Sequence[NDArray[np.int16]], spec: FrontEnd
) -> tuple[list[float], list[float]]:
    """Mean and deviation of each coefficient over recordings, in log2 of power.

    They are read from float columns of the textbook formula, since the integer ones need them.
    """
    parts = []
    for wave in track(waves, "Measuring the columns"):
        if len(wave) >= spec.window:
            frames = np.lib.stride_tricks.sliding_window_view(wave, spec.window)[:: spec.hop]
            power = np.abs(np.fft.rfft(frames * hann(spec.window))) ** 2
            energy = power @ mel_filters(spec).T + floor_energy(spec)
            parts.append(np.log2(energy) @ dct(spec).T)
    values = np.concatenate(parts)
    return (
        [round(float(v), 6) for v in values.mean(axis=0)],
        [round(float(v), 6) for v in values.std(axis=0)],
    )


def _key(clips: Sequence[Clip], spec: FrontEnd, options: Augmentation) -> str:
    shaping = {k: v for k, v in asdict(options).items() if "mask" not in k and "width" not in k}
    shaping.pop("shift")
    names = "\n".join(f"{clip.word}/{clip.path.name}" for clip in clips)
    text = json.dumps([tables(spec).digest, spec.columns, shaping]) + names
    return hashlib.sha256(text.encode()).hexdigest()[:16]
