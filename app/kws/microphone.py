"""Live audio from a sound card, through PortAudio."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.audio import Resampler
from kws.errors import AudioError, RuntimeMissing
from kws.quiet import quiet
from kws.sources import Source

Wave = NDArray[np.int16]

QUEUE_SECONDS = 60  # of audio that wait for a slow machine before some is lost
GONE_SECONDS = 2.0  # without a block: the device has vanished
RETRY_SECONDS = 1.0  # between two looks for a vanished device


@dataclass(frozen=True)
class Device:
    """An input of the sound system: `rate` in Hz is the one that it prefers."""

    index: int
    name: str
    system: str
    channels: int
    rate: int
    default: bool


def input_devices() -> list[Device]:
    """All microphones; raises `RuntimeMissing` without PortAudio."""
    sd = _sounddevice()
    systems = sd.query_hostapis()
    default = sd.default.device[0]
    if default < 0:
        default = next((s["default_input_device"] for s in systems), -1)
    return [
        Device(
            index,
            device["name"],
            systems[device["hostapi"]]["name"],
            device["max_input_channels"],
            round(device["default_samplerate"]),
            index == default,
        )
        for index, device in enumerate(sd.query_devices())
        if device["max_input_channels"] > 0
    ]


def find_device(devices: list[Device], wanted: str | None) -> Device:
    """The default one, or the one with this index, or with this name or a part of it.

    Raises `AudioError` where there is none, or more than one.
    """
    if not devices:
        raise AudioError("no microphone found; plug one in, or read a file with --wav FILE")
    if wanted is None:
        return next((device for device in devices if device.default), devices[0])
    for fits in (
        lambda d: str(d.index) == wanted,
        lambda d: d.name == wanted,
        lambda d: wanted.casefold() in d.name.casefold(),
    ):
        found = [device for device in devices if fits(device)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(f"{d.index} {d.name} ({d.system})" for d in found)
            raise AudioError(f"microphone {wanted!r} fits several: {names}; give one's index")
    raise AudioError(f"no microphone {wanted!r}; --list-devices shows those that there are")


class Microphone(Source):
    """A microphone at the rate that is asked for, whatever its own.

    A device that refuses `rate` is opened at its own and resampled. One that vanishes is waited
    for; `say` is told. Samples that the sound system lost, and those beyond QUEUE_SECONDS of
    waiting ones, count as overflows.
    """

    endless = True

    def __init__(
        self, rate: int, block: int, device: str | None, say: Callable[[str], None]
    ) -> None:
        """Opens the device (None: the default one); `AudioError` where it cannot be."""
        self._rate = rate
        self._block = block
        self._say = say
        self.overflows = 0
        self._device = find_device(input_devices(), device)
        self._default = device is None
        self.name = self._device.name
        self._stream: Any = None
        self._open()

    @property
    def behind(self) -> float:
        """Seconds of audio that wait in the queue."""
        return self._queue.qsize() * self._block / self._rate

    def blocks(self) -> Generator[Wave, None, None]:
        """The samples as they come, without end."""
        try:
            while True:
                block = self._next_block()
                if block is None:
                    self._reopen()
                else:
                    yield self._resampler.push(block)
        finally:
            self._close()

    def _next_block(self) -> Wave | None:
        try:
            return self._queue.get(timeout=GONE_SECONDS)
        except queue.Empty:
            return None

    def _open(self) -> None:
        sd = _sounddevice()
        device_rate, channels = self._settings(sd)
        # a queue of its own for every stream: nothing of a dead one comes late
        length = round(QUEUE_SECONDS * self._rate / self._block)
        waiting: queue.Queue[Wave | None] = queue.Queue(length)

        def callback(samples: Wave, _frames: int, _time: Any, status: Any) -> None:
            self.overflows += bool(status.input_overflow)
            try:
                waiting.put_nowait(samples[:, 0].copy())
            except queue.Full:
                self.overflows += 1

        def finished() -> None:
            with suppress(queue.Full):  # then GONE_SECONDS without a block tell it
                waiting.put_nowait(None)

        try:
            with quiet():
                self._stream = sd.InputStream(
                    device=self._device.index,
                    samplerate=device_rate,
                    channels=channels,
                    dtype="int16",
                    blocksize=round(self._block * device_rate / self._rate),
                    callback=callback,
                    finished_callback=finished,
                )
                self._stream.start()
        except sd.PortAudioError as error:
            self._close()
            raise self._refused(error) from error
        self._queue = waiting
        self._resampler = Resampler(device_rate, self._rate)

    def _close(self) -> None:
        """Once only: PortAudio would read the memory of a stream that it has freed."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close(ignore_errors=True)

    def _settings(self, sd: Any) -> tuple[int, int]:
        """The first rate and number of channels that the device accepts."""
        refusal = None
        for channels in sorted({1, self._device.channels}):
            for rate in (self._rate, self._device.rate):
                refusal = self._refusal(sd, rate, channels)
                if refusal is None:
                    return rate, channels
        raise self._refused(refusal)

    def _refusal(self, sd: Any, rate: int, channels: int) -> Exception | None:
        try:
            with quiet():
                sd.check_input_settings(
                    self._device.index, channels=channels, dtype="int16", samplerate=rate
                )
        except sd.PortAudioError as error:
            return error  # type: ignore[no-any-return]
        return None

    def _refused(self, error: Exception | None) -> AudioError:
        return AudioError(
            f"microphone {self._device.name!r} cannot be opened ({error}); does another program "
            "use it? --list-devices shows the others"
        )

    def _reopen(self) -> None:
        sd = _sounddevice()
        self._say(f"microphone {self.name!r} has vanished; waiting for it")
        self._close()
        while True:
            # PortAudio lists the devices once, when it starts, and has no other way to look again
            with suppress(sd.PortAudioError):
                sd._terminate()
            try:
                sd._initialize()
                self._device = self._found_again()
                self._open()
            except (AudioError, sd.PortAudioError):
                time.sleep(RETRY_SECONDS)
            else:
                self._say(f"microphone {self._device.name!r} is back")
                return

    def _found_again(self) -> Device:
        """The default device, or the one of the same name, perhaps with another index."""
        devices = input_devices()
        if self._default:
            return find_device(devices, None)
        same = [device for device in devices if device.name == self.name]
        if not same:
            raise AudioError(f"microphone {self.name!r} is not there")
        return min(same, key=lambda device: device.index != self._device.index)


def _sounddevice() -> Any:
    try:
        return import_module("sounddevice")
    except ModuleNotFoundError as error:
        raise RuntimeMissing(
            "the microphone needs the package sounddevice: pip install sounddevice"
        ) from error
    except OSError as error:
        raise RuntimeMissing(
            "the microphone needs PortAudio: sudo apt install libportaudio2"
        ) from error
