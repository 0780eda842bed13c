"""What a stream has besides whole words in quiet: rooms, neighbours, words cut short, phrases."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.int16]
Sound = NDArray[np.float32]
Rng = np.random.Generator

SILENT_DB = -30.0  # of a recording's loudest frame: what is below at its ends is not spoken
FRAME = 0.01  # seconds
MARGIN = 0.03  # seconds that stay around what is spoken
GAP = (0.25, 0.6)  # seconds between a command and the words beside it
JOINT = (-0.08, 0.15)  # seconds between words of a phrase; below 0 they overlap
WORDS = (3, 7)  # of a phrase, or parts of words
START = (-0.2, 0.6)  # seconds from the beginning of a clip to that of its phrase
LEVEL_DB = (-8.0, 4.0)  # of a word beside, to that of the word
KEPT = (0.2, 0.45)  # share that is left of a word cut short
FADE = 0.005  # seconds in which a part of a recording comes and goes
ROOM = ((2.5, 8.0), (2.5, 6.0), (2.2, 3.5))  # metres: length, width, height
ABSORPTION = (0.2, 0.7)  # share of the energy that walls take
REFLECTIONS = 17  # at most, one after the other, of which an image is followed
WALL = 0.4  # metres that talker and microphone keep from the walls


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


def faded(sound: Sound, rate: int, seconds: float) -> Sound:
    """A copy that comes and goes within so many seconds."""
    result = sound.copy()
    fade = np.linspace(0, 1, min(int(seconds * rate), len(sound)), dtype=np.float32)
    result[: len(fade)] *= fade
    result[len(sound) - len(fade) :] *= fade[::-1]
    return result


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


def phrase(waves: Sequence[Wave], length: int, rate: int, rng: Rng) -> Wave:
    """Words, and parts of them, one into the other as in running speech: int16 [length].

    Each comes from `waves` at random. The phrase may have begun before, and may end before the
    clip does. Real voices say it, which synthesised running speech lacks.
    """
    sound = np.zeros(length, np.float32)
    least = int(FADE * rate)
    place = int(rng.uniform(*START) * rate)
    peak = None
    for number in rng.integers(len(waves), size=rng.integers(*WORDS)):
        wave = waves[number].astype(np.float32)
        start, stop = extent(wave, rate)
        if stop - start <= 2 * least:
            continue
        part = faded(wave[start:stop], rate, FADE)
        peak = peak or _peak(part)
        part *= peak / _peak(part) * 10 ** (rng.uniform(*LEVEL_DB) / 20)
        first, last = max(place, 0), min(place + len(part), length)
        if last > first:
            sound[first:last] += part[first - place : last - place]
        place += max(len(part) + int(rng.uniform(*JOINT) * rate), least)
    return np.asarray(np.clip(np.rint(sound), -(2**15), 2**15 - 1), np.int16)


def rooms(count: int, rate: int, rng: Rng) -> list[Sound]:
    """Impulse responses of random rooms, from the direct sound on.

    Shoeboxes by the image-source method (Allen and Berkley, 1979), as pyroomacoustics has it;
    talker and microphone stand anywhere in them.
    """
    import pyroomacoustics

    made = []
    for _ in range(count):
        size = np.array([rng.uniform(*side) for side in ROOM])
        walls = pyroomacoustics.Material(rng.uniform(*ABSORPTION))
        room = pyroomacoustics.ShoeBox(size, fs=rate, materials=walls, max_order=REFLECTIONS)
        room.add_source(rng.uniform(WALL, size - WALL))
        room.add_microphone(rng.uniform(WALL, size - WALL))
        room.compute_rir()
        response = np.asarray(room.rir[0][0], np.float32)
        loud = np.abs(response)
        made.append(response[int(np.argmax(loud > 0.3 * loud.max())) :])
    return made


def in_a_room(sound: Sound, response: Sound) -> Sound:
    """`sound` as it is heard in a room, at its own power: [n] to [n]."""
    from scipy import signal

    wet = signal.fftconvolve(sound, response)[: len(sound)]
    power = float(np.square(sound).mean()) / max(float(np.square(wet).mean()), 1e-9)
    return np.asarray(wet * np.float32(np.sqrt(power)), np.float32)


def filtered(sound: Sound, gain_db: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Sound:
    """`sound` with the gain at each frequency, which is 1 at half the rate: [n] to [n].

    scipy's transform, unlike numpy's before 2, lets other threads work meanwhile.
    """
    from scipy import fft

    size = fft.next_fast_len(len(sound), real=True)
    spectrum = fft.rfft(sound, size)
    spectrum *= (10 ** (gain_db(np.linspace(0, 1, len(spectrum))) / 20)).astype(np.float32)
    return np.asarray(fft.irfft(spectrum, size)[: len(sound)], np.float32)


def _peak(sound: Sound) -> float:
    return max(float(np.abs(sound).max(initial=0)), 1.0)
