"""Whole recordings through the firmware on an emulated Cortex-M4 and M7: all homes agree."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from images import EMULATED, build, detections, emulate, expected, make
from kws import export
from kws.artefact import DEFAULT_MODEL, Artefact
from kws.audio import read_audio
from kws.spec import FrontEnd
from kws_train import data as recordings
from kws_train.streams import splice
from twins import ROOT, Wave, build_host

RATE = FrontEnd().sample_rate
ON_EACH = pytest.mark.parametrize("board", EMULATED)


def write(path: Path, samples: Wave) -> Path:
    soundfile.write(path, samples, RATE, "PCM_16")
    return path


def check_homes(model: str, wav: Path, folder: Path) -> None:
    """The golden model, the program on this machine and both processors print the same lines."""
    artefact = Artefact.load(model)
    lines = expected(artefact, read_audio(wav, artefact.manifest.front_end.sample_rate))
    assert lines
    host = build_host(folder / "host", model)
    done = subprocess.run([host, "--listen", wav], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == lines
    for board in EMULATED:
        printed = emulate(board, wav, "7", MODEL=model)
        assert detections(printed) == lines
        assert not [line for line in printed if "lost" in line]


def test_every_home_hears_the_commands(tmp_path: Path) -> None:
    wav = ROOT / "examples/commands.wav"
    check_homes(DEFAULT_MODEL, wav, tmp_path)


def test_every_home_hears_words_in_noise(tmp_path: Path, speech: dict[str, Wave]) -> None:
    noise = np.random.default_rng(5).normal(0, 500, 5 * RATE).astype(np.int16)
    words = [(name, wave) for name, wave in speech.items() if name.endswith("flite")]
    stream = splice(words, RATE, [noise], 10.0)
    check_homes("st-hybrid", write(tmp_path / "words.wav", stream.samples), tmp_path)


@pytest.mark.data
def test_every_home_hears_recorded_words(data: Path, tmp_path: Path, minutes: float) -> None:
    clips = recordings.test_set(data / "speech_commands_test")
    random = np.random.default_rng(6)
    order = random.permutation(len(clips))[: max(4, round(minutes * 26))]
    chosen, waves = recordings.load([clips[i] for i in order], RATE)
    noise = random.normal(0, 500, 20 * RATE).astype(np.int16)
    words = [(c.word, wave) for c, wave in zip(chosen, waves, strict=True)]
    stream = splice(words, RATE, [noise], 15.0)
    assert len(stream.samples) >= minutes * 60 * RATE
    check_homes("st-hybrid", write(tmp_path / "minutes.wav", stream.samples), tmp_path)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, tiny: Artefact) -> dict[str, str]:
    """firmware.mk's variables for an image of the tiny model, which is fast."""
    folder = tmp_path_factory.mktemp("small")
    assert export.main([str(tiny.folder), "--out", str(folder)]) == 0
    return {"MODEL_FOLDER": str(folder), "IMAGE": str(folder / "image"), "KERNELS": "portable"}


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory, talk: Wave) -> Path:
    return write(tmp_path_factory.mktemp("talk") / "talk.wav", talk)


@pytest.mark.parametrize("how", ["", "1", "2", "paced"])
def test_it_does_not_matter_how_audio_comes(
    how: str, small: dict[str, str], talking: Path, tiny: Artefact, talk: Wave
) -> None:
    printed = emulate("qemu-m4", talking, how, **small)
    assert detections(printed) == expected(tiny, talk)
    assert not [line for line in printed if "lost" in line]


def test_raw_samples(small: dict[str, str], tmp_path: Path, tiny: Artefact, talk: Wave) -> None:
    path = tmp_path / "talk.raw"
    path.write_bytes(talk.astype("<i2").tobytes())
    assert detections(emulate("qemu-m4", path, **small)) == expected(tiny, talk)


@ON_EACH
@pytest.mark.parametrize("model", [DEFAULT_MODEL, "st-hybrid"])
def test_a_board_keeps_up_with_its_microphone(board: str, model: str) -> None:
    """At each board's speed, of which board.mk's BOARD_SHIFT is the lower estimate."""
    wav = ROOT / "examples/commands.wav"
    printed = emulate(board, wav, "paced", MODEL=model)
    assert len(detections(printed)) >= 8
    assert detections(printed) == expected(Artefact.load(model), read_audio(wav, RATE))
    assert not [line for line in printed if "lost" in line]


def test_audio_that_comes_too_fast_is_told(small: dict[str, str], talking: Path) -> None:
    printed = emulate("qemu-m4", talking, "paced", **small, SHIFT="8")  # 4 million a second
    lost = [int(m[1]) for line in printed if (m := re.fullmatch(r"# lost (\d+) samples: .*", line))]
    assert lost
    assert sum(lost) % FrontEnd().hop == 0


@ON_EACH
def test_notes_around_the_detections(board: str, talking: Path) -> None:
    printed = emulate(board, talking)
    banner = rf"# kws [\d.]+, model {DEFAULT_MODEL}, {board}"
    assert re.fullmatch(banner, printed[0])
    stack = re.fullmatch(r"# stack: (\d+) of (\d+) bytes", printed[-1])
    assert stack
    assert int(stack[1]) <= int(stack[2]) / 2
    for before, line in itertools.pairwise(printed):
        if not line.startswith("#"):
            assert before == "# LED on"


def test_the_led_is_on_for_a_second(small: dict[str, str], tmp_path: Path, talk: Wave) -> None:
    """The light goes out while there is still sound, and not before the next detection's."""
    wav = write(tmp_path / "then.wav", np.concatenate([talk, np.zeros(2 * RATE, np.int16)]))
    notes = [line for line in emulate("qemu-m4", wav, **small) if "LED" in line]
    assert notes[0] == "# LED on"
    assert notes[-1] == "# LED off"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be opened"),
        (b"no sound", "expected mono 16-bit PCM at the model's sample rate"),
    ],
)
def test_recordings_that_cannot_be_read(
    content: bytes | None, why: str, small: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "bad.wav"
    if content is not None:
        path.write_bytes(content)
    build("qemu-m4", **small)
    settings = [f"{name}={value}" for name, value in small.items()]
    done = make("emulate", "BOARD=qemu-m4", f"WAV={path}", *settings)
    assert done.returncode != 0
    assert done.stdout.splitlines()[-1] == f"# {path}: {why}"


def test_another_rate(small: dict[str, str], tmp_path: Path, talk: Wave) -> None:
    path = tmp_path / "slow.wav"
    soundfile.write(path, talk, RATE // 2, "PCM_16")
    build("qemu-m4", **small)
    settings = [f"{name}={value}" for name, value in small.items()]
    done = make("emulate", "BOARD=qemu-m4", f"WAV={path}", *settings)
    assert done.returncode != 0
    assert "sample rate" in done.stdout


def test_no_floating_point() -> None:
    """Whatever computes with floats on a processor without them calls a function of libgcc's."""
    nm = shutil.which("arm-none-eabi-nm")
    assert nm
    names = subprocess.run(
        [nm, f"{build('stm32l496g-disco')}.elf"], capture_output=True, text=True, check=True
    ).stdout
    assert "kws_mfcc_column" in names
    assert not re.findall(r"__aeabi_[fd]\w+", names)
