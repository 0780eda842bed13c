"""kws-verify finds what differs, where it differs, and what is missing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kernel_shapes import conv
from kws import comparison, native, verification
from kws.artefact import Artefact
from kws.errors import MismatchError
from kws.graph import Graph, read_graph
from kws.mfcc import Mfcc
from kws.plan import Plan, window_plan
from kws.stream import stream_plan
from kws.verification import NativeMfcc, verify
from kws.verify import main
from kws_train.write_tflite import write_graph
from networks import ORACLES, random_int8
from stream_model import STRIDE, stream_artefact

Planner = Callable[[Graph], Plan]
RUNS = "7"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    """A small one that can stream."""
    return stream_artefact(tmp_path_factory.mktemp("models") / "small")


def biased(make: Planner) -> Planner:
    """A planner whose last weights are next to a bias that is 999 too large."""

    def wrong(graph: Graph) -> Plan:
        plan = make(graph)
        at = max(i for i, step in enumerate(plan.steps) if "bias" in step.options)
        bias = plan.steps[at].options["bias"].copy()
        bias[1] += 999
        step = dataclasses.replace(plan.steps[at], options={**plan.steps[at].options, "bias": bias})
        return dataclasses.replace(plan, steps=(*plan.steps[:at], step, *plan.steps[at + 1 :]))

    return wrong


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_windows(capsys: pytest.CaptureFixture[str], model: Artefact) -> None:
    found = printed(capsys, str(model.folder))
    labels = len(model.manifest.labels)
    assert (found["cpu"], found["stride"], found["inputs"], found["differ"]) == ("host", 0, 100, 0)
    references = {one["reference"]: one["values"] for one in found["comparisons"]}
    assert references.pop("the front-end in Python") > 1_000
    assert references.pop("the golden model") == 100 * labels
    assert list(references.values()) == [100 * labels] * ("tflite_micro" in ORACLES)
    assert [layer["kernel"] for layer in found["layers"]][-2:] == ["kws_dense", "kws_softmax"]
    assert found["flash"]["constants"] == sum(layer["flash"] for layer in found["layers"]) > 1_000
    assert found["ram"] == {"arena": window_plan(read_graph(model.model)).arena}


def test_a_file_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "any.tflite"
    path.write_bytes(write_graph(random_int8(np.random.default_rng(8))))
    assert main([str(path), "--runs", RUNS, "--kernels", "fast"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{path}, whole windows, kernels fast, on this machine\n")
    assert "differ from the golden model: 0 of" in out
    assert "front-end" not in out


def test_stream(capsys: pytest.CaptureFixture[str], model: Artefact) -> None:
    found = printed(capsys, str(model.folder), "--stream", "--runs", RUNS)
    assert (found["stride"], found["inputs"], found["differ"]) == (STRIDE, 7, 0)
    assert found["ram"] == {"arena": stream_plan(read_graph(model.model)).arena}


@pytest.mark.parametrize("cpu", ["m4", "m7"])
def test_emulated(capsys: pytest.CaptureFixture[str], model: Artefact, cpu: str) -> None:
    words = ["--stream", "--cpu", cpu] if cpu == "m7" else ["--cpu", cpu]
    found = printed(capsys, str(model.folder), "--runs", RUNS, *words)
    assert found["differ"] == 0
    assert all(one["cycles"] > one["instructions"] > one["macs"] for one in found["layers"])
    assert 0 <= found["flash"]["constants"] - sum(one["flash"] for one in found["layers"]) < 1_000
    assert 1_000 < found["flash"]["code"] < 20_000
    assert 100 < found["ram"]["stack"] < 2_000
    assert found["column_cycles"] > found["column_instructions"] > 10_000


@pytest.mark.parametrize("words", [[], ["--stream"], ["--cpu", "m4"]])
def test_a_wrong_bias_is_found(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    model: Artefact,
    words: list[str],
) -> None:
    for make in (window_plan, stream_plan):
        monkeypatch.setattr(verification, make.__name__, biased(make))
    assert main([str(model.folder), "--runs", RUNS, *words]) == 1
    found = capsys.readouterr()
    assert "differ from the front-end in Python: 0 of" in found.out
    assert found.err.startswith("kws-verify: ")
    assert "values differ from the golden model; value" in found.err
    assert found.err.count("\n") == 1


def test_a_wrong_front_end_is_found(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, model: Artefact
) -> None:
    class Off(NativeMfcc):
        def columns(self, frames: np.ndarray) -> np.ndarray:
            return np.asarray(super().columns(frames) ^ 1, np.int8)

    monkeypatch.setattr(verification, "NativeMfcc", Off)
    assert main([str(model.folder), "--runs", RUNS]) == 1
    assert "value 0 of input 0 (a frame of noise)" in capsys.readouterr().err


def test_outputs_in_wrong_columns_are_found(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, model: Artefact
) -> None:
    def late(graph: Graph) -> Plan:
        plan = stream_plan(graph)
        return dataclasses.replace(plan, columns=plan.columns + 1)

    monkeypatch.setattr(verification, "stream_plan", late)
    assert main([str(model.folder), "--stream"]) == 1
    rows = model.manifest.front_end.columns
    assert f"the stream gives no output in column {rows - 1} from" in capsys.readouterr().err


def test_a_reset_that_forgets_nothing_is_found(
    monkeypatch: pytest.MonkeyPatch, model: Artefact
) -> None:
    monkeypatch.setattr(verification.NativeNetwork, "reset", lambda _: None)
    with pytest.raises(MismatchError, match="after a reset"):
        verify(str(model.folder), 7, stream=True)


def test_inputs(model: Artefact) -> None:
    """Extremes first, each kind once, then random ones and noise, half and half."""
    rng, spec = np.random.default_rng(1), model.manifest.front_end
    columns = Mfcc(spec).columns(comparison.noise(spec, 60, rng))
    inputs = comparison.window_inputs(spec.columns, 10, rng, columns)
    assert inputs.kinds == (
        *comparison.EXTREMES,
        *["random"] * 3,
        *["noise through the front-end"] * 3,
    )
    assert inputs.windows.shape == (10, spec.columns, spec.coefficients)
    for window, values in zip(inputs.windows, [{-128}, {127}, {0}, {-128, 127}], strict=False):
        assert set(window.ravel().tolist()) == values
    assert len({window.tobytes() for window in inputs.windows}) == 10
    assert inputs.windows[7].tolist() == columns[: spec.columns].tolist()
    for runs in (1, 4, 5):
        assert len(comparison.window_inputs(9, runs, rng, columns).windows) == runs


def test_noise_is_loud_and_quiet(model: Artefact) -> None:
    frames = comparison.noise(model.manifest.front_end, 100, np.random.default_rng(2))
    peaks = np.abs(frames.astype(int)).max(axis=1)
    assert frames.shape == (100, model.manifest.front_end.window)
    assert peaks.min() < 100
    assert peaks.max() == 2**15


def test_without_a_compiler(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, model: Artefact
) -> None:
    monkeypatch.setattr("kws.emulate.COMPILER", "no-such-compiler")
    assert main([str(model.folder), "--cpu", "m4"]) == 1
    assert "run: sudo apt-get install gcc-arm-none-eabi" in capsys.readouterr().err


def test_with_a_compiler_that_fails(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    model: Artefact,
    tmp_path: Path,
) -> None:
    compiler = tmp_path / "compiler"
    compiler.write_text("#!/bin/sh\necho 'a.c:1: fatal error: string.h: none such' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setattr("kws.emulate.COMPILER", str(compiler))
    assert main([str(model.folder), "--cpu", "m4"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "compiler fails (a.c:1: fatal error: string.h: none such)" in said
    assert "libnewlib-arm-none-eabi" in said


def test_without_the_library(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    model: Artefact,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(native, "LIBRARY", tmp_path / "libkws.so")
    assert main([str(model.folder), "--kernels", "fast"]) == 1
    assert "make backends KERNELS=fast" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--runs", "0"], "--runs 0; expected at least 1"),
        (["--cpu", "m4", "--kernels", "simd"], "--kernels simd on m4"),
        (["--cpu", "m0"], "invalid choice"),
    ],
)
def test_usage(capsys: pytest.CaptureFixture[str], words: list[str], why: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["st-int8", *words])
    assert why in capsys.readouterr().err


def test_a_model_that_cannot_stream(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "padded.tflite"
    path.write_bytes(write_graph(conv((12, 1, 4), (3, 1), 4)))
    assert main([str(path), "--runs", RUNS]) == 0
    assert main([str(path), "--stream"]) == 1
    assert capsys.readouterr().err.startswith("kws-verify: node 0 CONV_2D ('conv_2d_0'): cannot")
