"""Audio in which nothing is to be detected: words joined as in running speech, and noise alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from kws_train.noise import Rng, Sound, Wave, amplitude, bed, level_db, to_int16
from kws_train.scenes import extent, faded

Maker = Callable[[int, int, Rng], Sound]  # of so many samples, at a rate

STRETCH = 60.0  # seconds with one level of noise
FADE = 0.02  # seconds at both ends of a word; where there is no gap, two words cross
GAP = (0.0, 0.15)  # seconds between words
WORD_DB = (-36.0, -16.0)  # of each word, relative to full scale
BELOW_DB = (15.0, 40.0)  # of the noise, below the mean of the words'
PIECE = 15.0  # seconds of one kind of noise
NOISE_DB = (-60.0, -12.0)  # of noise alone
RECORDED = 0.6  # share of recordings in noise alone; the rest is made


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
    """Pieces of background recordings and of noises that are made, each at a random level."""
    rng = np.random.default_rng(seed)
    wanted = int(seconds * rate)
    parts = [np.zeros(0, np.float32)]
    for start in range(0, wanted, int(PIECE * rate)):
        length = min(int(PIECE * rate), wanted - start)
        level = rng.uniform(*NOISE_DB)
        if rng.random() < RECORDED:
            parts.append(bed(noises, length, level, rng))
        else:
            make = _MADE[rng.integers(len(_MADE))]
            parts.append(_at(make(length, rate, rng), level))
    return to_int16(np.concatenate(parts))


def _endless_order(count: int, rng: Rng) -> Iterator[int]:
    while count:
        yield from rng.permutation(count).tolist()


def _spoken(clip: Wave, rate: int, level: float) -> Sound:
    """What is spoken in a clip, at a level, faded at both ends."""
    first, end = extent(clip.astype(np.float32), rate)
    word = clip[first:end].astype(np.float32) * np.float32(amplitude(level - level_db(clip, rate)))
    return faded(word, rate, FADE)


def _coloured(length: int, _rate: int, rng: Rng) -> Sound:
    """From brown to blue, by a random slope of the spectrum."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum *= np.maximum(np.arange(len(spectrum)), 8.0) ** rng.uniform(-1.0, 0.5)
    return np.fft.irfft(spectrum, length).astype(np.float32)


def _hum(length: int, rate: int, rng: Rng) -> Sound:
    """A tone of a mains transformer, a fan or a motor, with overtones that swell."""
    time = np.arange(length) / rate
    pitch = rng.uniform(45, 400)
    sound = 0.02 * rng.standard_normal(length)
    for overtone in range(1, 9):
        swell = 1 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.05, 3) * time + rng.uniform(0, 7))
        sound += swell * np.sin(2 * np.pi * pitch * overtone * time) * rng.uniform() / overtone
    return sound.astype(np.float32)


def _taps(length: int, rate: int, rng: Rng) -> Sound:
    """Knocks, clicks and clinks: resonances that die away."""
    sound = 0.003 * rng.standard_normal(length)
    for start in np.sort(rng.integers(0, length, max(1, length * 3 // rate))):
        time = np.arange(min(length - start, rate // 2)) / rate
        decay = np.exp(-time / rng.uniform(0.003, 0.08))
        tone = np.sin(2 * np.pi * rng.uniform(150, 6000) * time)
        struck = decay * (tone + rng.uniform(0, 1) * rng.standard_normal(len(time)))
        sound[start : start + len(time)] += rng.uniform(0.1, 1) * struck
    return sound.astype(np.float32)


def _at(sound: Sound, level: float) -> Sound:
    """Its rms at so many dB relative to full scale."""
    rms = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    return sound * np.float32(32_768 * amplitude(level) / max(rms, 1e-9))


_MADE: tuple[Maker, ...] = (_coloured, _hum, _taps)
