"""What a stream has besides whole words in quiet: rooms, neighbours, words cut short or joined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.int16]
Sound = NDArray[np.float32]
Rng = np.random.Generator

SILENT_DB = -30.0  # of a recording's loudest frame: what is below at its ends is not spoken
FRAME = 0.01  # seconds
MARGIN = 0.03  # seconds that stay around what is spoken
GAP = (0.1, 0.4)  # seconds between words
JOINT = (-0.05, 0.05)  # seconds between words that are joined; they overlap below 0
LEVEL_DB = (-8.0, 4.0)  # of a word beside, to that of the word
KEPT = (0.2, 0.45)  # share that is left of a word cut short
FADE = 0.005  # seconds in which a part of a recording comes and goes
DECAY = (0.1, 0.6)  # seconds in which a room's sound falls by 60 dB
DIRECT_DB = (-3.0, 9.0)  # of the direct sound, to that of the room


def extent(sound: Sound, rate: int) -> tuple[int, int]:
    """First sample and the end of what is spoken in a recording, with a margin."""
    frame = int(FRAME * rate)
    frames = len(sound) // frame
    power = np.square(sound[: frames * frame]).reshape(frames, frame).mean(axis=1)
    loud = np.flatnonzero(power > 10 ** (SILENT_DB / 10) * max(float(power.max(initial=0)), 1e-9))
    if not len(loud):
        return 0, len(sound)
    spare = int(MARGIN * rate)
    return max(0, int(loud[0]) * frame - spare), min(
        len(sound), (int(loud[-1]) + 1) * frame + spare
    )


def beside(sound: Sound, before: Sound, after: Sound, rate: int, rng: Rng) -> Sound:
    """`sound` with one word before what is spoken in it and one after, as far as there is room."""
    start, stop = extent(sound, rate)
    peak = _peak(sound[start:stop])
    result = sound.copy()
    for other, ahead in ((before, True), (after, False)):
        first, last = extent(other, rate)
        part = other[first:last]
        part = part * (peak / _peak(part)) * 10 ** (rng.uniform(*LEVEL_DB) / 20)
        gap = int(rng.uniform(*GAP) * rate)
        if ahead:
            room = max(0, start - gap)
            part = part[max(0, len(part) - room) :]
            result[room - len(part) : room] += part
        else:
            part = part[: max(0, len(sound) - stop - gap)]
            result[stop + gap : stop + gap + len(part)] += part
    return result


def cut_short(wave: Wave, rate: int, rng: Rng) -> Wave:
    """The beginning or the end of a word: too little to know it by."""
    start, stop = extent(wave.astype(np.float32), rate)
    kept = max(1, int(rng.uniform(*KEPT) * (stop - start)))
    return wave[start : start + kept] if rng.random() < 0.5 else wave[stop - kept : stop]


def cut_off(wave: Wave, length: int, rate: int, rng: Rng) -> Wave:
    """A word that is only beginning at a window's end, or ending at its start: int16 [length]."""
    start, stop = extent(wave.astype(np.float32), rate)
    kept = max(1, min(length, int(rng.uniform(*KEPT) * (stop - start))))
    window = np.zeros(length, np.int16)
    if rng.random() < 0.5:
        window[length - kept :] = wave[start : start + kept]
    else:
        window[:kept] = wave[stop - kept : stop]
    return window


def joined(waves: Sequence[Wave], length: int, rate: int, rng: Rng) -> Wave:
    """Words, and parts of them, one into the other as in running speech: int16 [length].

    Real voices say them, which synthesised running speech lacks.
    """
    sound = np.zeros(length, np.float32)
    fade = np.linspace(0, 1, int(FADE * rate), dtype=np.float32)
    place = -int(rng.uniform(0, 0.3) * rate)  # the first one has begun before
    peak = None
    while place < length:
        wave = waves[rng.integers(len(waves))].astype(np.float32)
        start, stop = extent(wave, rate)
        part = wave[start:stop].copy()
        if len(part) <= 2 * len(fade):
            continue
        part[: len(fade)] *= fade
        part[len(part) - len(fade) :] *= fade[::-1]
        peak = peak or _peak(part)
        part *= peak / _peak(part) * 10 ** (rng.uniform(*LEVEL_DB) / 20)
        first, last = max(place, 0), min(place + len(part), length)
        if last > first:
            sound[first:last] += part[first - place : last - place]
        place += max(len(part) + int(rng.uniform(*JOINT) * rate), len(fade))
    return np.asarray(np.clip(np.rint(sound), -(2**15), 2**15 - 1), np.int16)


def in_a_room(sound: Sound, rate: int, rng: Rng) -> Sound:
    """`sound` with the reverberation of a random room: [n] to [n].

    The room's response is noise that decays exponentially behind the direct sound: Polack's
    model (1988).
    """
    seconds = rng.uniform(*DECAY)
    length = int(seconds * rate)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail[: int(0.002 * rate)] = 0
    tail *= 10 ** (-rng.uniform(*DIRECT_DB) / 20) / np.sqrt(np.square(tail).sum())
    tail[0] = 1
    size = 1 << (len(sound) + length - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)[: len(sound)]
    power = float(np.square(sound).mean()) / max(float(np.square(wet).mean()), 1e-9)
    return np.asarray(wet * np.sqrt(power), np.float32)


def _peak(sound: Sound) -> float:
    return max(float(np.abs(sound).max(initial=0)), 1.0)
