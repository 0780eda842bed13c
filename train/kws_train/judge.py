"""Judging a model clip by clip: its .tflite behind the integer front-end, and nothing else."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from kws.artefact import Artefact
from kws.audio import read_audio
from kws.decide import ONE, is_keyword
from kws.engine import open_engine
from kws.errors import AudioError
from kws_train import data
from kws_train.data import Clip, DataError
from kws_train.intervals import Share

Wave = NDArray[np.int16]
Codes = NDArray[np.int8]
Floats = NDArray[np.float64]

NO_LABEL = -1  # the answer of a clip whose word is not among the labels
_CHUNK = 64  # windows that a thread takes at a time
_CLIPS = 512  # clips in memory at a time


@dataclass(frozen=True, eq=False)
class Judgement:
    """What a model says to the clips of a folder.

    words        [n] the folder of each clip
    answers      [n] its label's index, `NO_LABEL` for a word that is not among the labels
    posteriors   int8 [n, labels]
    unreadable   files that could not be read, each with the reason
    """

    labels: tuple[str, ...]
    words: tuple[str, ...]
    answers: NDArray[np.intp]
    posteriors: Codes
    unreadable: tuple[str, ...] = ()

    @property
    def heard(self) -> NDArray[np.intp]:
        """The label with the highest posterior, of equals the first: [n]."""
        return np.asarray(self.posteriors.argmax(axis=1))

    @property
    def keywords(self) -> tuple[str, ...]:
        """The labels that are keywords."""
        return tuple(label for label in self.labels if is_keyword(label))

    @property
    def unscored(self) -> dict[str, int]:
        """Clips by folder of those that the model has no label for."""
        named = zip(self.words, self.answers, strict=True)
        return dict(sorted(Counter(word for word, answer in named if answer == NO_LABEL).items()))

    @property
    def clips(self) -> int:
        """Clips of the keywords."""
        return self.accuracy().total

    @property
    def classes(self) -> int:
        """Labels with clips."""
        return len(set(self.answers.tolist()) - {NO_LABEL})

    def accuracy(self, labels: Sequence[str] | None = None) -> Share:
        """Clips of `labels` (None: the keywords) that were recognised, whatever was heard else."""
        chosen = self.keywords if labels is None else labels
        asked = np.isin(self.answers, [self.labels.index(label) for label in chosen])
        right = self.heard[asked] == self.answers[asked]
        return Share(int(right.sum()), int(asked.sum()))

    def closed_set(self) -> Share:
        """Clips of the keywords that were recognised where only keywords can be heard.

        The other labels' posteriors are left out: so models with and without `_unknown_` and
        `_silence_` compare.
        """
        keywords = [self.labels.index(label) for label in self.keywords]
        return closed_set(self.posteriors, self.answers, keywords)

    def all_classes(self) -> Share | None:
        """Clips of every label that were recognised; None where all labels are keywords."""
        return None if self.keywords == self.labels else self.accuracy(self.labels)

    def per_word(self) -> dict[str, Share]:
        """The accuracy of every keyword that has clips, in the labels' order."""
        shares = {label: self.accuracy([label]) for label in self.keywords}
        return {label: share for label, share in shares.items() if share.total}

    def confusion(self) -> NDArray[np.intp]:
        """Clips by label (row) and by label heard (column)."""
        scored = self.answers != NO_LABEL
        matrix = np.zeros((len(self.labels), len(self.labels)), np.intp)
        np.add.at(matrix, (self.answers[scored], self.heard[scored]), 1)
        return matrix

    def det(self) -> dict[str, tuple[Floats, Floats]]:
        """For each label with clips: shares of false accepts and false rejects by threshold.

        A clip is accepted as a label where that label's posterior reaches the threshold, 1 to 255
        in codes; false accepts are shares of all other clips, those without a label among them.
        """
        curves = {}
        thresholds = np.arange(1, ONE)[:, None]
        for index, label in enumerate(self.labels):
            codes = self.posteriors[:, index].astype(np.int16) + 128
            own = self.answers == index
            if own.any() and not own.all():
                accepts = (codes[~own] >= thresholds).mean(axis=1)
                curves[label] = accepts, (codes[own] < thresholds).mean(axis=1)
        return curves


def closed_set(codes: Codes, answers: NDArray[np.intp], keywords: Sequence[int]) -> Share:
    """Clips of `keywords`, labels' indices, whose highest posterior among those is the answer's.

    Of equals the first one counts, as where all of them are 0 because another label has all.
    """
    asked = np.isin(answers, keywords)
    heard = np.asarray(keywords)[codes[asked][:, list(keywords)].argmax(axis=1)]
    return Share(int((heard == answers[asked]).sum()), int(asked.sum()))


def judge(artefact: Artefact, root: Path) -> Judgement:
    """Judge a model on a folder in the test set's layout, one centred window a clip.

    Raises `DataError` where the folder holds no clip of a keyword of the model.
    """
    labels = artefact.manifest.labels
    clips = data.test_set(root)
    if not any(is_keyword(clip.word) and clip.word in labels for clip in clips):
        found = " ".join(sorted({clip.word for clip in clips}))
        raise DataError(
            f"{root}: none of its folders ({found}) is a word of {artefact.manifest.name}; "
            f"expected some of: {' '.join(labels)}"
        )
    kept, windows, unreadable = clip_windows(artefact, clips)
    if not kept:
        raise DataError(f"{root}: none of its {len(clips)} clips can be read; {unreadable[0]}")
    return Judgement(
        labels,
        tuple(clip.word for clip in kept),
        np.array([labels.index(c.word) if c.word in labels else NO_LABEL for c in kept]),
        posteriors(artefact, windows, "Judging the clips"),
        tuple(unreadable),
    )


def clip_windows(artefact: Artefact, clips: Sequence[Clip]) -> tuple[list[Clip], Codes, list[str]]:
    """The clips that can be read, their windows, and what is wrong with the others."""
    spec = artefact.manifest.front_end
    kept: list[Clip] = []
    waves: list[Wave] = []
    parts: list[Codes] = []
    unreadable: list[str] = []
    with progress("Reading the clips", len(clips)) as advance:
        for clip in clips:
            try:
                wave = data.centred(read_audio(clip.path, spec.sample_rate), spec.samples)
                waves.append(wave)
                kept.append(clip)
            except AudioError as error:
                unreadable.append(str(error))
            if len(waves) == _CLIPS:
                parts.append(data.windows(waves, spec))
                waves = []
            advance(1)
    parts += [data.windows(waves, spec)] if waves else []
    empty = np.zeros((0, spec.columns, spec.coefficients), np.int8)
    return kept, np.concatenate([empty, *parts]), unreadable


def posteriors(artefact: Artefact, windows: Codes, title: str = "") -> Codes:
    """What the model's engine says to each window: int8 [n, columns, c] to int8 [n, labels].

    Windows are independent, so that every core runs an interpreter of its own on some of them.
    """
    out = np.empty((len(windows), len(artefact.manifest.labels)), np.int8)
    cores = min(os.cpu_count() or 1, len(windows) // _CHUNK + 1)
    engines = [open_engine(artefact) for _ in range(cores)]
    stop = threading.Event()
    with progress(title, len(windows)) as advance, ThreadPoolExecutor(cores) as pool:

        def run(first: int) -> None:
            for start in range(first * _CHUNK, len(windows), cores * _CHUNK):
                chunk = windows[start : start + _CHUNK]
                for index, window in enumerate(chunk, start):
                    out[index] = engines[first].infer(window)
                advance(len(chunk))
                if stop.is_set():
                    return

        try:
            list(pool.map(run, range(cores)))
        except KeyboardInterrupt:
            stop.set()
            raise
    return out


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, where that is a terminal; it gives what to call with each advance."""
    shown = bool(title) and sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=not shown) as bar:
        task = bar.add_task(title, total=total)
        yield lambda steps: bar.advance(task, steps)
