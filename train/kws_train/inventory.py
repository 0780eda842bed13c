"""What a data folder holds: words, clips per split, and files that cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from kws.audio import read_audio
from kws.errors import AudioError
from kws.spec import FrontEnd
from kws.tables import dct, floor_energy, hann, mel_filters
from kws_train.data import (
    NOISE,
    SILENCE,
    SPLITS,
    UNKNOWN,
    Clip,
    DataError,
    load,
    speech_commands,
    test_set,
)

_NAMED = 20  # corrupt files named before the rest is only counted


def inventory(root: Path) -> Iterator[str]:
    """Lines about every Speech Commands folder in `root`, or about `root` itself.

    Raises `DataError` where there is none, and what `speech_commands` raises.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; expected Speech Commands there")
    folders = [root, *sorted(path for path in root.iterdir() if path.is_dir())]
    known = [folder for folder in folders if _is_archive(folder) or _is_test_set(folder)]
    if not known:
        raise DataError(
            f"{root}: no Speech Commands there; expected a folder with {NOISE}, {UNKNOWN} or "
            "lists of clips (`kws-data download` makes one)"
        )
    for folder in known:
        yield from _test_lines(folder) if _is_test_set(folder) else _archive_lines(folder)


def _is_archive(folder: Path) -> bool:
    return (folder / NOISE).is_dir() or (folder / "validation_list.txt").is_file()


def _is_test_set(folder: Path) -> bool:
    return (folder / UNKNOWN).is_dir() or (folder / SILENCE).is_dir()


def _archive_lines(folder: Path) -> Iterator[str]:
    splits = speech_commands(folder)
    bad = _unreadable(folder, [clip for clips in splits.values() for clip in clips])
    counts = {split: Counter(clip.word for clip in clips) for split, clips in splits.items()}
    words = sorted({word for count in counts.values() for word in count})
    yield str(folder)
    yield _row("word", SPLITS)
    for word in words:
        yield _row(word, (counts[split][word] for split in SPLITS))
    yield _row(f"{len(words)} words", (len(splits[split]) for split in SPLITS))
    yield _row("speakers", (len({clip.speaker for clip in splits[split]}) for split in SPLITS))
    yield from _bad_lines(bad)


def _test_lines(folder: Path) -> Iterator[str]:
    clips = test_set(folder)
    bad = _unreadable(folder, clips)
    counts = Counter(clip.word for clip in clips)
    yield str(folder)
    yield _row("class", ("clips",))
    for word in sorted(counts):
        yield _row(word, (counts[word],))
    yield _row(f"{len(counts)} classes", (len(clips),))
    yield _row("speakers", (len({clip.speaker for clip in clips} - {""}),))
    yield from _bad_lines(bad)


def _row(name: str, values: Iterable[object]) -> str:
    return f"  {name:<14}" + "".join(f"{value!s:>12}" for value in values)


def _unreadable(folder: Path, clips: list[Clip]) -> list[str]:
    """What is wrong with those that cannot be read; each is decoded to the end."""
    rate, wrong = FrontEnd().sample_rate, []
    for clip in track(clips, f"Reading {folder.name}", console=Console(stderr=True)):
        try:
            read_audio(clip.path, rate)
        except AudioError as error:
            wrong.append(str(error))
    return wrong


def _bad_lines(bad: list[str]) -> Iterator[str]:
    yield f"  corrupt files: {len(bad)}"
    yield from (f"    {reason}" for reason in bad[:_NAMED])
    if len(bad) > _NAMED:
        yield f"    and {len(bad) - _NAMED} more"


def normalisation(root: Path, spec: FrontEnd) -> Iterator[str]:
    """Lines with what a front-end's `mean` and `deviation` must be for an archive."""
    _, waves = load(speech_commands(root)["training"], spec.sample_rate)
    for name, values in zip(("mean", "deviation"), statistics(waves, spec), strict=True):
        yield f"{name} = {values}"


def statistics(
    waves: Sequence[NDArray[np.int16]], spec: FrontEnd
) -> tuple[list[float], list[float]]:
    """Mean and deviation of each coefficient over recordings, in log2 of power.

    They are read from float columns of the textbook formula, since the integer ones need them.
    """
    parts = []
    for wave in track(waves, "Measuring the columns", console=Console(stderr=True)):
        if len(wave) >= spec.window:
            frames = np.lib.stride_tricks.sliding_window_view(wave, spec.window)[:: spec.hop]
            power = np.abs(np.fft.rfft(frames * hann(spec.window))) ** 2
            energy = power @ mel_filters(spec).T + floor_energy(spec)
            parts.append(np.log2(energy) @ dct(spec).T)
    values = np.concatenate(parts)
    return (
        [round(float(v), 3) for v in values.mean(axis=0)],
        [round(float(v), 3) for v in values.std(axis=0)],
    )
