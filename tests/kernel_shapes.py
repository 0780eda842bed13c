"""The layers that the kernels are measured by, with random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.graph import Graph
from kws.plan import Plan
from kws_train.export_tflite import Builder, Quant

IN, OUT = Quant(0.05, -3), Quant(0.1, -128)


def _weights(shape: tuple[int, ...], bits: bool) -> NDArray[np.int8]:
    rng = np.random.default_rng(len(shape))
    return (rng.choice([-1, 1], shape) if bits else rng.integers(-127, 128, shape)).astype(np.int8)


def _bias(channels: int) -> NDArray[np.int32]:
    return np.random.default_rng(0).integers(-500, 500, channels).astype(np.int32)


def conv(
    shape: tuple[int, int, int],
    kernel: tuple[int, int],
    channels: int,
    bits: bool = False,
    **options: Any,
) -> Graph:
    builder = Builder((1, *shape), IN)
    weights = _weights((channels, *kernel, shape[2]), bits)
    scales = np.linspace(0.001, 0.002, channels)
    out = builder.conv(
        builder.input, weights, _bias(channels), weight_scale=scales, out=OUT, **options
    )
    return builder.graph(out, "convolution")


def depthwise(shape: tuple[int, int, int], kernel: tuple[int, int], **options: Any) -> Graph:
    builder = Builder((1, *shape), IN)
    weights = _weights((1, *kernel, shape[2]), False)
    scales = np.linspace(0.001, 0.002, shape[2])
    out = builder.depthwise(
        builder.input, weights, _bias(shape[2]), weight_scale=scales, out=OUT, **options
    )
    return builder.graph(out, "depthwise convolution")


def dense(inputs: int, units: int, bits: bool = False) -> Graph:
    builder = Builder((1, inputs), IN)
    weights = _weights((units, inputs), bits)
    out = builder.dense(builder.input, weights, _bias(units), weight_scale=0.001, out=OUT)
    return builder.graph(out, "dense")


def add(values: int) -> Graph:
    """Of the input and a constant of a finer scale."""
    builder = Builder((1, 1, 1, values), IN)
    other = _weights((1, 1, 1, values), False)
    return builder.graph(builder.add_constant(builder.input, other, 0.03, OUT), "sum")


def work(plan: Plan) -> int:
    """Multiply-accumulates of a plan's one layer, or its values where it has none."""
    (step,) = plan.steps
    return step.macs or plan.buffers[step.out].row_bytes


# By kernel and shape: time x frequency x channels of the input, kernel, channels of the output.
SHAPES: dict[str, Callable[[], Graph]] = {
    "conv 12x10x32, 3x3, 32": lambda: conv((12, 10, 32), (3, 3), 32),
    "conv 55x38x1, 3x3, 32": lambda: conv((55, 38, 1), (3, 3), 32),
    "conv 49x10x1, 10x4, 64, stride 2": lambda: conv((49, 10, 1), (10, 4), 64, stride=(2, 2)),
    "conv 25x5x64, 1x1, 64": lambda: conv((25, 5, 64), (1, 1), 64),
    "conv 55x1x114, 1x1, 40": lambda: conv((55, 1, 114), (1, 1), 40),
    "conv 55x1x40, 9x1, 40": lambda: conv((55, 1, 40), (9, 1), 40),
    "conv 27x1x56, 5x1, 56": lambda: conv((27, 1, 56), (5, 1), 56),
    "conv 13x1x56, 3x1, 80": lambda: conv((13, 1, 56), (3, 1), 80),
    "conv 6x1x36, 5x1, 48, two places": lambda: conv((6, 1, 36), (5, 1), 48, padding="VALID"),
    "conv 9x1x40, 9x1, 40, one place": lambda: conv((9, 1, 40), (9, 1), 40, padding="VALID"),
    "conv 3x1x38, 3x1, 64, one place": lambda: conv((3, 1, 38), (3, 1), 64, padding="VALID"),
    "conv 1x1x64, 1x1, 64, one place": lambda: conv((1, 1, 64), (1, 1), 64),
    "conv 1x1x80, 1x1, 80, one place": lambda: conv((1, 1, 80), (1, 1), 80),
    "conv 1 bit 12x10x32, 3x3, 32": lambda: conv((12, 10, 32), (3, 3), 32, bits=True),
    "conv 1 bit 55x1x40, 9x1, 40": lambda: conv((55, 1, 40), (9, 1), 40, bits=True),
    "conv 1 bit 1x1x80, 1x1, 80": lambda: conv((1, 1, 80), (1, 1), 80, bits=True),
    "depthwise 25x5x64, 3x3": lambda: depthwise((25, 5, 64), (3, 3)),
    "depthwise 55x1x40, 9x1": lambda: depthwise((55, 1, 40), (9, 1)),
    "depthwise 5x1x64, one place": lambda: depthwise((5, 1, 64), (5, 1), padding="VALID"),
    "depthwise 3x1x80, one place": lambda: depthwise((3, 1, 80), (3, 1), padding="VALID"),
    "dense 7488, 64": lambda: dense(7488, 64),
    "dense 1040, 64": lambda: dense(1040, 64),
    "dense 320, 48": lambda: dense(320, 48),
    "dense 64, 64": lambda: dense(64, 64),
    "dense 64, 12": lambda: dense(64, 12),
    "dense 1 bit 7488, 64": lambda: dense(7488, 64, bits=True),
    "dense 1 bit 1040, 64": lambda: dense(1040, 64, bits=True),
    "dense 1 bit 64, 64": lambda: dense(64, 64, bits=True),
    "add 64, a value": lambda: add(64),
}
