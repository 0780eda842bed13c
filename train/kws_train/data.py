"""Speech Commands on disk: which clips there are, in which split, and their samples."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.audio import read_audio
from kws.decide import is_keyword
from kws.errors import AudioError, KwsError
from kws.spec import FrontEnd

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
UNKNOWN = "_unknown_"
SILENCE = "_silence_"
NOISE = "_background_noise_"
SPLITS = ("training", "validation", "testing")
SUFFIXES = {".wav", ".flac", ".ogg"}
_HASH_RANGE = 2**27 - 1  # Warden's rule counts speakers modulo 2^27

log = logging.getLogger(__name__)


class DataError(KwsError):
    """A data folder that is missing, incomplete or split wrongly."""


@dataclass(frozen=True)
class Clip:
    """One recording of one word by one speaker."""

    path: Path
    word: str
    speaker: str


def speech_commands(root: Path, validation: int = 10, testing: int = 10) -> dict[str, list[Clip]]:
    """The clips of an archive in the official layout, by split, in a fixed order.

    Where `validation_list.txt` and `testing_list.txt` stand, they are the authority; elsewhere
    the archive's own rule is used: SHA-1 of the speaker, scaled to 100, below `validation` and
    `validation + testing` percent. Raises `DataError` for a folder without words, and where a
    speaker is in two splits.
    """
    words = sorted(folder for folder in _folders(root) if not folder.name.startswith(("_", ".")))
    lists = {name: listed(root / f"{name}_list.txt") for name in SPLITS[1:]}
    by_list = any(names is not None for names in lists.values())
    splits: dict[str, list[Clip]] = {name: [] for name in SPLITS}
    for folder in words:
        for path in _audio_files(folder):
            clip = Clip(path, folder.name, speaker_of(path.stem))
            if by_list:
                key = f"{folder.name}/{path.stem}"
                split = next((s for s, names in lists.items() if key in (names or ())), SPLITS[0])
            else:
                split = split_of(clip.speaker, validation, testing)
            splits[split].append(clip)
    if not any(splits.values()):
        raise DataError(
            f"{root}: no recordings found; expected folders named after words, with "
            f"{', '.join(sorted(SUFFIXES))} files (`kws-data download` fetches them)"
        )
    assert_disjoint(splits)
    return splits


def test_set(root: Path) -> list[Clip]:
    """The clips of a folder in the official test set's layout, in a fixed order.

    A file in `_unknown_` is named WORD_SPEAKER_nohash_N; those in `_silence_` have no speaker.
    """
    clips = []
    for folder in sorted(_folders(root)):
        if folder.name.startswith(".") or folder.name == NOISE:
            continue
        for path in _audio_files(folder):
            stem = path.stem.partition("_")[2] if folder.name == UNKNOWN else path.stem
            speaker = "" if folder.name == SILENCE else speaker_of(stem)
            clips.append(Clip(path, folder.name, speaker))
    if not clips:
        raise DataError(
            f"{root}: no recordings found; expected one folder a word, as in the official test "
            f"set (`kws-data download` fetches it)"
        )
    return clips


def speaker_of(stem: str) -> str:
    """The speaker in a file's name: what stands before `_nohash_`."""
    return stem.split("_nohash_")[0]


def split_of(speaker: str, validation: int, testing: int) -> str:
    """The split that the archive's own rule gives a speaker (Warden, arXiv 1804.03209)."""
    number = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % (_HASH_RANGE + 1)
    percent = number * (100.0 / _HASH_RANGE)
    if percent < validation:
        return "validation"
    return "testing" if percent < validation + testing else "training"


def assert_disjoint(splits: dict[str, list[Clip]]) -> None:
    """Raise `DataError` where a speaker's clips stand in two splits."""
    seen: dict[str, str] = {}
    for split, clips in splits.items():
        for clip in clips:
            if clip.speaker and seen.setdefault(clip.speaker, split) != split:
                raise DataError(
                    f"speaker {clip.speaker} is in {seen[clip.speaker]} and in {split} "
                    f"({clip.path}); expected each speaker in one split: mend the lists"
                )


def load(clips: Iterable[Clip], rate: int) -> tuple[list[Clip], list[NDArray[np.int16]]]:
    """The samples of those clips that can be read, mono int16 at `rate`.

    Corrupt and empty files are named in the log, counted and left out.
    """
    kept, waves, bad = [], [], 0
    for clip in clips:
        try:
            samples = read_audio(clip.path, rate)
        except AudioError as error:
            log.warning("skipped: %s", error)
            bad += 1
            continue
        kept.append(clip)
        waves.append(samples)
    if bad:
        log.warning("%d of %d files could not be read and were skipped", bad, bad + len(kept))
    return kept, waves


def is_command(words: NDArray[np.intp], labels: Sequence[str]) -> NDArray[np.bool_]:
    """Which words, by their index into the labels and other words, are labels to be detected."""
    known = np.array([*map(is_keyword, labels), False])
    return np.asarray(known[np.minimum(words, len(labels))])


def noises(root: Path, rate: int) -> list[NDArray[np.int16]]:
    """The background recordings of an archive, mono int16 at `rate`."""
    folder = root / NOISE
    paths = _audio_files(folder) if folder.is_dir() else []
    if not paths:
        raise DataError(f"{folder}: no background noise; expected the archive's recordings there")
    return [read_audio(path, rate) for path in paths]


def centred(samples: NDArray[np.int16], length: int) -> NDArray[np.int16]:
    """The middle `length` samples, padded on both sides with zeros where there are fewer."""
    missing = max(0, length - len(samples))
    padded = np.pad(samples, (missing // 2, missing - missing // 2))
    start = (len(padded) - length) // 2
    return padded[start : start + length]


def windows(waves: Sequence[NDArray[np.int16]], spec: FrontEnd) -> NDArray[np.int8]:
    """One window of columns a clip, centred: int8 [n, columns, coefficients]."""
    from kws.native import best_mfcc

    mfcc = best_mfcc(spec)
    return np.stack([mfcc.clip(centred(wave, spec.samples)) for wave in waves])


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; expected Speech Commands there")
    return [path for path in root.iterdir() if path.is_dir()]


def _audio_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def listed(path: Path) -> set[str] | None:
    """WORD/STEM of each line of a list, or None where there is no list."""
    if not path.is_file():
        return None
    return {line.rsplit(".", 1)[0].strip() for line in path.read_text().split("\n") if line.strip()}
