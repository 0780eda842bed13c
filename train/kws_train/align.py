"""When each word of a transcript was read: a synthesiser reads it as well, and time is warped.

The method is that of Malfrère and Dutoit (Eurospeech 1997): speech whose words' times are known,
aligned with the recording by dynamic time warping (Sakoe and Chiba, 1978) of cepstra.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.audio import read_audio
from kws.errors import RuntimeMissing
from kws.native import best_mfcc
from kws.spec import FrontEnd
from kws_train.synthesise import trimmed

Wave = NDArray[np.int16]
Floats = NDArray[np.float32]

SPEC = FrontEnd()  # cepstra of this front-end, whatever the model's own is
CEPSTRA = 8  # the first: what is finer tells more of the voice than of the sound
BAND = 0.2  # of the recording's length: how far a column may lie from its share of the words
PAUSE = 2  # columns between two words that may be a pause of any length
_LEVEL = 2.0  # weight of the level, which two voices share more than the rest
_EDGE = 6  # columns of silence before and behind all words
_SPEED = "170"  # words a minute
_BREAK = 0.2  # seconds of silence between the synthesiser's paragraphs, at least
_HUSH = 16  # steps: resampling leaves ripples in silence
_QUIET = 0.1  # the share of a recording's columns that are its silence
_PROGRAM = "espeak-ng"
_VOICES = ("en-us", "en-us+f3")  # a man's and a woman's: the one nearer to the reader's tells


def need_synthesiser() -> None:
    """Raise `RuntimeMissing` unless transcripts can be aligned."""
    if shutil.which(_PROGRAM) is None:
        raise RuntimeMissing(
            f"{_PROGRAM} is missing, which tells when a word was read; "
            f"run: sudo apt-get install {_PROGRAM}"
        )


def align(samples: Wave, words: Sequence[str]) -> list[tuple[float, float]]:
    """Start and end of each word in seconds, of int16 samples in which they are read in order.

    Samples are at the rate of `SPEC`. Raises `RuntimeMissing` without a synthesiser.
    """
    if not words:
        return []
    heard = _normalised(_cepstra(samples))
    if len(heard) == 0:
        return [(0.0, len(samples) / SPEC.sample_rate)] * len(words)
    readings = [_reading(words, voice, heard) for voice in _VOICES]
    warped = [_warp(heard, spoken) for spoken, _ in readings]
    nearest = int(np.argmin([cost for cost, _ in warped]))
    (_, rows), (_, bounds) = warped[nearest], readings[nearest]
    hop = SPEC.hop_seconds
    return [(float(rows[start] * hop), float((rows[end] + 1) * hop)) for start, end in bounds]


def _reading(
    words: Sequence[str], voice: str, heard: Floats
) -> tuple[Floats, list[tuple[int, int]]]:
    """The words as a synthesiser reads them, with pauses that sound like those in `heard`.

    Gives columns, and the first and last column of each word.
    """
    level = heard[:, 0]
    silence = heard[level <= np.quantile(level, _QUIET)].mean(axis=0, keepdims=True)
    read = _read(words, voice)
    all_words = _normalised(np.concatenate(read))
    parts = [np.repeat(silence, _EDGE, axis=0)]
    bounds, done, place = [], 0, _EDGE
    for columns in read:
        own = all_words[done : done + len(columns)]
        parts += [own, np.repeat(silence, PAUSE, axis=0)]
        bounds.append((place, place + len(own) - 1))
        done, place = done + len(own), place + len(own) + PAUSE
    parts.append(np.repeat(silence, _EDGE, axis=0))
    return np.concatenate(parts), bounds


def _read(words: Sequence[str], voice: str) -> list[Floats]:
    """Cepstra of each word in a voice of the synthesiser: [n, CEPSTRA], at least one column."""
    wave = _said("\n\n".join(words), voice)  # as paragraphs: silence lies between
    sound = np.flatnonzero(np.abs(wave.astype(np.int32)) > _HUSH)
    ends = np.flatnonzero(np.diff(sound) > _BREAK * SPEC.sample_rate)
    waves = [wave[part[0] : part[-1] + 1] for part in np.split(sound, ends + 1) if len(part)]
    if len(waves) != len(words):  # a word that it does not say, or with a break in it
        waves = [_said(word, voice) for word in words]
    return [
        _cepstra(np.pad(one, (0, max(0, SPEC.window - len(one)))))
        for one in (trimmed(wave, SPEC.sample_rate, margin=0.0) for wave in waves)
    ]


def _said(text: str, voice: str) -> Wave:
    need_synthesiser()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(
            [_PROGRAM, "-v", voice, "-s", _SPEED, "-w", str(path), "--stdin"],
            check=True,
            input=text.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return read_audio(path, SPEC.sample_rate)


def _cepstra(samples: Wave) -> Floats:
    return best_mfcc(SPEC).clip(samples)[:, :CEPSTRA].astype(np.float32)


def _normalised(columns: Floats) -> Floats:
    """Each coefficient with mean 0 and deviation 1: voice and microphone matter less."""
    if len(columns) == 0:
        return columns
    deviation = np.maximum(columns.std(axis=0), 1e-3)
    weight = np.where(np.arange(columns.shape[1]) == 0, _LEVEL, 1.0)
    return np.asarray((columns - columns.mean(axis=0)) / deviation * weight, np.float32)


def _warp(heard: Floats, spoken: Floats) -> tuple[float, NDArray[np.intp]]:
    """The cheapest path: its mean distance, and the row of `heard` at each row of `spoken`.

    The steps are those of Sakoe and Chiba's symmetric form: one row of either costs the distance
    once, one of both twice, so that every path has the same weight. Row by row of `heard`: what a
    row takes from its own left is a running minimum over sums.
    """
    rows, columns = len(heard), len(spoken)
    half = int(BAND * columns) + 2
    width = min(2 * half + 1, columns)
    centre = np.arange(rows) * (columns - 1) // max(rows - 1, 1)
    first = np.clip(centre - half, 0, columns - width)
    total = np.full((rows, width), np.inf)
    squares = (spoken**2).sum(axis=1)
    for row in range(rows):
        low = first[row]
        near = spoken[low : low + width]
        cost = squares[low : low + width] - 2 * (near @ heard[row]) + heard[row] @ heard[row]
        cost = np.sqrt(np.maximum(cost, 0)).astype(np.float64)
        sums = np.cumsum(cost)
        if row == 0:
            total[0] = sums
            continue
        shift = low - first[row - 1]
        before = np.concatenate([[np.inf], total[row - 1], np.full(shift, np.inf)])
        entered = np.minimum(before[1:][shift:] + cost, before[:-1][shift:] + 2 * cost)
        total[row] = sums + np.minimum.accumulate(entered - sums)
    return float(total[-1, columns - 1 - first[-1]]) / (rows + columns), _path(
        total, first, columns
    )


def _path(total: NDArray[np.float64], first: NDArray[np.intp], columns: int) -> NDArray[np.intp]:
    """Back from the end: the first row of `heard` at each row of `spoken`."""

    def at(row: int, column: int) -> float:
        place = column - first[row] if row >= 0 else -1
        return float(total[row, place]) if 0 <= place < total.shape[1] else np.inf

    rows = np.zeros(columns, np.intp)
    row, column = len(total) - 1, columns - 1
    while column >= 0:
        rows[column] = row
        choices = (at(row - 1, column - 1), at(row - 1, column), at(row, column - 1))
        step = int(np.argmin(choices)) if row or column else 0
        row, column = row - (step < 2), column - (step != 1)
        row = max(row, 0)
    return rows
