"""What teachers say to every version of the training set: asked once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from kws_train.config import EMBEDDING, ConfigError, Experiment, read_experiment
from kws_train.corpus import Corpus
from kws_train.data import UNKNOWN, is_command
from kws_train.hearing import hearing
from kws_train.stream_corpus import StreamCorpus

BATCH, STREAMS = 512, 64  # that are heard at a time
KEPT = "posteriors"


def lessons(
    runs: Path, cache: Path, teachers: Sequence[str], data: Corpus, experiment: Experiment
) -> NDArray[np.float16]:
    """The teachers' mean posteriors at the experiment's temperature: [versions, labels].

    A version is heard in the middle of its margins: its word is the same wherever an epoch's
    window lies. Clips that were made to be "_unknown_" or "_silence_" are that, whatever a teacher
    thinks; nor is one heard that takes a word for another, as in much noise. What one teacher says
    is kept in `cache`, under a key of its weights.
    """
    heat, labels = experiment.train.temperature, experiment.labels
    word = data.words[data.clips]
    unknown = labels.index(UNKNOWN) if UNKNOWN in labels else len(labels)  # of every other word
    answer = np.where(word < len(labels), word, unknown)
    asked = np.flatnonzero((word >= len(labels)) | is_command(word, labels))
    told = [_logits(runs / name, cache, asked, data, experiment) for name in teachers]
    mean = np.zeros((len(data.versions), len(labels)), np.float16)
    for start in range(0, len(asked), BATCH):
        part = slice(start, start + BATCH)
        mean[asked[part]] = _softened([logits[part] for logits in told], heat)
    sure = (answer < len(labels)) & (mean.argmax(axis=-1) != answer)
    sure[np.setdiff1d(np.arange(len(word)), asked)] = True
    mean[sure] = np.eye(len(labels))[answer[sure]]
    return mean


def _logits(
    run: Path, cache: Path, asked: NDArray[np.intp], data: Corpus, experiment: Experiment
) -> NDArray[np.float16]:
    """What a teacher says to the versions `asked`: [asked, labels]."""
    from kws_train.trainer import EXPERIMENT, WEIGHTS, load_trained, predict

    other = read_experiment(run / EXPERIMENT)
    same = replace(other.front_end, columns=experiment.front_end.columns)
    if other.labels != experiment.labels or same != experiment.front_end:
        raise ConfigError(
            f"{run.name} has other labels or another front-end; expected a teacher with this "
            "experiment's, but for the columns of its window"
        )
    if other.front_end.columns > data.versions.shape[1]:
        raise ConfigError(
            f"{run.name} hears {other.front_end.columns} columns, a version has "
            f"{data.versions.shape[1]}; expected a larger margin or a teacher with a shorter window"
        )
    key = hashlib.sha256((run / WEIGHTS).read_bytes() + data.key.encode()).hexdigest()[:16]
    path = cache / f"{KEPT}-{run.name}-{key}.npy"

    def ask() -> list[NDArray[np.float32]]:
        _, model = load_trained(run)
        heard = data.embeddings() if other.hears == EMBEDDING else data.versions
        window = hearing(other).rows
        first = (heard.shape[1] - window) // 2
        rows = slice(first, first + window)
        starts = range(0, len(asked), BATCH)
        console = Console(stderr=True)
        return [
            predict(model, np.asarray(heard[asked[i : i + BATCH], rows]), other)
            for i in track(starts, f"Asking {run.name}", console=console)
        ]

    return _kept(path, ask)


def lessons_along(
    runs: Path,
    cache: Path,
    teachers: Sequence[str],
    streams: StreamCorpus,
    experiment: Experiment,
) -> NDArray[np.float16]:
    """The teachers' mean posteriors at the experiment's temperature: [streams, outputs, labels].

    Their outputs must be those of the experiment: windows of as many columns, with one stride.
    What one teacher says is kept in `cache`, under a key of its weights and of the streams.
    """
    told = [_logits_along(runs / name, cache, streams, experiment) for name in teachers]
    mean = np.zeros(told[0].shape, np.float16)
    for start in range(0, len(mean), BATCH):
        part = slice(start, start + BATCH)
        mean[part] = _softened([logits[part] for logits in told], experiment.train.temperature)
    return mean


def _logits_along(
    run: Path, cache: Path, streams: StreamCorpus, experiment: Experiment
) -> NDArray[np.float16]:
    """What a teacher says along all streams: [streams, outputs, labels]."""
    import tensorflow as tf

    from kws_train import along
    from kws_train.trainer import EXPERIMENT, WEIGHTS, as_input, load_trained

    other = read_experiment(run / EXPERIMENT)
    if (other.labels, other.front_end) != (experiment.labels, experiment.front_end):
        raise ConfigError(
            f"{run.name} has other labels or another front-end; expected a teacher with this "
            "experiment's"
        )
    step, expected = along.stride(other.network), along.stride(experiment.network)
    if step != expected:
        raise ConfigError(f"{run.name} speaks every {step} columns; expected every {expected}")
    key = hashlib.sha256((run / WEIGHTS).read_bytes())
    key.update(np.ascontiguousarray(streams.columns).data)
    path = cache / f"{KEPT}-{run.name}-{key.hexdigest()[:16]}.npy"
    last = (streams.columns.shape[1] - other.front_end.columns) // step + 1

    def ask() -> list[NDArray[np.float32]]:
        _, model = load_trained(run)
        say = tf.function(lambda x: along.outputs(other.network, model, x), reduce_retracing=True)
        starts = range(0, len(streams.columns), STREAMS)
        return [
            say(as_input(streams.columns[i : i + STREAMS], other))[:, :last].numpy()
            for i in track(starts, f"Asking {run.name}", console=Console(stderr=True))
        ]

    return _kept(path, ask)


def _kept(path: Path, ask: Callable[[], Sequence[NDArray[np.float32]]]) -> NDArray[np.float16]:
    """What stands in a file, or else what `ask` gives, part by part, which then does."""
    if not path.is_file():
        with path.with_suffix(".part").open("wb") as file:
            np.save(file, np.concatenate(ask()).astype(np.float16))
        path.with_suffix(".part").rename(path)
    return np.asarray(np.load(path))


def _softened(told: Sequence[NDArray[np.float16]], heat: float) -> NDArray[np.float32]:
    """The mean posteriors of teachers' logits at a temperature."""
    soft = [np.exp(_log_softmax(logits.astype(np.float32) / heat)) for logits in told]
    return np.asarray(sum(soft) / len(soft))


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
