"""kws-listen as a program: pipes, signals, a terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kws.artefact import Artefact
from kws.decide import Detection
from kws.errors import AudioError
from kws.sources import PipeSource
from kws.spotter import Spotter
from listening import SUMMARY, as_json, start

Wave = NDArray[np.int16]


@pytest.fixture(scope="module")
def expected(tiny: Artefact, talk: Wave) -> list[Detection]:
    return list(Spotter(tiny).feed(talk))


class Dribble(io.BytesIO):
    """A pipe that gives so many bytes at a time, then the rest."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        super().__init__(data)
        self.sizes = iter(sizes)

    def read1(self, size: int | None = -1, /) -> bytes:
        return self.read(min(next(self.sizes, 2**30), size or 2**30))


@settings(max_examples=12, deadline=None)
@given(sizes=st.lists(st.integers(1, 5_000), max_size=200))
def test_pipe_in_any_portions(
    tiny: Artefact, talk: Wave, expected: list[Detection], sizes: list[int]
) -> None:
    pipe = PipeSource(Dribble(talk.astype("<i2").tobytes(), sizes), 16_000, 16_000, 1024)
    spotter = Spotter(tiny)
    assert [d for block in pipe.blocks() for d in spotter.feed(block)] == expected


def test_pipe(tiny: Artefact, talk: Wave, expected: list[Detection]) -> None:
    process = start(tiny, "-", "--json")
    out, err = process.communicate(talk.astype("<i2").tobytes(), timeout=60)
    assert process.returncode == 0, err
    assert [json.loads(line) for line in out.splitlines()] == as_json(expected)


def test_pipe_of_another_rate(tiny: Artefact, talk: Wave, tmp_path: Path) -> None:
    path = tmp_path / "slow.wav"
    soundfile.write(path, talk, 22_050)
    process = start(tiny, "-", "--rate", "22050", "--json")
    out, err = process.communicate(talk.astype("<i2").tobytes(), timeout=60)
    assert process.returncode == 0, err
    assert out
    assert out == start(tiny, "--wav", str(path), "--json").communicate(timeout=60)[0]


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "standard input is empty"), (b"RIFF\0\0\0\0WAVEfmt ", "is a WAV file")],
)
def test_wrong_pipe(tiny: Artefact, data: bytes, message: str) -> None:
    process = start(tiny, "-")
    _, err = process.communicate(data, timeout=60)
    assert process.returncode == 1
    assert len(err.splitlines()) == 1
    assert message in err.decode()


def test_terminal_is_no_pipe() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "rb") as terminal, pytest.raises(AudioError, match="terminal"):
        PipeSource(terminal, 16_000, 16_000, 1024)
    os.close(ours)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_with_a_summary(tiny: Artefact, talk: Wave, end: signal.Signals) -> None:
    process = start(tiny, "-", "--json")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(talk.astype("<i2").tobytes())
    process.stdin.flush()
    first = process.stdout.readline()
    process.send_signal(end)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    for line in [first, *out.splitlines()]:
        json.loads(line)
    assert SUMMARY.fullmatch(err.decode().rstrip())


def test_broken_pipe_is_quiet(tiny: Artefact, wav: Path) -> None:
    process = start(tiny, "--wav", str(wav), "--realtime")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 0


def test_terminal_has_a_live_line(tiny: Artefact, wav: Path, expected: list[Detection]) -> None:
    ours, theirs = pty.openpty()
    env = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    process = start(tiny, "--wav", str(wav), stdout=theirs, env=env)
    os.close(theirs)
    screen = b""
    while part := read_terminal(ours):
        screen += part
    assert process.wait(timeout=60) == 0
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.decode())
    assert re.search(r"\d\.\d s +━{20} +-\d+ dB +(yes|no|up|down) +[01]\.\d\d", text)
    assert text.count(f"{expected[0].time:.2f} s  {expected[0].keyword}") == 1


def read_terminal(file: int) -> bytes:
    try:
        return os.read(file, 65_536)
    except OSError:  # how Linux says that the other side has closed
        return b""


def test_starts_without_what_it_does_not_need(tiny: Artefact, wav: Path) -> None:
    """Neither TensorFlow nor the live line nor the sound card is loaded for a file."""
    code = (
        "import sys; from kws.listen import main; "
        f"main(['--model', {str(tiny.folder)!r}, '--wav', {str(wav)!r}]); "
        "print(sorted({'tensorflow', 'rich', 'sounddevice', 'soxr'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"
