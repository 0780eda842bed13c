"""Whole networks in C: windows, streams, and the work in slices."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kws import native, structs
from kws.artefact import models_dir
from kws.golden import Golden
from kws.graph import Graph, read_graph
from kws.mfcc import Mfcc
from kws.native_network import NativeNetwork, c_plan
from kws.plan import Plan, window_plan
from kws.spec import FrontEnd
from kws.stream import stream_plan
from networks import random_batch, random_int8
from stream_networks import random_stream
from test_stream import random_columns, window_outputs
from twins import BAD_ARGUMENT, LIBRARIES, OK, ROOT

BACKENDS = pytest.mark.parametrize("library", LIBRARIES, ids=lambda path: path.stem)
MODELS = pytest.mark.parametrize("model", ["st-int8", "st-hybrid"])
SEEDS = st.integers(0, 2**32 - 1)

STRUCTS = {
    "kws_shape": structs.Shape,
    "kws_taps": structs.Taps,
    "kws_output": structs.Output,
    "kws_bits": structs.Bits,
    "kws_buffer": structs.Buffer,
    "kws_layer": structs.Layer,
    "kws_plan": structs.Plan,
    "kws_network": structs.Network,
    "kws_pool": structs.Pool,
    **{name: kind for name, kind in structs.OPTIONS.items() if kind is not structs.Pool},
}


def committed(model: str) -> Graph:
    return read_graph((models_dir() / model / "model.tflite").read_bytes())


def network(plan: Plan, library: Path) -> NativeNetwork:
    return NativeNetwork(plan, native.load(library))


def outputs(stream: NativeNetwork, columns: NDArray[np.int8]) -> dict[int, list[int]]:
    pushed = enumerate(map(stream.push, columns))
    return {at: output.tolist() for at, output in pushed if output is not None}


def test_structures(tmp_path: Path) -> None:
    """ctypes lays them out as C does."""
    ours = {kind for kind in ctypes.Structure.__subclasses__() if kind.__module__ == "kws.structs"}
    assert set(STRUCTS.values()) == ours
    expected, lines = [], []
    for name, kind in STRUCTS.items():
        fields = [field for field, *_ in kind._fields_]
        expected += [ctypes.sizeof(kind), *(getattr(kind, field).offset for field in fields)]
        lines += [f"sizeof(struct {name})", *(f"offsetof(struct {name}, {f})" for f in fields)]
    body = "".join(f'    printf("%zu\\n", {line});\n' for line in lines)
    source = tmp_path / "sizes.c"
    source.write_text(
        '#include <stdio.h>\n#include "kernels/kernels.h"\n#include "network.h"\n'
        f"int main(void)\n{{\n{body}}}\n"
    )
    program = tmp_path / "sizes"
    subprocess.run(["cc", f"-I{ROOT / 'firmware/src'}", "-o", program, source], check=True)
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    assert [int(line) for line in printed.split()] == expected


@BACKENDS
@MODELS
def test_model(model: str, library: Path) -> None:
    graph = committed(model)
    native_network = network(window_plan(graph), library)
    batch = random_batch(graph, np.random.default_rng(1), 8)
    batch = np.concatenate([batch, np.full_like(batch[:1], -128), np.full_like(batch[:1], 127)])
    got = [native_network.infer(window).tolist() for window in batch]
    assert got == Golden(graph).infer(batch).tolist()


@BACKENDS
@MODELS
def test_model_on_speech(
    model: str, library: Path, spec: FrontEnd, talk: NDArray[np.int16]
) -> None:
    graph = committed(model)
    columns = Mfcc(spec).clip(talk)
    windows = np.lib.stride_tricks.sliding_window_view(columns, spec.columns, axis=0)
    windows = windows[::23].swapaxes(1, 2)
    native_network = network(window_plan(graph), library)
    got = [native_network.infer(window).tolist() for window in windows]
    assert got == Golden(graph).infer(windows).tolist()


@BACKENDS
@settings(max_examples=40)
@given(seed=SEEDS)
def test_window(library: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = random_int8(rng)
    native_network = network(window_plan(graph), library)
    batch = random_batch(graph, rng, 3)
    got = [native_network.infer(window).tolist() for window in batch]
    assert got == Golden(graph).infer(batch).reshape(3, -1).tolist()


@BACKENDS
@settings(max_examples=40)
@given(seed=SEEDS)
def test_stream(library: Path, seed: int) -> None:
    """Equal to the windows, from the start and after a reset in mid-stream."""
    rng = np.random.default_rng(seed)
    graph = random_stream(rng)
    plan = stream_plan(graph)
    stream = network(plan, library)
    columns = random_columns(graph, rng, 3 * plan.stride + 2)
    expected = window_outputs(graph, columns, plan.stride)
    assert outputs(stream, columns) == expected
    for column in columns[: int(rng.integers(1, len(columns)))]:
        stream.push(column)
    stream.reset()
    assert outputs(stream, columns) == expected


@BACKENDS
def test_a_pad_that_reaches_beyond_a_kernels_first_tap(library: Path) -> None:
    """A network that random streams came upon: of 3 x 3 taps the last place has one column."""
    rng = np.random.default_rng(5641)
    graph = random_stream(rng)
    plan = stream_plan(graph)
    columns = random_columns(graph, rng, 2 * plan.stride)
    expected = window_outputs(graph, columns, plan.stride)
    assert outputs(network(plan, library), columns) == expected


@settings(max_examples=20)
@given(seed=SEEDS)
def test_slices(seed: int) -> None:
    """Two streams whose layers run in turns do not disturb each other; nor does a reset amidst."""
    rng = np.random.default_rng(seed)
    graph = random_stream(rng)
    plan = stream_plan(graph)
    streams = [NativeNetwork(plan) for _ in range(2)]
    inputs = [random_columns(graph, rng, 2 * plan.stride) for _ in streams]
    expected = [window_outputs(graph, columns, plan.stride) for columns in inputs]
    got: list[dict[int, list[int]]] = [{} for _ in streams]
    for stream, columns in zip(streams, inputs, strict=True):
        for column in columns[: int(rng.integers(1, len(columns)))]:
            stream.push(column)
        stream.start(columns[0])
        stream.work()
        stream.reset()
        assert stream.output() is None
        assert not stream.work()
    for at in range(len(inputs[0])):
        for stream, columns in zip(streams, inputs, strict=True):
            stream.start(columns[at])
        unfinished = streams
        while unfinished:
            unfinished = [stream for stream in unfinished if stream.work()]
            assert all(stream.output() is None for stream in unfinished)
        for stream, seen in zip(streams, got, strict=True):
            if (output := stream.output()) is not None:
                seen[at] = output.tolist()
    assert got == expected


def test_slices_of_a_window() -> None:
    """One layer at a time; the output is there after the last."""
    graph = committed("st-int8")
    plan = window_plan(graph)
    native_network = NativeNetwork(plan)
    batch = random_batch(graph, np.random.default_rng(2), 2)
    assert native_network.output() is None
    for window, expected in zip(batch, Golden(graph).infer(batch), strict=True):
        native_network.start(window)
        for _ in plan.steps[1:]:
            assert native_network.work()
            assert native_network.output() is None
        assert not native_network.work()
        assert native_network.output().tolist() == expected.tolist()


def test_bad_arguments() -> None:
    library = native.require()
    plan = window_plan(committed("st-int8"))
    filled, alive = c_plan(plan, library)
    held, memory = structs.Network(), np.zeros(plan.arena // 8 + 1, np.int64)

    def init(at: object, what: object, arena: int | None, size: int) -> int:
        return int(library.kws_network_init(at, what, arena, size))

    address, good = memory.ctypes.data, (ctypes.byref(held), ctypes.byref(filled))
    assert init(*good, address, plan.arena) == OK
    assert init(*good, address, plan.arena - 1) == BAD_ARGUMENT
    assert init(*good, address, 0) == BAD_ARGUMENT
    assert init(*good, None, plan.arena) == BAD_ARGUMENT
    assert init(*good, address + 4, plan.arena) == BAD_ARGUMENT
    assert init(None, good[1], address, plan.arena) == BAD_ARGUMENT
    assert init(good[0], None, address, plan.arena) == BAD_ARGUMENT
    assert alive


def test_wrong_inputs() -> None:
    graph = random_stream(np.random.default_rng(3))
    window, stream = NativeNetwork(window_plan(graph)), NativeNetwork(stream_plan(graph))
    shape = graph.tensors[graph.inputs[0]].shape[1:]
    codes = np.zeros(shape, np.int8)
    with pytest.raises(ValueError, match="expected a stream's"):
        window.push(codes[0])
    with pytest.raises(ValueError, match="expected a window's"):
        stream.infer(codes)
    with pytest.raises(ValueError, match="input is int16"):
        window.infer(codes.astype(np.int16))
    with pytest.raises(ValueError, match=f"expected int8 of {codes[0].size} values"):
        stream.push(codes)
