"""Audio in which nothing is to be detected: words joined as in running speech, and noise alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from kws_train.noise import Rng, Sound, Wave, amplitude, bed, level_db, to_int16
from kws_train.scenes import extent, faded

STRETCH = 60.0  # seconds with one level of noise
FADE = 0.02  # seconds at both ends of a word; where there is no gap, two words cross
GAP = (0.0, 0.15)  # seconds between words
WORD_DB = (-36.0, -16.0)  # of each word, relative to full scale
BELOW_DB = (15.0, 40.0)  # of the noise, below the mean of the words'
PIECE = 15.0  # seconds of one kind of noise
NOISE_DB = (-60.0, -12.0)  # of noise alone


def joined_words(
    clips: Sequence[Wave], noises: Sequence[Wave], rate: int, seconds: float, seed: int
) -> Wave:
    """Words as tight as in running speech: in random order, each at a level of its own.

    Of each clip only what is spoken is taken. All are used once before one comes again.
    """
    rng = np.random.default_rng([seed, len(clips)])
    sound = np.zeros(int(seconds * rate), np.float32)
    for start in range(0, len(sound), int(STRETCH * rate)):
        part = sound[start : start + int(STRETCH * rate)]
        part += bed(noises, len(part), float(np.mean(WORD_DB)) - rng.uniform(*BELOW_DB), rng)
    start = 0
    for number in _endless_order(len(clips), rng):
        word = _spoken(clips[number], rate, rng.uniform(*WORD_DB))
        room = sound[start : start + len(word)]
        room += word[: len(room)]
        start += len(word) - int(FADE * rate) + int(rng.uniform(*GAP) * rate)
        if start >= len(sound):
            break
    return to_int16(sound)


def noise_alone(noises: Sequence[Wave], rate: int, seconds: float, seed: int) -> Wave:
    """Pieces of noise, each at a random level."""
    rng = np.random.default_rng(seed)
    wanted = int(seconds * rate)
    pieces = [np.zeros(0, np.float32)]
    for start in range(0, wanted, int(PIECE * rate)):
        length = min(int(PIECE * rate), wanted - start)
        pieces.append(bed(noises, length, rng.uniform(*NOISE_DB), rng))
    return to_int16(np.concatenate(pieces))


def _endless_order(count: int, rng: Rng) -> Iterator[int]:
    while count:
        yield from rng.permutation(count).tolist()


def _spoken(clip: Wave, rate: int, level: float) -> Sound:
    """What is spoken in a clip, at a level, faded at both ends."""
    first, end = extent(clip.astype(np.float32), rate)
    word = clip[first:end].astype(np.float32) * np.float32(amplitude(level - level_db(clip, rate)))
    return faded(word, rate, FADE)
