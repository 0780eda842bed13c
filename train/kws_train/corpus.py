"""The training set as columns or embeddings: every clip's versions, made once and kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kws.tables import tables
from kws_train import clips, data
from kws_train.config import EMBEDDING, ConfigError, Experiment
from kws_train.data import UNKNOWN, Clip
from kws_train.hearing import hearing
from kws_train.own_words import speech_files
from kws_train.versions import embed_versions, make_versions

Heard = NDArray[Any]
# of the augmentation, what is drawn in every epoch and not in the versions
EACH_EPOCH = {"shift", "whole", "time_masks", "time_width", "frequency_masks", "frequency_width"}
# modules that shape versions
SHAPING = (
    "augment",
    "background",
    "clips",
    "made_noise",
    "noise",
    "scenes",
    "speech",
    "synthesise",
    "versions",
)


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
    embeddings  of the archive's versions, which are made when they are first asked for
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
    embeddings: Callable[[], NDArray[np.float16]]

    def judged_by(self, root: Path, experiment: Experiment) -> Corpus:
        """The same with validation windows of another experiment with these labels."""
        clips = data.speech_commands(root)["validation"]
        validation, answers = _validation(clips, experiment)
        return replace(self, validation=validation, answers=answers)


class _Source(NamedTuple):
    """Clips whose versions are kept in `cache`; `material` reads or makes them."""

    key: str
    material: Callable[[], clips.Material]
    cache: Path
    experiment: Experiment

    def versions(self) -> dict[str, NDArray[Any]]:
        """The versions, and what is told of them."""
        folder = self.cache / f"versions-{self.key}"
        if not folder.is_dir():
            material = self.material()
            partial = folder.with_suffix(".part")
            partial.mkdir(parents=True, exist_ok=True)
            versions, spoken = make_versions(material, self.experiment)
            np.save(partial / "versions.npy", versions)
            np.save(partial / "spoken.npy", spoken)
            for name in ("clips", "words", "recordings", "synthetic"):
                np.save(partial / f"{name}.npy", getattr(material, name))
            partial.rename(folder)
        return {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}

    def embeddings(self) -> NDArray[np.float16]:
        """The versions' embeddings."""
        path = self.cache / f"embedded-{self.key}.npy"
        if not path.is_file():
            made = embed_versions(self.material(), self.experiment)
            with path.with_suffix(".part").open("wb") as file:
                np.save(file, made)
            path.with_suffix(".part").rename(path)
        return np.asarray(np.load(path, mmap_mode="r"))


def corpus(root: Path, cache: Path, experiment: Experiment, speech: Path | None = None) -> Corpus:
    """What an experiment trains on: a Speech Commands archive, and `speech` that has no command.

    Versions are kept in `cache`, under a key of all that they depend on: the clips, the
    front-end's tables, the augmentation, the synthesised words and the code that makes them.
    """
    splits, labels = data.speech_commands(root), experiment.labels
    training = splits["training"]

    def source(read: Sequence[Clip], material: Callable[[], clips.Material]) -> _Source:
        return _Source(_key(read, experiment), material, cache, experiment)

    archive = source(training, lambda: clips.of_archive(root, experiment))
    sources = [archive]
    if speech:
        recordings = _recordings(speech, labels)
        sources.append(source(recordings, lambda: clips.of_speech(recordings, root, experiment)))
    parts = [each.versions() for each in sources]
    counts = np.cumsum([0, *(len(part["words"]) for part in parts)])
    heard: list[Heard] = [part["versions"] for part in parts]
    if experiment.hears == EMBEDDING:
        heard = [each.embeddings() for each in sources]
    validation, answers = _validation(splits["validation"], experiment)
    return Corpus(
        key=archive.key,
        names=clips.names_of(training, experiment),
        versions=_joined(heard),
        clips=_joined([part["clips"] + n for part, n in zip(parts, counts[:-1], strict=True)]),
        words=_joined([part["words"] for part in parts]),
        spoken=_joined([part["spoken"] for part in parts]),
        recordings=int(parts[0]["recordings"]),
        synthetic=int(parts[0]["synthetic"]),
        pieces=int(counts[-1] - counts[1]),
        validation=validation,
        answers=answers,
        embeddings=archive.embeddings,
    )


def _validation(clips: Sequence[Clip], experiment: Experiment) -> tuple[Heard, NDArray[np.intp]]:
    """What is heard of the validation clips, and the label of each."""
    labels = experiment.labels
    judged, waves = data.load(
        [c for c in clips if c.word in labels or UNKNOWN in labels],
        experiment.front_end.sample_rate,
    )
    answers = [labels.index(c.word if c.word in labels else UNKNOWN) for c in judged]
    return hearing(experiment).windows(waves), np.array(answers)


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """One array of several; a single one is not read."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _recordings(speech: Path, labels: Sequence[str]) -> list[Clip]:
    """The recordings of speech in a folder and in those below it."""
    if UNKNOWN not in labels:
        raise ConfigError(
            f"speech is {UNKNOWN!r}, which is none of the labels; expected no --speech"
        )
    return [Clip(path, UNKNOWN, path.parent.name) for path in speech_files(speech)]


def _key(clips: Sequence[Clip], experiment: Experiment) -> str:
    spec = experiment.front_end
    options = asdict(experiment.augment).items()
    shaping = {name: value for name, value in options if value and name not in EACH_EPOCH}
    names = "\n".join(f"{clip.word}/{clip.path.name}" for clip in clips)
    spoken = {name: value for name, value in asdict(experiment.synthetic).items() if value}
    parts = [tables(spec).digest, spec.columns, shaping, spoken, experiment.labels]
    code = (Path(__file__).with_stem(name).read_text(encoding="utf-8") for name in SHAPING)
    text = "\n".join([json.dumps(parts), names, *code])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
