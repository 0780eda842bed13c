"""Where samples come from besides a microphone: a file, or a pipe."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from kws.audio import Resampler, read_blocks
from kws.errors import AudioError

Wave = NDArray[np.int16]


class Source:
    """A stream of int16 mono blocks at one rate.

    name       for messages
    endless    whether only Ctrl-C ends it
    overflows  how often samples were lost
    """

    name = ""
    endless = False
    overflows = 0

    def blocks(self) -> Generator[Wave, None, None]:
        """The samples, in order, in blocks of any size."""
        raise NotImplementedError

    @property
    def behind(self) -> float:
        """Seconds of audio that wait to be read."""
        return 0.0


class FileSource(Source):
    """A recording, as fast as it is read or, with `realtime`, as fast as it was spoken."""

    def __init__(self, path: str | Path, rate: int, block: int, realtime: bool = False) -> None:
        self.name = str(path)
        self._rate = rate
        self._block = block
        self._realtime = realtime
        self._behind = 0.0

    @property
    def behind(self) -> float:
        """Seconds by which the reader is late, in real time."""
        return self._behind

    def blocks(self) -> Generator[Wave, None, None]:
        """All samples, in real time each block when its last sample was spoken.

        Raises `AudioError` for a file that is no recording.
        """
        end = time.monotonic()
        for block in read_blocks(self.name, self._rate, self._block):
            end += len(block) / self._rate
            if self._realtime:
                self._behind = max(0.0, time.monotonic() - end)
                time.sleep(max(0.0, end - time.monotonic()))
            yield block


class PipeSource(Source):
    """Raw signed 16-bit little-endian mono samples from a stream of bytes."""

    name = "standard input"

    def __init__(self, stream: BinaryIO, from_rate: int, rate: int, block: int) -> None:
        """`stream` has `read1` (a BufferedReader); its samples come at `from_rate` Hz."""
        if stream.isatty():
            raise AudioError("standard input is a terminal; expected a pipe of raw s16le samples")
        self._stream = stream
        self._bytes = 2 * block
        self._resampler = Resampler(from_rate, rate)

    def blocks(self) -> Generator[Wave, None, None]:
        """The samples as they come; raises `AudioError` where there are none or a WAV header."""
        rest = b""
        first = True
        while data := self._stream.read1(self._bytes):  # type: ignore[attr-defined]
            if first and data[:4] == b"RIFF":
                raise AudioError(
                    "standard input is a WAV file; expected raw s16le samples (use --wav FILE)"
                )
            first = False
            data = rest + data
            whole = len(data) & ~1
            rest = data[whole:]
            yield self._resampler.push(np.frombuffer(data[:whole], "<i2").astype(np.int16))
        if first:
            raise AudioError("standard input is empty; expected raw s16le samples")
        yield self._resampler.flush()
