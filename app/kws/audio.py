"""Recordings and streams of any rate and format, as mono int16 at the front-end's rate."""

from __future__ import annotations

from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.errors import AudioError, RuntimeMissing

Wave = NDArray[np.int16]

FULL_SCALE = 32_768.0  # of int16: sound goes from -1 to 1
_QUALITY = "HQ"
_WHOLE = 2**24  # samples at a time: any clip in one go


def read_audio(path: str | Path, rate: int) -> Wave:
    """A recording as mono int16 [samples] at `rate` Hz.

    Any format, rate and number of channels that libsndfile reads; channels are averaged. A
    16-bit mono file at `rate` comes through untouched. Raises `AudioError` for a file that is
    missing, empty or not a recording.
    """
    return np.concatenate(list(read_blocks(path, rate, _WHOLE)))


def read_blocks(path: str | Path, rate: int, size: int) -> Generator[Wave, None, None]:
    """The samples of `read_audio` in blocks of about `size`, of which one is held at a time."""
    soundfile = _load("soundfile")
    if not Path(path).is_file():
        raise AudioError(f"{path}: no such file; expected a recording (WAV, FLAC, Ogg, …)")
    try:
        with soundfile.SoundFile(path) as file:
            resampler = Resampler(file.samplerate, rate)
            if file.frames == 0:
                raise AudioError(f"{path}: the recording is empty; expected at least one sample")
            part = -(-size * file.samplerate // rate)
            while len(sound := file.read(part, dtype="float32", always_2d=True)):
                yield resampler.push_sound(sound.mean(axis=1))
            yield resampler.flush()
    except (soundfile.SoundFileError, OSError, TypeError) as error:  # TypeError: a *.raw
        raise AudioError(f"{path}: not a recording that can be read ({error})") from error


def to_int16(sound: NDArray[np.float32]) -> Wave:
    """Full scale ±1 to int16, rounded and limited; what is not a number becomes 0."""
    scaled = np.nan_to_num(np.rint(sound * FULL_SCALE))
    return np.asarray(np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1), np.int16)


class Resampler:
    """A stream of int16 blocks at one rate into a stream at another.

    The sizes of the blocks change nothing: the result is that of the whole in one block.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        """Rates in Hz; raises `AudioError` where one is not positive."""
        if min(from_rate, to_rate) <= 0:
            raise AudioError(f"resampling from {from_rate} to {to_rate} Hz; expected above 0")
        self._stream: Any = None
        if from_rate != to_rate:
            # as float32: with int16, soxr dithers, and block by block in another way
            self._stream = _load("soxr").ResampleStream(
                from_rate, to_rate, 1, dtype="float32", quality=_QUALITY
            )

    def push(self, samples: Wave) -> Wave:
        """What int16 [n] samples complete, at the new rate; it may be empty."""
        if self._stream is None:
            return samples
        return self.push_sound(np.asarray(samples, np.float32) / np.float32(FULL_SCALE))

    def push_sound(self, sound: NDArray[np.float32], last: bool = False) -> Wave:
        """The same for float32 [n], full scale ±1."""
        if self._stream is not None:
            sound = self._stream.resample_chunk(sound, last=last)
        return to_int16(sound)

    def flush(self) -> Wave:
        """The rest, once the stream has ended; nothing may be pushed after it."""
        return self.push_sound(np.zeros(0, np.float32), last=True)


def _load(package: str) -> Any:
    """A package of the sound stack; raises `RuntimeMissing`."""
    try:
        return import_module(package)
    except (ImportError, OSError) as error:  # OSError: its C library is not there
        raise RuntimeMissing(
            f"{package} cannot be loaded ({error}); mend it with: pip install {package}"
        ) from error
