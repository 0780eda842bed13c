"""Streams: the twins in Python and C against windows of the golden model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.errors import ArtefactError
from kws.golden import Golden
from kws.golden_stream import GoldenStream
from kws.graph import Graph
from kws.native_network import NativeNetwork
from kws.plan import window_plan
from kws.stream import stream_plan
from kws_train.export_tflite import Builder, Handle, Quant
from stream_networks import random_stream
from twins import TWINS

SEEDS = st.integers(0, 2**32 - 1)
QUANT = Quant(1 / 32, 3)


class CStream(NativeNetwork):
    """`GoldenStream` over firmware/src/network.c."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(stream_plan(graph))


STREAM = {"python": GoldenStream, "c": CStream}


def window_outputs(graph: Graph, columns: np.ndarray, stride: int) -> dict[int, list[int]]:
    """What the windows give that begin at every stride-th column, by their last column."""
    length = graph.tensors[graph.inputs[0]].shape[1]
    starts = range(0, len(columns) - length + 1, stride)
    windows = np.stack([columns[start : start + length] for start in starts])
    outputs = Golden(graph).infer(windows)
    return {
        start + length - 1: output.reshape(-1).tolist()
        for start, output in zip(starts, outputs, strict=True)
    }


def stream_outputs(stream: Any, columns: np.ndarray) -> dict[int, list[int]]:
    pushed = enumerate(map(stream.push, columns))
    return {at: output.tolist() for at, output in pushed if output is not None}


def random_columns(graph: Graph, rng: np.random.Generator, extra: int) -> np.ndarray:
    shape = graph.tensors[graph.inputs[0]].shape
    return rng.integers(-128, 128, (shape[1] + extra, *shape[2:])).astype(np.int8)


@TWINS
@settings(max_examples=40)
@given(seed=SEEDS)
def test_streams_equal_windows(twin: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = random_stream(rng)
    stream, stride = STREAM[twin](graph), stream_plan(graph).stride
    columns = random_columns(graph, rng, 3 * stride + 2)
    expected = window_outputs(graph, columns, stride)
    assert stream_outputs(stream, columns) == expected
    for column in columns[: int(rng.integers(1, len(columns)))]:
        stream.push(column)
    stream.reset()
    assert stream_outputs(stream, columns) == expected


# -- what it takes ---------------------------------------------------------------------------------
def conv(builder: Builder, x: Handle, rows: int, **options: Any) -> Handle:
    weights = np.resize(np.arange(-60, 60, dtype=np.int8), (4, rows, x.shape[2], x.shape[3]))
    options = {"padding": "VALID"} | options
    return builder.conv(x, weights, None, weight_scale=0.01, out=QUANT, **options)


def dense(builder: Builder, x: Handle) -> Handle:
    weights = np.resize(np.arange(-60, 60, dtype=np.int8), (3, int(np.prod(x.shape))))
    return builder.dense(x, weights, None, weight_scale=0.01, out=QUANT)


def network(make: Callable[[Builder, Handle], Handle]) -> Graph:
    builder = Builder((1, 20, 5, 1), QUANT)
    return builder.graph(make(builder, builder.input), "a test")


def test_each_tensor_keeps_the_rows_that_are_needed() -> None:
    def make(builder: Builder, x: Handle) -> Handle:
        x = conv(builder, x, 3)
        x = builder.max_pool(conv(builder, x, 4, stride=(1, 1)), (2, 1))
        return dense(builder, x)

    plan = stream_plan(network(make))
    # the pool's last rows are not the newest: 15 rows make 7
    assert [buffer.rows for buffer in plan.buffers] == [4, 5, 3, 7, 1]
    assert [step.rows for step in plan.steps] == [2, 2, 1, 1]
    assert [step.options.get("in", {}).get("height") for step in plan.steps] == [4, 5, 2, None]
    assert (plan.stride, plan.columns) == (2, 20)


def test_a_shortcut_waits_in_its_own_buffer() -> None:
    def make(builder: Builder, x: Handle) -> Handle:
        x = conv(builder, x, 1)
        y = conv(builder, x, 5)
        return dense(builder, builder.add(builder.crop(x, 1, 16), y, QUANT))

    plan = stream_plan(network(make))
    assert [buffer.rows for buffer in plan.buffers] == [1, 5, 1, 16, 1]
    add = plan.steps[2]
    assert (add.a, add.first_a, add.b, add.first_b) == (1, 1, 2, 0)


def test_a_stream_needs_less_memory() -> None:
    def make(builder: Builder, x: Handle) -> Handle:
        for _ in range(3):
            x = conv(builder, x, 3)
        return builder.mean(x)

    graph = network(make)
    assert stream_plan(graph).arena < window_plan(graph).arena


def same(builder: Builder, x: Handle) -> Handle:
    return dense(builder, conv(builder, x, 3, padding="SAME"))


def padded(builder: Builder, x: Handle) -> Handle:
    return dense(builder, conv(builder, builder.pad(x, [(0, 0), (1, 0), (0, 0), (0, 0)]), 3))


def other_strides(builder: Builder, x: Handle) -> Handle:
    slow = builder.crop(conv(builder, x, 2, stride=(2, 1)), 0, 8)
    return dense(builder, builder.add(slow, builder.crop(conv(builder, x, 3), 4, 8), QUANT))


def still_in_time(builder: Builder, x: Handle) -> Handle:
    return conv(builder, x, 3)


def changing_constant(builder: Builder, x: Handle) -> Handle:
    codes = np.arange(100, dtype=np.int8).reshape(1, 20, 5, 1)
    return dense(builder, builder.add_constant(x, codes, 0.1, QUANT))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (same, "node 0 CONV_2D ('conv_2d_0'): cannot stream: it pads time by 2"),
        (padded, "node 1 CONV_2D ('conv_2d_1'): cannot stream: it pads time by 1"),
        (other_strides, "cannot stream: rows every 2 and 1 columns meet"),
        (still_in_time, "cannot stream: puts out 18 rows of time, not one"),
        (changing_constant, "changes from row to row cannot stream"),
    ],
)
def test_what_cannot_stream(make: Callable[[Builder, Handle], Handle], why: str) -> None:
    graph = network(make)
    window_plan(graph)
    with pytest.raises(ArtefactError) as error:
        stream_plan(graph)
    assert why in str(error.value)
