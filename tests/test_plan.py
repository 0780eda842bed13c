from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.errors import ArtefactError
from kws.golden import Golden
from kws.graph import Graph
from kws.native_network import NativeNetwork
from kws.plan import Claim, Plan, lay_out, window_plan
from kws_train.export_tflite import Builder, Handle, Quant
from networks import random_batch, random_int8
from stream_networks import random_stream

SEEDS = st.integers(0, 2**32 - 1)
QUANT = Quant(1 / 32, 3)
CODES = np.arange(-60, 60, dtype=np.int8)


def conv(builder: Builder, x: Handle, kernel: tuple[int, int], **options: Any) -> Handle:
    weights = np.resize(CODES, (4, *kernel, x.shape[3]))
    return builder.conv(x, weights, np.arange(4), weight_scale=0.01, out=QUANT, **options)


def network(make: Callable[[Builder, Handle], Handle], shape: tuple[int, ...]) -> Graph:
    builder = Builder((1, *shape), QUANT)
    return builder.graph(make(builder, builder.input), "a test")


def same_as_golden(graph: Graph, plan: Plan, rng: np.random.Generator) -> None:
    native = NativeNetwork(plan)
    for window in random_batch(graph, rng, 3):
        assert native.infer(window).tolist() == Golden(graph).infer(window).reshape(-1).tolist()


# -- memory ----------------------------------------------------------------------------------------
CLAIMS = st.lists(
    st.tuples(st.integers(1, 300), st.integers(0, 9), st.integers(0, 9)).map(
        lambda claim: Claim(claim[0], min(claim[1:]), max(claim[1:]))
    ),
    min_size=1,
    max_size=12,
)


@given(CLAIMS, st.lists(st.integers(0, 200), min_size=10, max_size=10))
def test_what_lives_at_once_does_not_overlap(claims: list[Claim], scratch: list[int]) -> None:
    offsets, work, end = lay_out(claims, scratch)
    assert all(offset % 4 == 0 for offset in (*offsets, work))
    for step, need in enumerate(scratch):
        used = [
            (offset, offset + claim.size)
            for offset, claim in zip(offsets, claims, strict=True)
            if claim.first <= step <= claim.last
        ]
        if need:
            used.append((work, work + need))
        used.sort()
        assert all(a[1] <= b[0] for a, b in pairwise(used))
        assert all(stop <= end for _, stop in used)


def test_a_chain_needs_two_buffers_at_once() -> None:
    claims = [Claim(100, i - 1, i) for i in range(8)]
    assert lay_out(claims, [0] * 8)[2] == 200


# -- networks --------------------------------------------------------------------------------------
@settings(max_examples=40)
@given(SEEDS, st.sampled_from([random_int8, random_stream]))
def test_plans_equal_the_golden_model(seed: int, make: Callable[..., Graph]) -> None:
    rng = np.random.default_rng(seed)
    graph = make(rng)
    same_as_golden(graph, window_plan(graph), rng)


def test_a_kernel_as_wide_as_its_input_reads_deep_columns() -> None:
    graph = network(lambda b, x: conv(b, x, (3, 5), padding="VALID", stride=(1, 5)), (9, 5, 2))
    (step,) = window_plan(graph).steps
    assert step.options["in"] == {"height": 9, "width": 1, "depth": 10}
    assert (step.options["taps"]["width"], step.options["out"]["width"]) == (1, 1)
    assert step.macs == 7 * 4 * 3 * 10


def test_a_pad_becomes_the_convolutions_own() -> None:
    def make(builder: Builder, x: Handle) -> Handle:
        x = builder.pad(x, [(0, 0), (2, 1), (0, 3), (0, 0)])
        return conv(builder, x, (3, 3), padding="VALID", stride=(2, 1))

    graph = network(make, (8, 5, 2))
    plan = window_plan(graph)
    (step,) = plan.steps
    assert (step.options["taps"]["top"], step.options["taps"]["left"]) == (2, 0)
    same_as_golden(graph, plan, np.random.default_rng(0))


def test_a_pad_that_two_layers_read_stays() -> None:
    def make(builder: Builder, x: Handle) -> Handle:
        x = builder.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
        y, z = (conv(builder, x, (3, 3), padding="VALID") for _ in range(2))
        return builder.add(y, z, QUANT)

    graph = network(make, (8, 5, 2))
    plan = window_plan(graph)
    assert [step.kernel for step in plan.steps] == ["kws_pad", "kws_conv", "kws_conv", "kws_add"]
    same_as_golden(graph, plan, np.random.default_rng(0))


def test_a_crop_is_a_row_of_the_same_buffer() -> None:
    def make(builder: Builder, x: Handle) -> Handle:
        return builder.add(builder.crop(x, 2, 5), builder.crop(x, 3, 5), QUANT)

    graph = network(make, (9, 4, 2))
    plan = window_plan(graph)
    (step,) = plan.steps
    assert (step.a, step.b, step.first_a, step.first_b) == (0, 0, 2, 3)
    same_as_golden(graph, plan, np.random.default_rng(0))


def test_two_values_take_a_bit_each() -> None:
    def make(builder: Builder, x: Handle) -> Handle:
        weights = np.where(np.arange(3 * 40) % 7 < 3, 5, -5).astype(np.int8).reshape(3, 40)
        return builder.dense(x, weights, None, weight_scale=0.01, out=QUANT)

    graph = network(make, (5, 8, 1))
    (step,) = window_plan(graph).steps
    bits = step.options["weights"]
    assert (step.kernel, bits["magnitude"], len(bits["words"])) == ("kws_dense_1bit", 5, 3 * 2)
    found = [
        int(bits["words"][2 * row + i // 32]) >> i % 32 & 1 for row in range(3) for i in range(40)
    ]
    assert found == [int(i % 7 < 3) for i in range(3 * 40)]
    assert all(int(word) >> 8 == 0 for word in bits["words"][1::2])


# -- what cannot be --------------------------------------------------------------------------------
def dequantised(builder: Builder, x: Handle) -> Handle:
    return builder.quantize(builder.elu(builder.dequantize(x)))


def grouped(graph: Graph) -> Graph:
    return with_tensor(graph, 0, shape=(1, 9, 4, 4))


def with_tensor(graph: Graph, index: int, **changes: Any) -> Graph:
    tensors = list(graph.tensors)
    tensors[index] = replace(tensors[index], **changes)
    return replace(graph, tensors=tuple(tensors))


def with_node(graph: Graph, **changes: Any) -> Graph:
    return replace(graph, nodes=(replace(graph.nodes[0], **changes),))


ONE_CONV = network(lambda b, x: conv(b, x, (3, 3)), (9, 4, 2))
WRONG = {
    "operator": (with_node(ONE_CONV, op="CUSTOM"), "node 0 CUSTOM ('conv_2d_0'): not supported"),
    "float inside": (network(dequantised, (9, 4, 2)), "node 0 DEQUANTIZE"),
    "float input": (with_tensor(ONE_CONV, 0, dtype="float32"), "the input 'input' is float32"),
    "groups": (grouped(ONE_CONV), "weights of depth 2 on 4 channels; groups"),
    "batch": (with_tensor(ONE_CONV, 0, shape=(2, 9, 4, 2)), "expected a batch of one"),
    "five axes": (with_tensor(ONE_CONV, 0, shape=(1, 9, 4, 2, 1)), "(1, 9, 4, 2, 1)"),
    "no weights": (with_tensor(ONE_CONV, 1, data=None), "no node before makes 'conv_2d_0/weights'"),
    "its own input": (with_node(ONE_CONV, inputs=(3, 1, 2)), "no node before makes 'conv_2d_0'"),
    "its own bias": (with_node(ONE_CONV, inputs=(0, 1, 3)), "no node before makes 'conv_2d_0'"),
    "zero point": (with_tensor(ONE_CONV, 1, zero_points=np.array([4])), "zero point that is not 0"),
    "scales": (with_tensor(ONE_CONV, 1, scales=np.ones(3, np.float32)), "3 scales for 4 channels"),
    "bias": (with_tensor(ONE_CONV, 2, dtype="int64"), "biases are int64 (4,); expected int32 [4]"),
    "no scale": (
        with_tensor(ONE_CONV, 3, scales=np.zeros(0, np.float32)),
        "expected one of each",
    ),
    "overflow": (
        with_tensor(ONE_CONV, 3, scales=np.array([1e-9], np.float32)),
        "more than 32 bits",
    ),
    "softmax": (
        with_tensor(
            network(lambda b, x: b.softmax(x), (1, 1, 4)), 1, scales=np.array([1 / 128], np.float32)
        ),
        "expected 1/256, -128",
    ),
    "output": (network(lambda b, x: b.crop(conv(b, x, (3, 3)), 2, 3), (9, 4, 2)), "a part of"),
    "nothing": (network(lambda b, x: b.reshape(x, (1, 72)), (9, 4, 2)), "a part of"),
}


@pytest.mark.parametrize("case", WRONG)
def test_one_line_says_what_cannot_be_and_where(case: str) -> None:
    graph, why = WRONG[case]
    with pytest.raises(ArtefactError) as error:
        window_plan(graph)
    assert why in str(error.value)
    assert "\n" not in str(error.value)
