"""kws-listen --engine: both engines give the same, and each says what it lacks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kws import listen, native
from kws.artefact import Artefact
from kws.golden import Golden
from kws.spotter import Spotter
from listening import as_json, start

Wave = NDArray[np.int16]

ENGINES = pytest.mark.parametrize("engine", [(), ("--engine", "native"), ("--engine", "tflite")])


@pytest.fixture(scope="module")
def expected(tiny: Artefact, talk: Wave) -> list[dict[str, object]]:
    return as_json(list(Spotter(tiny, Golden(tiny.model)).feed(talk)))


@ENGINES
def test_file(
    engine: tuple[str, ...],
    tiny: Artefact,
    wav: Path,
    expected: list[dict[str, object]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--model", str(tiny.folder), "--json", "--wav", str(wav), *engine]
    assert listen.main(arguments) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == expected
    assert len(expected) > 5


@ENGINES
def test_pipe_in_pieces(
    engine: tuple[str, ...], tiny: Artefact, talk: Wave, expected: list[dict[str, object]]
) -> None:
    with start(tiny, "--json", "-", *engine) as process:
        assert process.stdin is not None
        data, sizes = talk.tobytes(), iter([1, 2, 7, 4_001, 30_000])
        while data:
            size = next(sizes, len(data))
            process.stdin.write(data[:size])
            process.stdin.flush()
            data = data[size:]
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert [json.loads(line) for line in out.splitlines()] == expected


def test_choices_reach_the_native_engine(
    tiny: Artefact, wav: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", str(tiny.folder), "--wav", str(wav), "--keywords", "up,no"]
    said = []
    for engine in ("native", "tflite"):
        assert listen.main([*arguments, "--threshold", "0.4", "--engine", engine]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert {line.split()[2] for line in said[0].splitlines()} == {"up", "no"}


def test_a_network_in_float_is_left_to_the_interpreter(
    wav: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listen.main(["--model", "st-float", "--wav", str(wav)]) == 0
    assert listen.main(["--model", "st-float", "--wav", str(wav), "--engine", "tflite"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) % 2 == 0
    assert lines[: len(lines) // 2] == lines[len(lines) // 2 :]
    assert listen.main(["--model", "st-float", "--wav", str(wav), "--engine", "native"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "DEQUANTIZE" in said.err


@pytest.mark.parametrize("there", [None, b"", b"int other;"], ids=["missing", "broken", "old"])
def test_a_library_that_cannot_be_used(
    there: bytes | None,
    tiny: Artefact,
    wav: Path,
    expected: list[dict[str, object]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    library = tmp_path / "libkws.so"
    if there == b"":
        library.touch()
    elif there:
        subprocess.run(
            ["cc", "-shared", "-x", "c", "-", "-o", str(library)], input=there, check=True
        )
    monkeypatch.setattr(native, "LIBRARY", library)
    arguments = ["--model", str(tiny.folder), "--json", "--wav", str(wav)]
    assert listen.main(arguments) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(expected)
    assert listen.main([*arguments, "--engine", "native"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(library) in said
    assert "make host" in said
