"""kws-listen on recordings: what it prints, its options, its errors."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kws import __version__
from kws.action import Recorder
from kws.artefact import Artefact
from kws.audio import read_audio
from kws.decide import Detection
from kws.display import LOWEST_DB, level_db, live_line
from kws.listen import main
from kws.microphone import Device
from kws.sources import FileSource
from kws.spotter import Spotter
from listening import SUMMARY, as_json

Wave = NDArray[np.int16]
Listen = Callable[..., tuple[int, list[str], list[str]]]


@pytest.fixture(scope="module")
def expected(tiny: Artefact, talk: Wave) -> list[Detection]:
    return list(Spotter(tiny).feed(talk))


@pytest.fixture
def listen(tiny: Artefact, capsys: pytest.CaptureFixture[str]) -> Listen:
    """Runs the command line; its exit code and its lines on standard output and error."""

    def run(*args: str | Path) -> tuple[int, list[str], list[str]]:
        try:
            code = main(["--model", str(tiny.folder), *map(str, args)])
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return run


def test_file(listen: Listen, wav: Path, expected: list[Detection]) -> None:
    code, out, err = listen("--wav", wav)
    assert code == 0
    assert [line.split() for line in out] == [
        [f"{d.time:.2f}", "s", d.keyword, f"{d.score:.2f}"] for d in expected
    ]
    assert len(err) == 1
    summary = SUMMARY.fullmatch(err[0])
    assert summary is not None
    assert summary.groups()[1:] == (str(len(expected)), "0")


def test_json_lines(listen: Listen, wav: Path, expected: list[Detection]) -> None:
    code, out, _ = listen("--wav", wav, "--json")
    assert code == 0
    assert [json.loads(line) for line in out] == as_json(expected)


def test_any_rate_and_channels(listen: Listen, tiny: Artefact, talk: Wave, tmp_path: Path) -> None:
    path = tmp_path / "stereo.flac"
    soundfile.write(path, np.stack([talk, talk // 2], axis=1), 44_100)
    code, out, _ = listen("--wav", path, "--json")
    assert code == 0
    assert out
    heard = Spotter(tiny).feed(read_audio(path, 16_000))
    assert [json.loads(line) for line in out] == as_json(list(heard))


def test_real_time_takes_as_long_as_the_audio(
    listen: Listen, talk: Wave, expected: list[Detection], tmp_path: Path
) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, talk[:12_000], 16_000)
    begin = time.monotonic()
    code, out, _ = listen("--wav", path, "--json", "--realtime")
    assert code == 0
    assert 0.7 <= time.monotonic() - begin < 10
    heard = [d for d in expected if d.time <= 12_000 / 16_000]
    assert [json.loads(line) for line in out] == as_json(heard)


@settings(max_examples=8, deadline=None)
@given(block=st.integers(1, 40_000))
def test_file_in_any_blocks(
    tiny: Artefact, wav: Path, expected: list[Detection], block: int
) -> None:
    spotter = Spotter(tiny)
    source = FileSource(wav, 16_000, max(block, 64))
    assert [d for part in source.blocks() for d in spotter.feed(part)] == expected


def test_level() -> None:
    assert level_db(np.full(100, -32_768, np.int16)) == pytest.approx(0)
    assert level_db(np.full(100, 3277, np.int16)) == pytest.approx(-20, abs=0.01)
    assert level_db(np.zeros(100, np.int16)) == level_db(np.zeros(0, np.int16)) == LOWEST_DB
    assert "3 overflows" in live_line(-20.0, None, 1.0, 3).plain


def test_threshold_and_keywords(listen: Listen, wav: Path, expected: list[Detection]) -> None:
    _, out, _ = listen("--wav", wav, "--json", "--threshold", "0.9", "--keywords", "up, no")
    heard = [json.loads(line) for line in out]
    assert 0 < len(heard) < len(expected)
    assert {line["keyword"] for line in heard} <= {"up", "no"}
    assert min(line["score"] for line in heard) >= 0.89


def test_command_at_each_detection(
    listen: Listen, wav: Path, expected: list[Detection], tmp_path: Path
) -> None:
    code, _, err = listen("--wav", wav, "--exec", f"touch {tmp_path}/{{keyword}}-{{time}}")
    assert code == 0
    assert len(err) == 1
    assert {p.name for p in tmp_path.iterdir()} == {
        f"{d.keyword}-{round(d.time, 3)}" for d in expected
    }


def test_failing_command_is_one_line_each(
    listen: Listen, wav: Path, expected: list[Detection]
) -> None:
    code, out, err = listen("--wav", wav, "--exec", "false {keyword}")
    assert code == 0
    assert len(out) == len(expected)
    said = sorted(line for line in err if "failed" in line)
    assert said == sorted(
        f"kws-listen: command false {d.keyword} failed with exit code 1" for d in expected
    )


def test_recordings(listen: Listen, wav: Path, expected: list[Detection], tmp_path: Path) -> None:
    assert listen("--wav", wav, "--record", tmp_path / "new" / "folder")[0] == 0
    saved = sorted((tmp_path / "new" / "folder").iterdir())
    assert [p.name for p in saved] == [f"{d.time:09.3f}-{d.keyword}.wav" for d in expected]


def test_recording_that_cannot_be_saved(
    listen: Listen, wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init = Recorder.__init__

    def full(self: Recorder, folder: Path, spec: object) -> None:
        init(self, folder, spec)  # type: ignore[arg-type]
        folder.rmdir()

    monkeypatch.setattr(Recorder, "__init__", full)
    code, _, err = listen("--wav", wav, "--record", tmp_path / "gone")
    assert code == 1
    assert len(err) == 1
    assert "cannot be saved" in err[0]


def test_digital_silence_is_said_once(listen: Listen, tmp_path: Path) -> None:
    path = tmp_path / "mute.wav"
    soundfile.write(path, np.zeros(10 * 16_000, np.int16), 16_000)
    _, _, err = listen("--wav", path)
    assert len(err) == 2
    assert err[0] == "kws-listen: only digital silence: is the microphone muted?"


def test_short_recording(listen: Listen, tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, np.ones(1_000, np.int16), 16_000)
    code, out, err = listen("--wav", path)
    assert (code, out, len(err)) == (0, [], 1)
    assert err[0].endswith("too short for the model's window of 0.3 s")


def test_models_and_version(
    listen: Listen, tiny: Artefact, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert listen("--version") == (0, [f"kws-listen {__version__}"], [])
    monkeypatch.setattr("kws.artefact.models_dir", lambda: tiny.folder.parent)
    broken = tiny.folder.parent / "broken"
    broken.mkdir()
    (broken / "manifest.json").write_text("{")
    code, out, err = listen("--list-models")
    assert (code, err) == (0, [])
    assert re.match(r"  broken +unusable: ", out[0])
    assert re.match(r"  tiny +[\d,]+ bytes  yes no up down", out[1])


ERRORS = {
    "missing file": (["--wav", "nowhere.wav"], 1, "nowhere.wav: no such file"),
    "folder": (["--wav", "/"], 1, "/: "),
    "no recording": (["--wav", __file__], 1, "not a recording"),
    "unknown model": (["--model", "nothing", "--wav", "x.wav"], 1, "no model 'nothing'"),
    "unknown keyword": (["--keywords", "maybe"], 1, "unknown keyword 'maybe'; the model knows"),
    "no keyword": (["--keywords", ","], 1, "no keyword to listen for"),
    "folder that cannot be": (["--record", __file__], 1, "expected a folder to save in"),
    "threshold": (["--threshold", "1.5"], 2, "threshold is '1.5'; expected above 0"),
    "threshold text": (["--threshold", "high"], 2, "threshold is 'high'"),
    "rate": (["-", "--rate", "0"], 2, "rate is '0'"),
    "option": (["--loud"], 2, "unrecognized arguments: --loud"),
    "positional": (["talk.wav"], 2, "talk.wav"),
    "two sources": (["-", "--wav", "x.wav"], 2, "exclude each other"),
    "paced pipe": (["-", "--realtime"], 2, "--realtime goes with --wav"),
    "rate of a file": (["--wav", "x.wav", "--rate", "8000"], 2, "--rate goes with"),
    "placeholder": (["--exec", "echo {word}"], 2, "unknown placeholder {word}"),
    "quotes": (["--exec", "echo 'yes"], 2, "No closing quotation"),
}


@pytest.mark.parametrize(("args", "expected_code", "message"), ERRORS.values(), ids=ERRORS)
def test_errors_are_one_line(
    listen: Listen, args: list[str], expected_code: int, message: str
) -> None:
    code, out, err = listen(*args)
    assert code == expected_code
    assert out == []
    assert len(err) == 1, err
    assert err[0].startswith("kws-listen: ")
    assert message in err[0]


def test_empty_recording(listen: Listen, tmp_path: Path) -> None:
    for name, content in (("none.wav", b""), ("header.wav", None)):
        path = tmp_path / name
        if content is None:
            soundfile.write(path, np.zeros(0, np.int16), 16_000)
        else:
            path.write_bytes(content)
        code, _, err = listen("--wav", path)
        assert code == 1
        assert len(err) == 1
        assert name in err[0]


def test_damaged_models_are_one_line(listen: Listen, tiny: Artefact, tmp_path: Path) -> None:
    for name, content, message in (
        ("manifest.json", b"{}", "damaged manifest: format is None"),
        ("model.tflite", b"TFL3", "sha256"),
    ):
        Artefact.save(tmp_path, tiny.manifest, tiny.model)
        (tmp_path / name).write_bytes(content)
        code, _, err = listen("--model", tmp_path, "--wav", "x.wav")
        assert code == 1
        assert len(err) == 1
        assert message in err[0]


def test_microphones(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    devices: list[Device] = []
    monkeypatch.setattr("kws.microphone.input_devices", lambda: devices)
    message = "kws-listen: no microphone found; plug one in, or read a file with --wav FILE"
    assert listen() == listen("--list-devices") == (1, [], [message])
    devices += [
        Device(0, "USB Audio", "ALSA", 1, 48_000, default=False),
        Device(3, "default", "ALSA", 32, 44_100, default=True),
    ]
    assert listen("--list-devices") == (
        0,
        [
            "    0  USB Audio  (ALSA, 1 in, 48000 Hz)",
            "*   3  default  (ALSA, 32 in, 44100 Hz)",
        ],
        [],
    )
