"""Varied versions of clips, as columns and as embeddings of the same samples."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from kws.native import best_mfcc
from kws_train import augment, embedding, scenes
from kws_train.clips import Material, others
from kws_train.config import Experiment
from kws_train.data import SILENCE

Columns = NDArray[np.int8]
ROOMS = 400  # that versions are heard in
BLOCK = 64  # versions that a thread makes at a time
console = Console(stderr=True)


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


def embed_versions(material: Material, experiment: Experiment) -> NDArray[np.float16]:
    """The embeddings of the same versions' samples: [n, rows, width]."""
    spec = experiment.front_end
    rows = embedding.rows(experiment.augment.samples(spec))
    made = np.empty((len(material.clips), rows, embedding.WIDTH), np.float16)
    sound = _sounds(material, experiment)

    def make(block: range) -> None:
        waves = [sound(index)[1].samples for index in block]
        made[block.start : block.stop] = embedding.embed(waves, spec.sample_rate)

    _in_blocks(len(material.clips), make, "Embedding clips")
    return made


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
    beside = others(waves, words, experiment)
    warps = len(augment.warped(spec, options))
    rooms: list[scenes.Sound] = []
    if options.room:
        rooms = scenes.rooms(ROOMS, spec.sample_rate, np.random.default_rng(len(clips)))

    def sound(index: int) -> tuple[int, augment.Version]:
        rng = np.random.default_rng([index, len(clips)])
        warp = int(rng.integers(warps))
        wave, word = waves[clips[index]], words[clips[index]]
        silent = word < len(labels) and labels[word] == SILENCE
        near = () if silent else beside
        return warp, augment.vary(wave, noises, spec, options, rng, near, rooms)

    return sound


def _in_blocks(count: int, make: Callable[[range], None], what: str) -> None:
    """Have all of `count` made, `BLOCK` at a time, on every core."""
    blocks = [range(i, min(i + BLOCK, count)) for i in range(0, count, BLOCK)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in track(pool.map(make, blocks), what, len(blocks), console=console):
            pass
