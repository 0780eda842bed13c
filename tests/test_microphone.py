from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kws import microphone as module
from kws.artefact import Artefact
from kws.audio import Resampler
from kws.errors import AudioError, RuntimeMissing
from kws.microphone import Device, Microphone, find_device, input_devices
from kws.spotter import Spotter

Wave = NDArray[np.int16]
Callback = Callable[[Wave, int, Any, Any], None]


class PortAudioError(Exception):
    pass


class FakeSystem:
    """sounddevice with the devices and the recordings that a test gives it."""

    PortAudioError = PortAudioError

    def __init__(self) -> None:
        self.devices = [
            self.device("Speakers", inputs=0),
            self.device("HDA Intel PCH: ALC", rate=44_100),
            self.device("USB Audio"),
        ]
        self.accepted = {(16_000, 1), (48_000, 1)}
        self.takes: list[list[Wave]] = []  # of each opening; then the device vanishes
        self.overflow = False
        self.opened: list[dict[str, Any]] = []
        self.starts = 0
        self.open = 0
        self.default = SimpleNamespace(device=(1, 0))

    @staticmethod
    def device(name: str, inputs: int = 2, rate: float = 48_000.0) -> dict[str, Any]:
        return {
            "name": name,
            "hostapi": 0,
            "max_input_channels": inputs,
            "default_samplerate": rate,
        }

    def query_devices(self) -> list[dict[str, Any]]:
        return self.devices

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [{"name": "ALSA", "default_input_device": 1}]

    def check_input_settings(
        self, _device: int, channels: int, dtype: str, samplerate: int
    ) -> None:
        assert dtype == "int16"
        if (samplerate, channels) not in self.accepted:
            os.write(2, b"Expression 'paInvalidSampleRate' failed in 'src/hostapi'\n")
            raise PortAudioError("Invalid sample rate [PaErrorCode -9997]")

    def _terminate(self) -> None:
        self.starts -= 1

    def _initialize(self) -> None:
        self.starts += 1

    def InputStream(self, **options: Any) -> SimpleNamespace:  # noqa: N802
        self.opened.append(options)
        take = self.takes.pop(0) if self.takes else None

        def start() -> None:
            if take is None:
                raise PortAudioError("Device unavailable [PaErrorCode -9985]")
            for block in take:
                samples = np.repeat(block[:, None], options["channels"], axis=1)
                status = SimpleNamespace(input_overflow=self.overflow)
                options["callback"](samples, len(samples), None, status)
                samples[:] = 77  # PortAudio's buffer is its own
            options["finished_callback"]()

        def close(ignore_errors: bool = False) -> None:
            assert self.open == 1
            self.open -= 1

        self.open += 1
        assert self.open == 1
        return SimpleNamespace(start=start, close=close)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> FakeSystem:
    fake = FakeSystem()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    return fake


def blocks(samples: Wave, size: int) -> list[Wave]:
    return [samples[i : i + size] for i in range(0, len(samples), size)]


def test_input_devices(system: FakeSystem) -> None:
    assert input_devices() == [
        Device(1, "HDA Intel PCH: ALC", "ALSA", 2, 44_100, default=True),
        Device(2, "USB Audio", "ALSA", 2, 48_000, default=False),
    ]


@pytest.mark.parametrize(
    ("wanted", "index"), [(None, 1), ("2", 2), ("USB Audio", 2), ("usb", 2), ("intel", 1)]
)
def test_finding_a_device(system: FakeSystem, wanted: str | None, index: int) -> None:
    assert find_device(input_devices(), wanted).index == index


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("0", "no microphone '0'; --list-devices"),
        ("bluetooth", "no microphone 'bluetooth'; --list-devices"),
        ("a", r"fits several: 1 HDA Intel PCH: ALC \(ALSA\), 2 USB Audio \(ALSA\)"),
    ],
)
def test_devices_that_are_not_found(system: FakeSystem, wanted: str, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        find_device(input_devices(), wanted)


def test_no_device(system: FakeSystem) -> None:
    system.devices = system.devices[:1]
    with pytest.raises(AudioError, match="no microphone found; plug one in"):
        Microphone(16_000, 1024, None, print)


def test_without_a_default_device_the_first_is_taken(system: FakeSystem) -> None:
    system.default.device = (-1, -1)
    system.query_hostapis = lambda: [{"name": "ALSA", "default_input_device": -1}]  # type: ignore[method-assign]
    assert find_device(input_devices(), None).index == 1


def test_samples_come_through(system: FakeSystem, talk: Wave) -> None:
    system.takes = [blocks(talk, 1024)]
    microphone = Microphone(16_000, 1024, "USB", print)
    assert microphone.name == "USB Audio"
    assert microphone.behind == pytest.approx(len(talk) / 16_000, abs=0.1)
    count = len(blocks(talk, 1024))
    heard = np.concatenate(list(islice(microphone.blocks(), count)))
    np.testing.assert_array_equal(heard, talk)
    assert system.opened[0]["device"] == 2
    assert (system.opened[0]["samplerate"], system.opened[0]["channels"]) == (16_000, 1)
    assert microphone.overflows == 0


def test_device_that_refuses_the_rate_is_resampled(system: FakeSystem, talk: Wave) -> None:
    system.accepted = {(48_000, 1)}
    system.takes = [blocks(talk, 3072)]
    microphone = Microphone(16_000, 1024, "USB", print)
    assert (system.opened[0]["samplerate"], system.opened[0]["blocksize"]) == (48_000, 3072)
    heard = np.concatenate(list(islice(microphone.blocks(), len(blocks(talk, 3072)))))
    np.testing.assert_array_equal(heard, Resampler(48_000, 16_000).push(talk))


def test_device_without_mono_gives_its_first_channel(system: FakeSystem, talk: Wave) -> None:
    system.accepted = {(16_000, 2)}
    system.takes = [blocks(talk, 1024)]
    microphone = Microphone(16_000, 1024, "USB", print)
    np.testing.assert_array_equal(next(microphone.blocks()), talk[:1024])


def test_device_that_refuses_everything(
    system: FakeSystem, capfd: pytest.CaptureFixture[str]
) -> None:
    system.accepted = set()
    with pytest.raises(AudioError, match=r"'USB Audio' cannot be opened \(Invalid sample rate"):
        Microphone(16_000, 1024, "USB", print)
    assert capfd.readouterr().err == ""


def test_device_in_use(system: FakeSystem) -> None:
    with pytest.raises(AudioError, match=r"Device unavailable.*does another program use it"):
        Microphone(16_000, 1024, "USB", print)


def test_vanished_device_is_waited_for(system: FakeSystem, talk: Wave) -> None:
    parts = [talk[:4096], talk[4096:8192]]
    system.devices.append(system.device("USB Audio"))  # two of a name: by index
    system.takes = [blocks(part, 1024) for part in parts]
    notes: list[str] = []

    def say(text: str) -> None:
        notes.append(text)
        if "vanished" in text:  # it comes back later, in another place
            system.devices.insert(0, system.device("Webcam"))

    microphone = Microphone(16_000, 1024, "2", say)
    with closing(microphone.blocks()) as heard:
        np.testing.assert_array_equal(np.concatenate(list(islice(heard, 8))), talk[:8192])
    assert [options["device"] for options in system.opened] == [2, 3]
    assert system.open == 0
    assert notes == [
        "microphone 'USB Audio' has vanished; waiting for it",
        "microphone 'USB Audio' is back",
    ]
    assert system.starts == 0


def test_vanished_device_is_looked_for_again_and_again(
    system: FakeSystem, talk: Wave, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.takes = [[talk[:1024]]]
    looks = 0

    def sleep(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            system.takes = [[talk[1024:2048]]]

    monkeypatch.setattr(module.time, "sleep", sleep)
    microphone = Microphone(16_000, 1024, None, lambda _text: None)
    heard = np.concatenate(list(islice(microphone.blocks(), 2)))
    np.testing.assert_array_equal(heard, talk[:2048])
    assert looks == 3


def test_silent_callbacks_mean_a_vanished_device(
    system: FakeSystem, talk: Wave, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GONE_SECONDS", 0.05)
    system.takes = [[], [talk[:1024]]]
    microphone = Microphone(16_000, 1024, None, lambda _text: None)
    np.testing.assert_array_equal(next(microphone.blocks()), talk[:1024])


def test_overflows_are_counted(system: FakeSystem, talk: Wave) -> None:
    system.takes = [blocks(talk[:4096], 1024)]
    system.overflow = True
    assert Microphone(16_000, 1024, None, print).overflows == 4


def test_what_the_queue_cannot_hold_is_an_overflow(
    system: FakeSystem, talk: Wave, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE_SECONDS", 0.128)  # two blocks
    system.takes = [blocks(talk[:4096], 1024)]
    assert Microphone(16_000, 1024, None, print).overflows == 2


def test_missing_portaudio(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str) -> None:
        raise OSError("PortAudio library not found")

    monkeypatch.setattr(module, "import_module", refuse)
    with pytest.raises(RuntimeMissing, match="sudo apt install libportaudio2"):
        input_devices()


def test_missing_sounddevice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(RuntimeMissing, match="pip install sounddevice"):
        input_devices()


def test_virtual_microphone_gives_the_detections_of_the_file(
    tiny: Artefact, talk: Wave, tmp_path: Path
) -> None:
    """PortAudio and ALSA for real: ALSA's file plug-in plays the recording over and over."""
    raw, card = tmp_path / "in.raw", tmp_path / "asoundrc"
    raw.write_bytes(talk.astype("<i2").tobytes())
    card.write_text(
        'pcm.filemic { type file slave.pcm "null" file "/dev/null" '
        f'infile "{raw}" format "raw" }}\n'
    )
    model = tiny.folder
    process = subprocess.Popen(
        [sys.executable, "-m", "kws.listen", *f"--json --device filemic --model {model}".split()],
        env=os.environ | {"ALSA_CONFIG_PATH": f"/usr/share/alsa/alsa.conf:{card}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    expected = list(Spotter(tiny).feed(talk))
    assert process.stdout is not None
    lines = list(islice(process.stdout, len(expected)))
    process.terminate()
    _, notes = process.communicate(timeout=60)
    assert process.returncode == 0, notes
    assert "listening to 'filemic'" in notes
    assert [(line["time"], line["keyword"], line["score"]) for line in map(json.loads, lines)] == [
        (round(d.time, 4), d.keyword, round(d.score, 4)) for d in expected
    ]
