"""Somebody's own recordings, of any form, as an archive in Speech Commands' layout."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from kws.audio import read_audio
from kws.errors import AudioError
from kws_train import data
from kws_train.data import NOISE, DataError
from kws_train.synthesise import trimmed

Wave = NDArray[np.int16]

LEAST = 20  # recordings of a word
LEAST_OTHERS = 100  # recordings of anything else
SHARE = 0.15  # of the recordings that validate
TRAINING, VALIDATION = data.SPLITS[:2]
MOST = {TRAINING: 4000, VALIDATION: 400}  # clips of anything else
LONG = 1.5  # seconds from which a recording is more than a word
PIECES = 20  # clips of one long recording, at most
SPEECH = "speech"  # the folder of what has no word, or one with few recordings
NOISES, NOISE_SECONDS, NOISE_DB = (0.0, -0.5, -1.0), 60, -30.0  # slopes, length, level
FORMATS = {f".{name.lower()}" for name in soundfile.available_formats()} - {".raw"}
SUFFIXES = FORMATS | {".aif", ".mp3", ".oga", ".opus"}
console = Console(stderr=True)


@dataclass(frozen=True)
class Recording:
    """A file; `speaker` and `split` are empty where neither its name nor a list tells them."""

    path: Path
    word: str
    speaker: str = ""
    split: str = ""

    @property
    def group(self) -> str:
        """What must not be in two splits: a speaker, else the file."""
        return self.speaker or hashlib.sha1(self.path.name.encode()).hexdigest()[:16]


def gather(
    words: Sequence[str], root: Path, negatives: Path | None, rate: int, seconds: float, to: Path
) -> None:
    """Write an archive into the folder `to`: `words` from `root`, and what else there is.

    Anything else is what stands in other folders of `root` and in `negatives`: at most `MOST`
    clips, for which recordings longer than `LONG` are cut into pieces of `seconds`. Splits are
    those of lists like Speech Commands' where `root` or `negatives` have some, else by speakers
    where names tell them, else by the files' names. Raises `DataError` where there are too few
    recordings.
    """
    own = [r for word in words for r in _folder(root / word, root)]
    _check_words(words, own, root)
    others = [r for place in (root, negatives) if place for r in _others(place, words)]
    own, others = divide(own, others)
    writer = _Writer(to, rate, seconds)
    for recording in track(own, "Reading words", console=console):
        writer.word(recording)
    _check_words(words, writer.kept, root)
    for split, most in MOST.items():
        chosen = [recording for recording in others if recording.split == split]
        writer.others(sorted(chosen, key=_order), most, f"Reading others, {split}")
    count = Counter(r.split for r in writer.kept if r.word not in words)
    if count[TRAINING] < LEAST_OTHERS or count[VALIDATION] < LEAST:
        raise DataError(
            f"{count[TRAINING]} clips of anything else than {', '.join(words)} to train on and "
            f"{count[VALIDATION]} to validate; expected at least {LEAST_OTHERS} and {LEAST}: "
            "--negatives DIR takes other words or speech, such as what `kws-data download` fetches"
        )
    writer.finish([place for place in (root, negatives) if place])


def divide(
    own: Sequence[Recording], others: Sequence[Recording]
) -> tuple[list[Recording], list[Recording]]:
    """The recordings with their splits: a list's where all words are in it; its test is left out.

    Elsewhere speakers validate in the order of their hashes until there are enough of each word,
    but none with much more than that. Where that leaves a word without enough in both splits, as
    with one speaker, every file is taken for a speaker of its own.
    """
    if not _is_usable(listed := [r for r in own if r.split in MOST], own):
        for by_speaker in (True, False):
            known = [r if by_speaker else replace(r, speaker="") for r in own]
            validating = _lowest(known)
            listed = [replace(r, split=_split(r, validating)) for r in known]
            if _is_usable(listed, own):
                break
        others = others if by_speaker else [replace(r, speaker="") for r in others]
    bound = {r.group: r.split for r in listed}
    free = [r for r in others if not r.split and r.group not in bound]
    validating = _lowest([replace(r, word="") for r in free])
    rest = [replace(r, split=bound.get(r.group, r.split or _split(r, validating))) for r in others]
    return listed, [r for r in rest if r.split in MOST]


def _lowest(recordings: Sequence[Recording]) -> set[str]:
    """The groups that validate."""
    chosen: set[str] = set()
    for word in {r.word for r in recordings}:
        counts = Counter(r.group for r in recordings if r.word == word)
        wanted, taken = SHARE * sum(counts.values()), 0
        for group in sorted(counts, key=_hash):
            if taken < wanted and taken + counts[group] <= 2 * wanted + 1:
                chosen.add(group)
                taken += counts[group]
    return chosen


def _split(recording: Recording, validating: set[str]) -> str:
    return VALIDATION if recording.group in validating else TRAINING


def _is_usable(divided: Sequence[Recording], own: Sequence[Recording]) -> bool:
    """Whether every word has enough to validate, and at least twice as much to train."""
    splits = Counter((r.word, r.split) for r in divided)
    least = int(SHARE * LEAST)
    return all(
        least <= splits[word, VALIDATION] <= splits[word, TRAINING] // 2
        for word in {r.word for r in own}
    )


def _hash(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


def _order(recording: Recording) -> str:
    return _hash(f"{recording.word}/{recording.path.name}")


def _check_words(words: Sequence[str], recordings: Sequence[Recording], root: Path) -> None:
    counts = Counter(recording.word for recording in recordings)
    if few := [f"{word} {counts[word]}" for word in words if counts[word] < LEAST]:
        raise DataError(
            f"{root}: too few recordings: {', '.join(few)}; expected at least {LEAST} of each "
            f"word in a folder of its name, as WAV, FLAC, Ogg, MP3 or what else libsndfile reads"
        )


def _folder(folder: Path, root: Path) -> list[Recording]:
    """What a folder and those below it hold, with what names and lists say."""
    found = {split: data.listed(root / f"{split}_list.txt") for split in data.SPLITS[1:]}
    lists = {split: names for split, names in found.items() if names}
    recordings = []
    for path in files(folder.rglob("*")):
        key = f"{folder.name}/{path.stem}"
        split = next((s for s, names in lists.items() if key in names), TRAINING) if lists else ""
        speaker = data.speaker_of(path.stem) if "_nohash_" in path.stem else ""
        recordings.append(Recording(path, folder.name, speaker, split))
    return recordings


def _others(root: Path, words: Sequence[str]) -> list[Recording]:
    """Anything else: folders of words, and folders of speech, which a speaker has each."""
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; expected one of recordings")
    found = [Recording(path, SPEECH) for path in files(root.iterdir())]
    folders = [path for path in sorted(root.iterdir()) if path.is_dir()]
    for folder in folders:
        if folder.name in words or folder.name.startswith(("_", ".")):
            continue
        inside = _folder(folder, root)
        if inside and _is_long(inside[0].path):
            speaker = folder.name if len(folders) > 1 / SHARE else ""
            inside = [replace(r, word=SPEECH, speaker=speaker, split="") for r in inside]
        elif len(inside) < LEAST:
            inside = [replace(r, word=SPEECH) for r in inside]
        found += inside
    return found


def _is_long(path: Path) -> bool:
    try:
        return bool(soundfile.info(path).duration > LONG)
    except soundfile.SoundFileError:
        return False  # reading it will say what is wrong


def files(paths: Iterable[Path]) -> list[Path]:
    """Those of the paths that are recordings, by their names."""
    return sorted(p for p in paths if p.suffix.lower() in SUFFIXES and p.name[0] != ".")


def speech_files(folder: Path) -> list[Path]:
    """Recordings of running speech in a folder and in those below it; `DataError` without any."""
    found = files(folder.rglob("*"))
    if not found:
        raise DataError(f"{folder}: no recordings; expected speech, whatever is said in it")
    return found


class _Writer:
    """Writes clips of one rate and format; names tell the content, speakers and splits."""

    def __init__(self, folder: Path, rate: int, seconds: float) -> None:
        self.folder, self.rate = folder, rate
        self.long, self.length = int(LONG * rate), int(seconds * rate)
        self.kept: list[Recording] = []
        self._written: set[str] = set()
        self._listed: list[str] = []

    def word(self, recording: Recording) -> None:
        """A recording of one word; of a longer one the part that is spoken."""
        wave = self._read(recording)
        self._write(recording, trimmed(wave, self.rate) if len(wave) > self.long else wave)

    def others(self, recordings: Sequence[Recording], most: int, title: str) -> None:
        """Up to `most` clips of recordings of anything else."""
        end = len(self.kept) + most
        for recording in track(recordings[:most], title, console=console):
            if len(self.kept) >= end:
                continue
            wave = self._read(recording)
            if len(wave) <= self.long:
                self._write(recording, wave)
                continue
            starts = range(0, len(wave) - self.length, self.length)[:PIECES]
            for start in starts[: end - len(self.kept)]:
                self._write(replace(recording, word=SPEECH), wave[start : start + self.length])

    def finish(self, places: Sequence[Path]) -> None:
        """The lists, and background noise: that of the first place which has some, else made."""
        (self.folder / "validation_list.txt").write_text("\n".join(self._listed) + "\n")
        for place in places:
            if (place / NOISE).is_dir():
                (self.folder / NOISE).symlink_to((place / NOISE).resolve())
                return
        (self.folder / NOISE).mkdir(parents=True)
        rng = np.random.default_rng(0)
        for index, slope in enumerate(NOISES):
            noise = rng.standard_normal(NOISE_SECONDS * self.rate)
            spectrum = np.fft.rfft(noise)
            spectrum *= np.maximum(np.arange(len(spectrum)) / 1000, 1.0) ** slope
            noise = np.fft.irfft(spectrum, len(noise))
            noise *= 10 ** (NOISE_DB / 20) / np.sqrt(np.square(noise).mean())
            soundfile.write(self.folder / NOISE / f"{index}.wav", noise, self.rate)

    def _read(self, recording: Recording) -> Wave:
        """The samples; none of a file that is broken, which is named."""
        try:
            return read_audio(recording.path, self.rate)
        except AudioError as error:
            console.print(f"left out: {error}", soft_wrap=True, highlight=False)
            return np.zeros(0, np.int16)

    def _write(self, recording: Recording, wave: Wave) -> None:
        content = hashlib.sha1(wave.tobytes()).hexdigest()[:16]
        if not len(wave) or content in self._written:
            return
        self._written.add(content)
        name = f"{recording.word}/{_hash(recording.group)[:8]}_nohash_{content}.wav"
        (self.folder / recording.word).mkdir(parents=True, exist_ok=True)
        soundfile.write(self.folder / name, wave, self.rate)
        self.kept.append(recording)
        if recording.split == VALIDATION:
            self._listed.append(name)
