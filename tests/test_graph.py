from __future__ import annotations

import dataclasses
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.errors import ArtefactError
from kws.graph import (
    Graph,
    Tensor,
    flash_bytes,
    layer_costs,
    macs,
    ram_estimate,
    read_graph,
)
from kws.spec import FrontEnd
from kws_train.export_tflite import Builder, Quant
from kws_train.write_tflite import write_graph
from networks import paper_network, random_float, random_int8
from tiny_model import tiny_model

STEP = Quant(0.1, 0)


def same_tensors(a: Tensor, b: Tensor) -> bool:
    """Equal in every field, to the bit."""
    for field in dataclasses.fields(Tensor):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if isinstance(x, np.ndarray):
            if x.dtype != y.dtype or not np.array_equal(x, y):
                return False
        elif x != y:
            return False
    return True


@pytest.mark.parametrize("make", [random_int8, random_float])
@pytest.mark.parametrize("seed", range(10))
def test_what_is_written_is_read(make, seed):
    graph = make(np.random.default_rng(seed), "grüße")
    back = read_graph(write_graph(graph))
    assert back.description == "grüße"
    assert (back.nodes, back.inputs, back.outputs) == (graph.nodes, graph.inputs, graph.outputs)
    assert len(back.tensors) == len(graph.tensors)
    assert all(map(same_tensors, back.tensors, graph.tensors))


def small_graph(binary: bool) -> Graph:
    """Convolution, pool and a dense layer whose costs are counted by hand below."""
    builder = Builder((1, 10, 8, 1), STEP)
    codes = np.ones((4, 3, 3, 1), np.int8) * 5
    codes[0, 0, 0, 0] = 7
    x = builder.conv(builder.input, codes, np.zeros(4), weight_scale=[0.1] * 4, out=STEP)
    x = builder.depthwise(
        x, codes.transpose(3, 1, 2, 0), np.zeros(4), weight_scale=[0.1] * 4, out=STEP, stride=(2, 2)
    )
    x = builder.max_pool(x, (2, 2))
    rows = np.where(np.arange(30 * 16).reshape(30, 16) % 3, 1, -1).astype(np.int8)
    if not binary:
        rows[3, 3] = 0
    x = builder.dense(x, rows, np.zeros(30), weight_scale=0.1, out=STEP)
    return builder.graph(builder.softmax(x), "costs")


def test_macs_are_counted_by_layer():
    costs = {row.op: row.macs for row in layer_costs(small_graph(False)) if row.macs}
    assert costs == {
        "CONV_2D": 10 * 8 * 4 * 9,
        "DEPTHWISE_CONV_2D": 5 * 4 * 4 * 9,
        "FULLY_CONNECTED": 30 * 16,
    }
    assert macs(small_graph(False)) == sum(costs.values())


def test_flash_is_weights_biases_and_weight_scales():
    convolutions = 2 * (36 + 4 * 4 + 4 * 4)
    assert flash_bytes(small_graph(False)) == convolutions + 480 + 30 * 4 + 4


def test_two_valued_weights_take_a_bit():
    graph = small_graph(True)
    convolutions = 2 * (36 + 4 * 4 + 4 * 4)
    assert flash_bytes(graph) == convolutions + 480 // 8 + 30 * 4 + 4
    assert flash_bytes(graph, packed=False) == convolutions + 480 + 30 * 4 + 4


@pytest.mark.parametrize(
    ("codes", "expected"),
    [([1, -1, 1], True), ([-3, 3], True), ([1, 1], True), ([1, 2], False), ([0, 0], False)],
)
def test_two_valued_is_one_magnitude(codes, expected):
    codes = np.array(codes, np.int8)
    empty = np.zeros(0)
    tensor = Tensor("w", codes.shape, "int8", empty.astype("f4"), empty.astype("i8"), 0, codes)
    assert tensor.two_valued is expected


def test_a_shared_constant_is_charged_once():
    graph = small_graph(False)
    twice = dataclasses.replace(graph, nodes=(*graph.nodes, *graph.nodes))
    assert flash_bytes(twice) == flash_bytes(graph)
    assert macs(twice) == 2 * macs(graph)


def test_ram_is_what_lives_at_once():
    # the convolution's output beside its input, then beside the depthwise layer's output
    assert ram_estimate(small_graph(False)) == max(80 + 320, 320 + 80)
    builder = Builder((1, 4, 4, 1), STEP)
    long = builder.max_pool(builder.input, (1, 1))
    short = builder.max_pool(long, (1, 1))
    short = builder.max_pool(short, (1, 1))
    graph = builder.graph(builder.add(long, short, STEP), "a tensor that is kept")
    assert ram_estimate(graph) == 3 * 16


def test_the_papers_float_network_has_the_papers_weights():
    graph = read_graph(paper_network(np.random.default_rng(0), quantised=False))
    assert flash_bytes(graph) == 2_225_384


def test_other_files_are_refused():
    with pytest.raises(ArtefactError, match="TFL3"):
        read_graph(b"RIFF0000WAVE")
    with pytest.raises(ArtefactError, match="TFL3"):
        read_graph(b"")


MODEL = tiny_model(FrontEnd(columns=3), 4, seed=1)


@settings(deadline=None)
@given(st.integers(0, len(MODEL) - 1))
def test_a_truncated_file_is_refused_or_read(length):
    try_to_read(MODEL[:length])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(8, len(MODEL) - 1), st.integers(0, 255)), max_size=8))
def test_a_corrupt_file_is_refused_or_read(changes):
    data = bytearray(MODEL)
    for place, value in changes:
        data[place] = value
    try_to_read(bytes(data))


def try_to_read(data: bytes) -> None:
    with suppress(ArtefactError):
        assert isinstance(read_graph(data), Graph)
