"""Random small networks without padding in time, and what the stream's tests feed them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kws.graph import Graph
from kws_train.export_tflite import Builder, Handle
from networks import random_quant, random_weights


def random_stream(rng: np.random.Generator) -> Graph:
    """Kernels, pools, strides and dilation in time, residual sums with crops, and an end."""
    shape = (1, int(rng.integers(8, 31)), int(rng.integers(1, 7)), int(rng.integers(1, 4)))
    builder = Builder(shape, random_quant(rng, rng.uniform(0.01, 0.1)))
    x = builder.input
    for _ in range(rng.integers(1, 6)):
        x = _LAYERS[rng.integers(len(_LAYERS))](builder, x, rng)
    x = _END[rng.integers(len(_END))](builder, x, rng)
    x = _dense(builder, x, rng, int(rng.integers(1, 12)))
    return builder.graph(builder.softmax(x), "a random stream")


def _conv(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    return _sliding(builder, x, rng, int(rng.integers(1, 7)), depthwise=False)


def _depthwise(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    return _sliding(builder, x, rng, x.shape[3] * int(rng.integers(1, 3)), depthwise=True)


def _sliding(
    builder: Builder, x: Handle, rng: np.random.Generator, channels: int, depthwise: bool
) -> Handle:
    """VALID, behind a pad in width at times; or SAME where the kernel has one row."""
    if rng.integers(3) == 0:
        x = builder.pad(x, [(0, 0), (0, 0), tuple(rng.integers(0, 3, 2)), (0, 0)])
    options = _place(x, rng)
    kernel = options.pop("kernel")
    shape = (1, *kernel, channels) if depthwise else (channels, *kernel, x.shape[3])
    weights, bias, scale, out = random_weights(rng, shape, x, channels)
    layer = builder.depthwise if depthwise else builder.conv
    return layer(x, weights, bias, weight_scale=scale, out=out, activation="RELU", **options)


def _place(x: Handle, rng: np.random.Generator) -> dict[str, Any]:
    longest = max(1, min(4, x.shape[1] // 2))
    rows = int(rng.integers(1, longest + 1))
    dilation = int(rng.integers(1, 3)) if (rows - 1) * 2 < x.shape[1] // 2 else 1
    stride = 1 if rng.integers(3) or x.shape[1] < 12 else int(rng.integers(2, 4))
    same = rows == 1 and stride == 1 and rng.integers(2)
    columns = int(rng.integers(1, 4 if same else min(3, x.shape[2]) + 1))
    wide = 1 if dilation > 1 else int(rng.integers(1, 3))
    return {
        "kernel": (rows, columns),
        "stride": (stride, wide),
        "dilation": (dilation, 1) if stride == wide == 1 else (1, 1),
        "padding": "SAME" if same else "VALID",
    }


def _pool(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    place = _place(x, rng)
    make = builder.max_pool if rng.integers(2) else builder.average_pool
    return make(x, place["kernel"], stride=place["stride"], padding=place["padding"])


def _residual(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    """A branch that loses rows, and a shortcut that is cropped to fit, from any end."""
    rows = int(rng.integers(1, max(2, x.shape[1] // 3)))
    shape = (x.shape[3], rows, 1, x.shape[3])
    weights, bias, scale, out = random_weights(rng, shape, x, x.shape[3])
    y = builder.conv(x, weights, bias, weight_scale=scale, out=out, padding="VALID")
    short = x
    if rows > 1:
        short = builder.crop(x, int(rng.integers(0, rows)), y.shape[1])
    total = random_quant(rng, (x.quant.scale + y.quant.scale) * rng.uniform(0.3, 1.2))
    return builder.add(*((short, y) if rng.integers(2) else (y, short)), total, "RELU")


def _alone(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    """What goes row by row."""
    quant = random_quant(rng, x.quant.scale * rng.uniform(0.5, 2))
    choice = rng.integers(4)
    if choice == 0:
        return builder.quantize(x, quant)
    if choice == 1:
        codes = rng.integers(-128, 128, (1, 1, 1, x.shape[3])).astype(np.int8)
        return builder.add_constant(x, codes, x.quant.scale, quant)
    return builder.activation(x, str(rng.choice(["RELU", "RELU6", "RELU_N1_TO_1"])), quant)


def _flat(_builder: Builder, x: Handle, _rng: np.random.Generator) -> Handle:
    return x


def _mean(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    axes = [(1, 2), (1,), (2,)][rng.integers(3)]
    return builder.mean(x, random_quant(rng, x.quant.scale * rng.uniform(0.3, 1.2)), axes)


def _global_pool(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    make = builder.max_pool if rng.integers(2) else builder.average_pool
    return make(x, (x.shape[1], int(rng.integers(1, x.shape[2] + 1))))


def _dense(builder: Builder, x: Handle, rng: np.random.Generator, units: int) -> Handle:
    weights, bias, scale, out = random_weights(rng, (units, math.prod(x.shape)), x, units)
    return builder.dense(x, weights, bias, weight_scale=scale[0], out=out)


_LAYERS = (_conv, _conv, _depthwise, _pool, _residual, _residual, _alone)
_END = (_flat, _flat, _mean, _global_pool)
