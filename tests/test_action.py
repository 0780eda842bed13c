from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.action import ActionError, Command, Recorder
from kws.decide import Detection
from kws.spec import FrontEnd

SPEC = FrontEnd()
YES = Detection(column=99, keyword="yes", code=234, time=1.616)


def finished(command: Command, notes: list[str]) -> list[str]:
    command.close(notes.append)
    return notes


def test_words_are_filled_in_and_no_shell_reads_them(tmp_path: Path) -> None:
    command = Command(f"touch '{tmp_path}/{{keyword}} {{score:.2f}} {{time}} $HOME;x'")
    notes: list[str] = []
    command.run(YES, notes.append)
    assert finished(command, notes) == []
    assert [p.name for p in tmp_path.iterdir()] == ["yes 0.91 1.616 $HOME;x"]


def test_braces_can_be_literal(tmp_path: Path) -> None:
    command = Command(f"touch {tmp_path}/{{{{{{keyword}}}}}}")
    command.run(YES, print)
    command.close(print)
    assert [p.name for p in tmp_path.iterdir()] == ["{yes}"]


def test_nobody_waits() -> None:
    command = Command("sleep 60")
    start = time.monotonic()
    command.run(YES, print)
    command.reap(print)
    assert time.monotonic() - start < 5
    (process,) = command._running
    process.kill()
    process.wait()


def test_children_are_reaped_and_failures_said() -> None:
    command, notes = Command("false"), []
    command.run(YES, notes.append)
    (process,) = command._running
    assert finished(command, notes) == ["command false failed with exit code 1"]
    with pytest.raises(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)


def test_program_that_does_not_start(tmp_path: Path) -> None:
    command, notes = Command(f"{tmp_path}/{{keyword}}"), []
    command.run(YES, notes.append)
    assert len(notes) == 1
    assert "does not start" in notes[0]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("echo {word}", "unknown placeholder {word}"),
        ("echo {}", "unknown placeholder {}"),
        ("echo {keyword.__class__}", "unknown placeholder"),
        ("echo {score:{width}}", "cannot be read"),
        ("echo {keyword:d}", "cannot be read"),
        ("echo {", "cannot be read"),
        ("echo 'yes", "No closing quotation"),
        ("", "command is empty"),
        ("no-such-program-anywhere", "no program"),
    ],
)
def test_templates_that_cannot_be_filled_in(template: str, message: str) -> None:
    with pytest.raises(ActionError) as error:
        Command(template)
    assert message in str(error.value)


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 30_000), min_size=1, max_size=30))
def test_the_second_around_the_window_is_saved(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    samples = np.random.default_rng(1).integers(-9_000, 9_000, 60_000).astype(np.int16)
    ends = [SPEC.window + column * SPEC.hop for column in (54, 70, 160)]
    folder = tmp_path_factory.mktemp("saved")
    recorder = Recorder(folder, SPEC)
    first = 0
    for size in [*sizes, len(samples)]:
        block = samples[first : first + size]
        last = first + len(block)
        recorder.push(
            block, [Detection(0, "no", 255, e / 16_000) for e in ends if first < e <= last]
        )
        first = last
    recorder.close()
    saved = sorted(folder.iterdir())
    assert [p.name for p in saved] == [f"{e / 16_000:09.3f}-no.wav" for e in ends]
    for path, end in zip(saved, ends, strict=True):
        sound, rate = soundfile.read(path, dtype="int16")
        middle = end - SPEC.samples // 2
        assert rate == SPEC.sample_rate
        np.testing.assert_array_equal(sound, samples[max(0, middle - 8_000) : middle + 8_000])


def test_what_the_end_cuts_short_is_saved(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, SPEC)
    recorder.push(np.ones(SPEC.samples, np.int16), [Detection(54, "go", 255, SPEC.samples / 16e3)])
    assert not list(tmp_path.iterdir())
    recorder.close()
    (path,) = tmp_path.iterdir()
    assert soundfile.info(path).frames == SPEC.samples


def test_earlier_recordings_stay(tmp_path: Path) -> None:
    for _ in range(3):
        recorder = Recorder(tmp_path, SPEC)
        recorder.push(np.ones(30_000, np.int16), [YES])
        recorder.close()
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["00001.616-yes-2.wav", "00001.616-yes-3.wav", "00001.616-yes.wav"]


def test_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ActionError, match="expected a folder to save in"):
        Recorder(tmp_path / "file" / "folder", SPEC)
