"""Recordings and streams of any rate and format, as mono int16 at the front-end's rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.errors import AudioError

Wave = NDArray[np.int16]

_QUALITY = "HQ"


def read_audio(path: str | Path, rate: int) -> Wave:
    """A recording as mono int16 [samples] at `rate` Hz.

    Any format, rate and number of channels that libsndfile reads; channels are averaged. A
    16-bit mono file at `rate` comes through untouched. Raises `AudioError` for a file that is
    missing, empty or not a recording.
    """
    import soundfile

    if not Path(path).is_file():
        raise AudioError(f"{path}: no such file; expected a recording (WAV, FLAC, Ogg, …)")
    try:
        with soundfile.SoundFile(path) as file:
            plain = file.samplerate == rate and file.channels == 1
            samples = file.read(dtype="int16" if plain else "float32")
            found = file.samplerate
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"{path}: not a recording that can be read ({error})") from error
    if len(samples) == 0:
        raise AudioError(f"{path}: the recording is empty; expected at least one sample")
    if plain:
        return np.asarray(samples, np.int16)
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    if found != rate:
        import soxr

        mono = soxr.resample(mono, found, rate, quality=_QUALITY)
    return to_int16(mono)


def to_int16(sound: NDArray[np.float32]) -> Wave:
    """Full scale ±1 to int16, rounded and limited."""
    return np.clip(np.rint(sound * 32_768.0), -32_768, 32_767).astype(np.int16)


class Resampler:
    """A stream of int16 blocks at one rate into a stream at another."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self._stream = None
        if from_rate != to_rate:
            import soxr

            self._stream = soxr.ResampleStream(
                from_rate, to_rate, 1, dtype="int16", quality=_QUALITY
            )

    def push(self, samples: Wave) -> Wave:
        """What the block completes, at the new rate; it may be empty."""
        return samples if self._stream is None else self._stream.resample_chunk(samples)

    def flush(self) -> Wave:
        """The rest, once the stream has ended."""
        empty = np.zeros(0, np.int16)
        return empty if self._stream is None else self._stream.resample_chunk(empty, last=True)
