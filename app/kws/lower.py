"""A layer as a kernel of firmware/src/kernels/kernels.h: its options, from TFLite's tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kws.fixed_point import quantise_multiplier
from kws.layers import ACTIVATIONS, CLIPS, Layer, Shape, has_sound_scales
from kws.options import (
    Call,
    channels_of,
    check_shift,
    count_of,
    geometry_of,
    output_of,
    shape_of,
    size_of,
    source_of,
    taps_of,
    weighted,
)
from kws.place import Slide, pad_widths, slide, weights_of

_POSTERIOR = (1 / 256, -128)  # scale and zero point of TFLite's int8 softmax
_EXP_BITS = 26  # fraction bits of softmax's differences


def lower(layer: Layer, rows: int | None = None) -> Call:
    """The kernel that computes a layer, or some rows of it where it takes no padding in time.

    Raises `ArtefactError` where the layer's types, scales or shapes are not those of a kernel.
    """
    return _LOWER[layer.node.op](layer, rows)


def _conv(layer: Layer, rows: int | None) -> Call:
    place, weights, x = slide(layer), weights_of(layer), layer.inputs[0].shape
    if weights.shape[3] != x.depth:
        raise layer.refuse(
            f"weights of depth {weights.shape[3]} on {x.depth} channels; groups are not supported"
        )
    channels = channels_of(layer, np.asarray(weights.data), weights.shape[0])
    kernel, stride, dilation, left = place.kernel, place.stride, place.dilation, place.left
    out = layer.shape
    if kernel[1] == x.width and not left and out.width == 1 and dilation[1] == 1:
        # all of a row lies side by side: one deep column
        x = Shape(x.height, 1, x.width * x.depth)
        kernel, stride = (kernel[0], 1), (stride[0], 1)
    whole = Slide(kernel, stride, dilation, place.top, left, place.missing)
    geometry = geometry_of(layer, whole, x, rows)
    macs = size_of(geometry["out"]) * kernel[0] * kernel[1] * x.depth
    return weighted("kws_conv", geometry | channels, weights, macs)


def _depthwise(layer: Layer, rows: int | None) -> Call:
    place, weights, x = slide(layer), weights_of(layer), layer.inputs[0].shape
    if weights.shape[0] != 1 or weights.shape[3] % x.depth:
        raise layer.refuse(f"weights {weights.shape} on {x.depth} channels; expected a multiple")
    flat = np.asarray(weights.data).reshape(-1, weights.shape[3])
    geometry = geometry_of(layer, place, x, rows)
    macs = size_of(geometry["out"]) * place.kernel[0] * place.kernel[1]
    channels = channels_of(layer, flat.T, weights.shape[3])
    options = geometry | channels | {"weights": flat.reshape(-1)}
    return Call("kws_depthwise", options, macs)


def _dense(layer: Layer, rows: int | None) -> Call:
    """One scale and one row of inputs; else a convolution of kernel 1 does the same."""
    weights, size = weights_of(layer), layer.inputs[0].shape.size
    units, inputs = weights.shape
    places, height = size // inputs, layer.shape.height
    if size % inputs or layer.shape.size != places * units:
        raise layer.refuse(f"weights {weights.shape} on {size} values")
    if rows:
        if places % height:
            raise layer.refuse(f"{places} rows of {inputs} in {height} rows of time")
        places = places // height * rows
    alike = len(weights.scales) == 1
    # TFLite multiplies one scale in float32, several in float64
    factor = (source_of(layer).scales * weights.scales).astype(np.float64) if alike else None
    channels = channels_of(layer, np.asarray(weights.data), units, factor)
    if alike and places == 1:
        channels |= {name: int(channels[name][0]) for name in ("multiplier", "shift")}
        options = {"inputs": inputs, "units": units} | channels
        return weighted("kws_dense", options, weights, inputs * units)
    options = {
        "in": shape_of(Shape(places, 1, inputs)),
        "out": shape_of(Shape(places, 1, units)),
        "taps": taps_of(Slide((1, 1), (1, 1), (1, 1), 0, 0, 0)),
    }
    return weighted("kws_conv", options | channels, weights, places * inputs * units)


def _pool(layer: Layer, rows: int | None) -> Call:
    if layer.inputs[0].shape.depth != layer.shape.depth:
        raise layer.refuse(f"{tuple(layer.inputs[0].shape)} to {tuple(layer.shape)}")
    kernel = "kws_max_pool" if layer.node.op == "MAX_POOL_2D" else "kws_average_pool"
    geometry = geometry_of(layer, slide(layer), layer.inputs[0].shape, rows)
    return Call(kernel, geometry | {"output": output_of(layer)})


def _mean(layer: Layer, rows: int | None) -> Call:
    x, out, over = layer.inputs[0].shape, layer.out, reduced_axes(layer)
    source = source_of(layer)
    height = rows or x.height
    count = (height if over[0] else 1) * (x.width if over[1] else 1)
    expected = Shape(1 if over[0] else x.height, 1 if over[1] else x.width, x.depth)
    if expected.size != layer.shape.size:
        raise layer.refuse(f"{tuple(x)} to {tuple(layer.shape)}; expected {tuple(expected)}")
    multiplier, shift = map(int, quantise_multiplier(source.scale / out.scale))
    down = min(count.bit_length() - 1, 32, 31 + shift)
    options = {
        "in": shape_of(Shape(height, x.width, x.depth)),
        "over_height": int(over[0]),
        "over_width": int(over[1]),
        "output": output_of(layer),
        "in_zero": source.zero_point,
        "multiplier": (multiplier << down) // count,
        "shift": shift - down,
    }
    check_shift(layer, 255 * count, shift - down)
    return Call("kws_mean", options)


def _reduce_max(layer: Layer, rows: int | None) -> Call:
    """A pool as large as what it goes over."""
    x, over = layer.inputs[0].shape, reduced_axes(layer)
    height, width = rows or x.height, x.width
    size = (height if over[0] else 1, width if over[1] else 1)
    out = Shape(height // size[0], width // size[1], x.depth)
    if out.size != count_of(layer, rows):
        raise layer.refuse(f"{tuple(x)} to {tuple(layer.shape)}")
    options = {
        "in": shape_of(Shape(height, width, x.depth)),
        "out": shape_of(out),
        "taps": taps_of(Slide(size, (1, 1), (1, 1), 0, 0, 0)),
        "output": output_of(layer),
    }
    return Call("kws_max_pool", options)


def reduced_axes(layer: Layer) -> tuple[bool, bool]:
    """Whether a mean or a maximum goes over height, over width."""
    axes, rank = layer.operand(1), len(layer.graph.tensors[layer.node.inputs[0]].shape)
    given = {int(a) % rank for a in np.asarray(axes.data).flat} if axes and rank > 2 else set()
    if not given or not given <= set(range(1, rank - 1)):
        raise layer.refuse(f"over axes {sorted(given)} of {rank}; expected height, width or both")
    over = layer.pair((1 in given, 2 in given))
    return bool(over[0]), bool(over[1])


def _add(layer: Layer, rows: int | None) -> Call:
    out, shape = layer.out, layer.shape
    # the sum is the same in either order: a constant is the second
    tensors = [t for t in (layer.operand(0), layer.operand(1)) if t is not None]
    tensors.sort(key=lambda tensor: tensor.data is not None)
    a, b = tensors
    if any(view.shape != shape for view in layer.inputs):
        shapes = " and ".join(str(tuple(view.shape)) for view in layer.inputs)
        raise layer.refuse(f"{shapes} to {tuple(shape)}; expected one shape")
    constant = None
    if b.data is not None:
        if len(b.scales) != 1 or b.dtype != "int8" or not has_sound_scales(b):
            raise layer.refuse(f"the constant {b.name!r} is not int8 with one scale")
        constant = np.broadcast_to(np.asarray(b.data), out.shape).reshape(shape)
        if rows:
            if (constant != constant[:1]).any():
                raise layer.refuse("a constant that changes from row to row cannot stream")
            constant = np.repeat(constant[:1], rows, axis=0)
        constant = constant.reshape(-1)
    twice = 2 * max(a.scale, b.scale)
    options: dict[str, Any] = {"count": count_of(layer, rows)}
    options["output"] = output_of(layer)
    for name, tensor in (("a", a), ("b", b)):
        multiplier, shift = map(int, quantise_multiplier(tensor.scale / twice))
        options |= {
            f"{name}_zero": tensor.zero_point,
            f"{name}_multiplier": multiplier,
            f"{name}_shift": shift,
        }
    multiplier, shift = map(int, quantise_multiplier(twice / (2.0**20 * out.scale)))
    check_shift(layer, 2 * 255 << 19, shift)
    options |= {"multiplier": multiplier, "shift": shift, "constant": constant}
    return Call("kws_add", options)


def _pad(layer: Layer, rows: int | None) -> Call:
    x, out = layer.inputs[0].shape, layer.shape
    (top, left), (bottom, right) = pad_widths(layer, layer.index)
    expected = Shape(x.height + top + bottom, x.width + left + right, x.depth)
    if out != expected:
        raise layer.refuse(f"puts out {tuple(out)}; expected {tuple(expected)}")
    if rows:
        x, out = x._replace(height=rows), out._replace(height=rows)
    zero = layer.out.zero_point
    return Call(
        "kws_pad", {"in": shape_of(x), "out": shape_of(out), "top": top, "left": left, "zero": zero}
    )


def _rescale(layer: Layer, rows: int | None) -> Call:
    source, shape = source_of(layer), layer.shape
    if layer.inputs[0].shape.size != shape.size:
        raise layer.refuse(f"{tuple(layer.inputs[0].shape)} to {tuple(shape)}")
    multiplier, shift = map(int, quantise_multiplier(source.scale / layer.out.scale))
    check_shift(layer, 255, shift)
    options = {
        "count": count_of(layer, rows),
        "output": output_of(layer),
        "in_zero": source.zero_point,
        "multiplier": multiplier,
        "shift": shift,
    }
    return Call("kws_rescale", options)


def _clip(layer: Layer, rows: int | None) -> Call:
    """A limit that is a constant: to the scale that all have, so that codes stay as they are."""
    x, bound, out = layer.operand(0), layer.operand(1), layer.out
    if x is None or bound is None or x.data is not None or bound.data is None:
        raise layer.refuse("expected an activation and then a constant")
    alike = {(t.dtype, tuple(t.scales), tuple(t.zero_points)) for t in (x, bound, out)}
    found = np.unique(bound.data)
    if len(alike) != 1 or len(found) != 1:
        raise layer.refuse("expected a constant of one value, all of one scale and zero point")
    call = _rescale(layer, rows)
    side = "high" if layer.node.op == "MINIMUM" else "low"
    return Call(call.kernel, {**call.options, "output": {**output_of(layer), side: int(found[0])}})


def _softmax(layer: Layer, rows: int | None) -> Call:
    out, x = layer.out, layer.inputs[0].shape
    if (out.scale, out.zero_point) != _POSTERIOR or x.size != layer.shape.size:
        raise layer.refuse(f"to scale {out.scale:g}, zero {out.zero_point}; expected 1/256, -128")
    real = layer.node.options.beta * source_of(layer).scale * 2.0**_EXP_BITS
    if not 1 <= real < np.inf:
        raise layer.refuse(f"beta times the input's step is {real / 2**_EXP_BITS:g}")
    multiplier, shift = map(int, quantise_multiplier(min(real, 2.0**31 - 1)))
    options = {
        "rows": x.width * (rows or x.height),
        "depth": x.depth,
        "multiplier": multiplier,
        "shift": shift,
        "lowest": -((31 << _EXP_BITS) >> shift),
    }
    return Call("kws_softmax", options)


_LOWER: dict[str, Callable[[Layer, int | None], Call]] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "MAX_POOL_2D": _pool,
    "AVERAGE_POOL_2D": _pool,
    "MEAN": _mean,
    "REDUCE_MAX": _reduce_max,
    "ADD": _add,
    "PAD": _pad,
    "QUANTIZE": _rescale,
    "SOFTMAX": _softmax,
    **dict.fromkeys(ACTIVATIONS, _rescale),
    **dict.fromkeys(CLIPS, _clip),
}
