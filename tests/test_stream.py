from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.golden import Golden
from kws.golden_stream import GoldenStream
from kws.graph import Graph
from kws.stream import stream_plan
from stream_networks import random_stream

SEEDS = st.integers(0, 2**32 - 1)


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


def stream_outputs(stream: GoldenStream, columns: np.ndarray) -> dict[int, list[int]]:
    pushed = enumerate(map(stream.push, columns))
    return {at: output.tolist() for at, output in pushed if output is not None}


def random_columns(graph: Graph, rng: np.random.Generator, extra: int) -> np.ndarray:
    shape = graph.tensors[graph.inputs[0]].shape
    return rng.integers(-128, 128, (shape[1] + extra, *shape[2:])).astype(np.int8)


@settings(max_examples=40)
@given(SEEDS)
def test_streams_equal_windows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = random_stream(rng)
    stream = GoldenStream(graph)
    assert stream.stride == stream_plan(graph).stride
    columns = random_columns(graph, rng, 3 * stream.stride + 2)
    expected = window_outputs(graph, columns, stream.stride)
    assert stream_outputs(stream, columns) == expected
    for column in columns[: int(rng.integers(1, len(columns)))]:
        stream.push(column)
    stream.reset()
    assert stream_outputs(stream, columns) == expected
