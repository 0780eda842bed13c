"""Which clips an epoch is made of: rare words more often, other words and scenes among them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kws_train.augment import crop_and_mask, starts
from kws_train.config import Experiment
from kws_train.corpus import Corpus
from kws_train.data import UNKNOWN, is_command
from kws_train.hearing import hearing


class Batch(NamedTuple):
    """What one step reads: windows, the word of each, its share where it is mixed, and lessons."""

    windows: NDArray[Any]
    words: NDArray[np.intp]
    share: NDArray[np.float32]
    soft: NDArray[np.float16]


class Sampler:
    """Draws an epoch's clips: the rare words more often, other words among them."""

    def __init__(
        self, data: Corpus, experiment: Experiment, lessons: NDArray[np.float16] | None
    ) -> None:
        self.data, self.experiment, self.lessons = data, experiment, lessons
        labels, options = len(experiment.labels), experiment.train
        count = np.bincount(data.words, minlength=len(data.names))
        other, scene = data.words >= labels, np.zeros(len(data.words), np.bool_)
        if options.scenes and UNKNOWN in experiment.labels:
            scene = data.words == experiment.labels.index(UNKNOWN)
        command = ~(other | scene)
        weight = count[data.words].astype(np.float64) ** -options.balance
        for group, share in ((command, 1.0), (other, options.others), (scene, options.scenes)):
            weight[group] *= share / max(weight[group].sum(), 1e-12)
        self.size = int(command.sum() * (1 + options.others + options.scenes))
        versions = np.bincount(data.clips, minlength=len(data.words))
        chance = (weight / versions)[data.clips]
        self.cumulative = np.cumsum(chance / chance.sum())
        free = ~is_command(data.words, experiment.labels)[data.clips]
        columns = starts(data.spoken, experiment.front_end, experiment.augment, free)
        heard = hearing(experiment)
        self.starts, self.rows = heard.starts(columns), heard.rows

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of one epoch, which depend on the seed and its number alone."""
        options = self.experiment.train
        rng = np.random.default_rng([options.seed, number])
        for _ in range(self.steps):
            chosen = np.searchsorted(self.cumulative, rng.random(options.batch))
            chosen = np.minimum(chosen, len(self.cumulative) - 1)
            windows = crop_and_mask(
                self.data.versions[chosen],
                self.starts[chosen],
                self.rows,
                self.experiment.augment,
                rng,
            )
            share = np.ones(options.batch)
            if options.mixup:
                share = rng.beta(options.mixup, options.mixup, options.batch)
                share = np.maximum(share, 1 - share)
            words = self.data.words[self.data.clips[chosen]]
            soft = np.zeros((0, 0), np.float16) if self.lessons is None else self.lessons[chosen]
            yield Batch(windows, words, share.astype(np.float32), soft)

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return self.size // self.experiment.train.batch
