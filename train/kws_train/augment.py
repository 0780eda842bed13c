"""What makes one recording into many: on its samples, and on its columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from kws.spec import FrontEnd
from kws_train import scenes

Wave = NDArray[np.int16]
Rng = np.random.Generator

NOISE_SHARE = 0.8  # the first part of each background recording trains; the rest judges streams
RARE = 5
PAUSE = (0.05, 0.15)  # seconds before and after a word that tell that it stands alone
_WARPS = 9
_CHANNEL_BANDS = 8
_CEILING = 32_767.0
_FLAT = 1 / 800  # of the rate, 20 Hz: below, a slope is flat, or all its power would be inaudible


@dataclass(frozen=True)
class Augmentation:
    """How strongly recordings are varied; each range is (lowest, highest), drawn uniformly.

    copies  varied versions of each recording, made once and drawn from at random; of a label
            with fewer recordings than most as many more, at most `RARE` times as many
    other_copies
            the same of a recording of a word that is no label; 0 takes `copies`
    margin  columns on both sides of the window, for the shift that is drawn in each epoch
    shift   columns that the window may move either way in an epoch, at most `margin`
    whole   whether a label's word, with a `PAUSE` around it, stays in the window that moves
    speed   playback speed, which moves pitch, formants and tempo together
    warp    factor of the mel bands' frequencies, which moves the formants alone (vocal tract
            length perturbation, Jaitly and Hinton, 2013)
    channel colour of the microphone and the room: the deviation in dB of random gains at
            `_CHANNEL_BANDS` frequencies, joined by lines; 0 leaves the recording as it is
    beside  share of the versions with other words before and after, see scenes.py
    room    share of the versions in a reverberant room
    partial clips of the label "_unknown_" that are labels' words cut short, a label's clip each
    joined  clips of "_unknown_" that are words joined to phrases, a label's clip each
    gain_db gain in dB; a result beyond full scale is scaled back to it
    noise   share of the versions that noise is mixed into
    snr_db  ratio of the recording's power to the noise's, in dB; that of the word itself is some
            5 dB higher, since there is silence around it
    tracks  of noise, see background.py; 0 takes the archive's recordings as they are
    time_masks, time_width, frequency_masks, frequency_width
            SpecAugment (Park et al., arXiv 1904.08779): bands set to the column's mean, 0
    """

    copies: int = 10
    other_copies: int = 0
    margin: int = 8
    shift: int = 6
    whole: bool = False
    speed: tuple[float, float] = (0.87, 1.15)
    warp: tuple[float, float] = (0.88, 1.0)
    channel: float = 0.0
    beside: float = 0.0
    room: float = 0.0
    partial: float = 0.0
    joined: float = 0.0
    gain_db: tuple[float, float] = (-12.0, 6.0)
    noise: float = 0.5
    snr_db: tuple[float, float] = (5.0, 30.0)
    tracks: int = 0
    time_masks: int = 2
    time_width: int = 6
    frequency_masks: int = 2
    frequency_width: int = 4

    def samples(self, spec: FrontEnd) -> int:
        """Samples of a version: the window and its margins."""
        return spec.samples + 2 * self.margin * spec.hop


class Version(NamedTuple):
    """A varied recording: int16 samples, and the first and the end of those that are spoken."""

    samples: Wave
    spoken: tuple[int, int]


def warped(spec: FrontEnd, options: Augmentation) -> list[FrontEnd]:
    """Front-ends whose mel bands are moved by factors over the whole range."""
    factors = np.linspace(*options.warp, _WARPS)
    return [replace(spec, low_hz=f * spec.low_hz, high_hz=f * spec.high_hz) for f in factors]


def training_noises(recordings: Sequence[Wave]) -> list[Wave]:
    """The parts of the background recordings that training may use."""
    return [wave[: int(NOISE_SHARE * len(wave))] for wave in recordings]


def judging_noises(recordings: Sequence[Wave]) -> list[Wave]:
    """The parts of the background recordings that training never hears."""
    return [wave[int(NOISE_SHARE * len(wave)) :] for wave in recordings]


def vary(
    wave: Wave,
    noises: Sequence[Wave],
    spec: FrontEnd,
    options: Augmentation,
    rng: Rng,
    others: Sequence[Wave] = (),
    rooms: Sequence[scenes.Sound] = (),
) -> Version:
    """One varied version of a recording, `options.samples(spec)` long.

    `others` are what words beside it are drawn from, `rooms` the responses of rooms.
    """
    sound = wave.astype(np.float32)
    speed = rng.uniform(*options.speed)
    sound = soxr.resample(sound, speed * spec.sample_rate, spec.sample_rate, quality="MQ")
    if options.channel:
        sound = coloured(sound, options.channel, rng)
    sound = _placed(sound, options.samples(spec), rng.integers(-spec.hop // 2, spec.hop // 2 + 1))
    spoken = scenes.extent(sound, spec.sample_rate)
    if others and rng.random() < options.beside:
        before, after = (others[i].astype(np.float32) for i in rng.integers(len(others), size=2))
        sound = scenes.beside(sound, before, after, spec.sample_rate, rng)
    if rooms and rng.random() < options.room:
        sound = scenes.in_a_room(sound, rooms[rng.integers(len(rooms))])
    if rng.random() < options.noise:
        noise = noise_like(len(sound), noises, rng)
        sound = sound + noise * _noise_gain(sound, noise, rng.uniform(*options.snr_db))
    sound = sound * 10 ** (rng.uniform(*options.gain_db) / 20)
    sound = sound * min(1.0, _CEILING / max(float(np.abs(sound).max()), 1.0))
    return Version(np.asarray(np.rint(sound)).astype(np.int16), spoken)


def starts(
    spoken: NDArray[np.int32], spec: FrontEnd, options: Augmentation, free: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """The first and the last column that each version's window may start at: [n, 2].

    `spoken` are samples, [n, 2]. Where `options.whole` and not `free`, no window lacks more of what
    is spoken, with a `PAUSE` around it, than the one in the middle, which always may be.
    """
    middle = options.margin
    low, high = (np.full(len(spoken), middle + way * options.shift) for way in (-1, 1))
    if options.whole:
        before, after = (seconds * spec.sample_rate for seconds in PAUSE)
        least = np.ceil((spoken[:, 1] + after - spec.samples) / spec.hop)
        most = np.floor((spoken[:, 0] - before) / spec.hop)
        low = np.where(free, low, np.clip(least, low, middle))
        high = np.where(free, high, np.clip(most, middle, high))
    return np.asarray(np.stack([low, high], axis=1), np.int32)


def crop_and_mask(
    versions: NDArray[np.int8],
    within: NDArray[np.int32],
    rows: int,
    options: Augmentation,
    rng: Rng,
) -> NDArray[np.int8]:
    """Windows of a batch, masked, each with a start drawn `within` what `starts` says: [n, 2].

    [n, all rows, width] to [n, rows, width]: of columns or embeddings.
    """
    n = len(versions)
    start = rng.integers(within[:, 0], within[:, 1] + 1)
    place = start[:, None] + np.arange(rows)
    batch = versions[np.arange(n)[:, None], place]
    time = _bands(n, rows, options.time_masks, options.time_width, rng)
    frequency = _bands(n, versions.shape[2], options.frequency_masks, options.frequency_width, rng)
    batch[time[:, :, None] | frequency[:, None, :]] = 0
    return np.asarray(batch)


def coloured(sound: NDArray[np.float32], deviation_db: float, rng: Rng) -> NDArray[np.float32]:
    """`sound` through a smooth random filter, whose bands lie closer at low frequencies."""
    bands = np.linspace(0, 1, _CHANNEL_BANDS)
    gain_db = rng.normal(0, deviation_db, _CHANNEL_BANDS)
    return scenes.filtered(sound, lambda place: np.interp(np.sqrt(place), bands, gain_db))


def _placed(sound: NDArray[np.float32], length: int, offset: int) -> NDArray[np.float32]:
    """`sound` in the middle of `length` samples, moved by `offset`; cut where it is too long."""
    start = (length - len(sound)) // 2 + offset
    placed = np.zeros(length, np.float32)
    first, last = max(start, 0), min(start + len(sound), length)
    placed[first:last] = sound[first - start : last - start]
    return placed


def noise_like(length: int, noises: Sequence[Wave], rng: Rng) -> NDArray[np.float32]:
    """A stretch of a background recording, or of white noise through a random first-order slope."""
    if rng.random() < 0.8:
        recording = noises[rng.integers(len(noises))]
        start = rng.integers(len(recording) - length)
        return recording[start : start + length].astype(np.float32)
    return sloped(length, (-1.0, 0.3), rng)


def sloped(length: int, powers: tuple[float, float], rng: Rng) -> NDArray[np.float32]:
    """White noise whose amplitudes are multiplied by the frequency to a power that is drawn."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum *= np.maximum(np.linspace(0, 0.5, len(spectrum)), _FLAT) ** rng.uniform(*powers)
    return np.fft.irfft(spectrum, length).astype(np.float32)


def _noise_gain(sound: NDArray[np.float32], noise: NDArray[np.float32], snr_db: float) -> float:
    power, noise_power = (float(np.mean(x.astype(np.float64) ** 2)) for x in (sound, noise))
    return float(np.sqrt(power / max(noise_power, 1e-9)) * 10 ** (-snr_db / 20))


def _bands(n: int, size: int, count: int, width: int, rng: Rng) -> NDArray[np.bool_]:
    """For each of n, the union of `count` bands of 0 to `width` places within `size`: [n, size]."""
    covered = np.zeros((n, size), np.bool_)
    for _ in range(count):
        wide = rng.integers(0, width + 1, n)
        start = rng.integers(0, size - wide + 1)
        place = np.arange(size)
        covered |= (place >= start[:, None]) & (place < (start + wide)[:, None])
    return covered
