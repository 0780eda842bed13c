"""The float operators of the golden model: float32, added in the order of the reference kernels.

On x86-64 those multiply and add apart; where a compiler fuses the two, last bits differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.golden_int8 import ACTIVATIONS, Value
from kws.graph import Options, Tensor
from kws.taps import taps

Floats = NDArray[np.float32]

_BLOCK = 2**16  # sums at a time: what the caches hold


def conv_2d(inputs: Sequence[Value], _out: Tensor, options: Options) -> Floats:
    """Adds over the kernel's rows, its columns, the input's channels, then the bias."""
    weights = inputs[1].data
    under = np.concatenate(list(taps(inputs[0].data, weights.shape[1:3], options, 0)), axis=-1)
    sums = _product(under.reshape(-1, under.shape[-1]), weights.reshape(len(weights), -1))
    return _output(sums.reshape(*under.shape[:-1], -1), inputs, options)


def depthwise_conv_2d(inputs: Sequence[Value], _out: Tensor, options: Options) -> Floats:
    """Adds over the kernel's rows, its columns, then the bias."""
    x, weights = inputs[0].data, inputs[1].data[0]
    multiple = weights.shape[2] // x.shape[3]
    under = taps(x, weights.shape[:2], options, 0)
    flat = weights.reshape(-1, weights.shape[2])
    sums = sum(np.repeat(tap, multiple, axis=3) * w for tap, w in zip(under, flat, strict=True))
    return _output(np.asarray(sums), inputs, options)


def fully_connected(inputs: Sequence[Value], _out: Tensor, options: Options) -> Floats:
    """Adds over the inputs, then the bias."""
    weights = inputs[1].data
    return _output(_product(inputs[0].data.reshape(-1, weights.shape[1]), weights), inputs, options)


def average_pool_2d(inputs: Sequence[Value], _out: Tensor, options: Options) -> Floats:
    """The mean of what lies inside."""
    x = inputs[0].data
    total: Any = sum(taps(x, options.window, options, 0))
    inside = np.ones((1, *x.shape[1:3], 1), np.float32)
    count: Any = sum(taps(inside, options.window, options, 0))
    return _clamp(total / count, options)


def max_pool_2d(inputs: Sequence[Value], _out: Tensor, options: Options) -> Floats:
    """The largest inside."""
    lowest = float(np.finfo(np.float32).min)
    return _clamp(np.max(list(taps(inputs[0].data, options.window, options, lowest)), 0), options)


def mean(inputs: Sequence[Value], _out: Tensor, _options: Options) -> Floats:
    """Adds in the order in which the values lie, then divides."""
    x = inputs[0].data
    axes = sorted({int(axis) % x.ndim for axis in inputs[1].data.flat})
    rows = np.moveaxis(x, axes, range(len(axes)))
    rows = rows.reshape(-1, *rows.shape[len(axes) :])
    return np.asarray(sum(rows) / np.float32(len(rows)))


def add(inputs: Sequence[Value], _out: Tensor, options: Options) -> Floats:
    """One rounding."""
    return _clamp(inputs[0].data + inputs[1].data, options)


def mul(inputs: Sequence[Value], _out: Tensor, options: Options) -> Floats:
    """One rounding."""
    return _clamp(inputs[0].data * inputs[1].data, options)


def elu(inputs: Sequence[Value], _out: Tensor, _options: Options) -> Floats:
    """exp(x) - 1 below zero."""
    x = np.array(inputs[0].data)
    below = x < 0
    x[below] = _libm(np.expm1, x[below])
    return x


def softmax(inputs: Sequence[Value], _out: Tensor, options: Options) -> Floats:
    """Over the last axis."""
    x = inputs[0].data
    exps = _libm(np.exp, (x - x.max(axis=-1, keepdims=True)) * np.float32(options.beta))
    return np.asarray(exps / np.add.accumulate(exps, axis=-1)[..., -1:])


def pad(inputs: Sequence[Value], _out: Tensor, _options: Options) -> Floats:
    """Surrounds with 0."""
    return np.pad(inputs[0].data, inputs[1].data)


def dequantize(inputs: Sequence[Value], _out: Tensor, _options: Options) -> Floats:
    """One rounding of scale * (code - zero point)."""
    x = inputs[0]
    return np.asarray(x.centred.astype(np.float32) * x.tensor.scales[0])


def _libm(function: np.ufunc, x: Floats) -> Floats:
    """The C library's expf or expm1f, which the kernels call and whose last bit is its own.

    By way of complex numbers, because only there does numpy leave real parts to that library.
    """
    return np.asarray(function(x.astype(np.complex64)).real)


def _product(rows: Floats, matrix: Floats) -> Floats:
    """The product rows [n, k] @ matrix [m, k].T, added over k in order: the reference's loop."""
    columns, weights = np.ascontiguousarray(rows.T), matrix.T[:, :, np.newaxis]
    sums = np.zeros((len(matrix), len(rows)), np.float32)
    step = max(1, _BLOCK // len(matrix))
    for start in range(0, len(rows), step):
        part = np.zeros_like(sums[:, start : start + step])
        term = np.empty_like(part)
        for column, weight in zip(columns[:, start : start + step], weights, strict=True):
            part += np.multiply(column, weight, out=term)
        sums[:, start : start + step] = part
    return sums.T


def _output(sums: Floats, inputs: Sequence[Value], options: Options) -> Floats:
    return _clamp(sums + inputs[2].data if len(inputs) > 2 else sums, options)


def _clamp(values: Floats, options: Options) -> Floats:
    low, high = ACTIVATIONS[options.activation]
    return np.clip(values, np.float32(low), np.float32(high))
