"""What the kernels' options are made of, whatever the operator: `lower` puts them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.fixed_point import quantise_multiplier
from kws.golden_int8 import limits
from kws.graph import Tensor
from kws.layers import ACTIVATIONS, Layer, Shape
from kws.place import Slide, weights_of


@dataclass(frozen=True, eq=False)
class Call:
    """A kernel and what `Step` has of it."""

    kernel: str
    options: Mapping[str, Any]
    macs: int = 0


def source_of(layer: Layer) -> Tensor:
    """The tensor that a layer reads first."""
    return layer.graph.tensors[layer.node.inputs[0]]


def channels_of(
    layer: Layer, codes: NDArray[np.int8], count: int, factor: NDArray[np.float64] | None = None
) -> dict[str, Any]:
    """Zero points, limits, biases and multipliers; `codes` [channels, ...] bound the sums."""
    source, out, weights, bias = source_of(layer), layer.out, weights_of(layer), layer.operand(2)
    if factor is None:
        factor = source.scale * weights.scales.astype(np.float64)
    if len(factor) not in (1, count):
        raise layer.refuse(f"{len(factor)} scales for {count} channels")
    multiplier, shift = (
        np.broadcast_to(v, count) for v in quantise_multiplier(np.asarray(factor) / out.scale)
    )
    worst = np.abs(codes.astype(np.int64)).reshape(count, -1).sum(axis=1)
    worst = worst * max(127 - source.zero_point, 128 + source.zero_point)
    biases = None
    if bias is not None:
        if bias.data is None or bias.dtype != "int32" or bias.data.size != count:
            raise layer.refuse(f"biases are {bias.dtype} {bias.shape}; expected int32 [{count}]")
        biases = np.asarray(bias.data, np.int32).reshape(-1)
        worst = worst + np.abs(biases.astype(np.int64))
    for sums, left in zip(worst.tolist(), shift.tolist(), strict=True):
        check_shift(layer, sums, left)
    return {
        "output": output_of(layer),
        "in_zero": source.zero_point,
        "bias": biases,
        "multiplier": multiplier.astype(np.int32),
        "shift": shift.astype(np.int8),
    }


def check_shift(layer: Layer, largest: int, shift: int) -> None:
    """Refuse a layer whose sums, shifted left, may leave 32 bits."""
    if largest << max(shift, 0) >= 2**31:
        raise layer.refuse(f"sums up to {largest}, times 2^{max(shift, 0)}: more than 32 bits")


def weighted(kernel: str, options: Mapping[str, Any], weights: Tensor, macs: int) -> Call:
    """With int8 weights, or with one bit each where two values are all that they have."""
    codes = np.asarray(weights.data)
    if not weights.two_valued:
        return Call(kernel, {**options, "weights": codes.reshape(-1)}, macs)
    rows = codes.reshape(len(codes), -1)
    bits = np.pad(rows > 0, ((0, 0), (0, -rows.shape[1] % 32)))
    words = np.packbits(bits, axis=1, bitorder="little").view("<u4").astype(np.uint32)
    packed = {"words": words.reshape(-1), "magnitude": int(abs(int(codes.flat[0])))}
    return Call(f"{kernel}_1bit", {**options, "weights": packed}, macs)


def count_of(layer: Layer, rows: int | None) -> int:
    """Values of the rows that are put out, all unless given."""
    size = layer.shape.size
    return size // layer.shape.height * rows if rows else size


def geometry_of(layer: Layer, place: Slide, x: Shape, rows: int | None) -> dict[str, Any]:
    """Shapes and taps of a kernel on `x`, or of what so many rows put out take of it."""
    out = layer.shape
    if rows:
        x, out = x._replace(height=place.rows(rows)), out._replace(height=rows)
    return {"in": shape_of(x), "out": shape_of(out), "taps": taps_of(place)}


def taps_of(place: Slide) -> dict[str, int]:
    """`struct kws_taps`."""
    return {
        "height": place.kernel[0],
        "width": place.kernel[1],
        "stride_height": place.stride[0],
        "stride_width": place.stride[1],
        "dilation_height": place.dilation[0],
        "dilation_width": place.dilation[1],
        "top": place.top,
        "left": place.left,
    }


def output_of(layer: Layer) -> dict[str, int]:
    """`struct kws_output`: zero point, and limits of the fused activation."""
    op = layer.node.op
    low, high = limits(layer.out, op if op in ACTIVATIONS else layer.node.options.activation)
    return {"zero": layer.out.zero_point, "low": low, "high": high}


def shape_of(shape: Shape) -> dict[str, int]:
    """`struct kws_shape`."""
    return dict(zip(shape._fields, shape, strict=True))


def size_of(shape: Mapping[str, int]) -> int:
    """Values of such a shape."""
    return shape["height"] * shape["width"] * shape["depth"]
