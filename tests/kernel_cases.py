"""Networks of one layer, or two, with random shapes, scales and data, for each kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.graph import Graph, Node, Options, Tensor

Rng = np.random.Generator

ACTIVATIONS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")


class Net:
    """Tensors and nodes as they come; the first tensor is the input, the last node the output."""

    def __init__(self, rng: Rng, shape: tuple[int, ...]) -> None:
        self.rng = rng
        self._tensors: list[Tensor] = []
        self._nodes: list[Node] = []
        self.input = self.activation(shape)

    def activation(self, shape: tuple[int, ...], scale: float | None = None) -> int:
        """Of any scale, but a zero point that is an end of the range more often than others."""
        zero = int(self.rng.choice([-128, -127, 0, 127, int(self.rng.integers(-128, 128))]))
        return self._add(shape, "int8", [scale or 2 ** self.rng.uniform(-7, -1)], [zero])

    def like(self, tensor: int, shape: tuple[int, ...]) -> int:
        """Scale and zero point of another."""
        t = self._tensors[tensor]
        return self._add(shape, "int8", t.scales, t.zero_points)

    def constant(self, data: NDArray[Any], scales: Any = (), axis: int = 0, zero: int = 0) -> int:
        zeros = np.full(np.shape(scales), zero)
        return self._add(data.shape, str(data.dtype), scales, zeros, axis, data)

    def node(self, op: str, inputs: list[int], out: int, **options: Any) -> int:
        self._nodes.append(Node(op, tuple(inputs), (out,), Options(**options)))
        return out

    def scale(self, tensor: int) -> float:
        return self._tensors[tensor].scale

    def zero(self, tensor: int) -> int:
        return self._tensors[tensor].zero_point

    def graph(self) -> Graph:
        outputs = self._nodes[-1].outputs
        return Graph("one layer", tuple(self._tensors), tuple(self._nodes), (self.input,), outputs)

    def _add(
        self, shape: Any, dtype: str, scales: Any, zeros: Any, axis: int = 0, data: Any = None
    ):
        name = f"t{len(self._tensors)}"
        quant = np.asarray(scales, np.float32), np.asarray(zeros, np.int64)
        self._tensors.append(Tensor(name, tuple(map(int, shape)), dtype, *quant, axis, data))
        return len(self._tensors) - 1


def codes(rng: Rng, shape: tuple[int, ...]) -> NDArray[np.int8]:
    """From end to end of the range, or its ends alone."""
    kind = rng.integers(6)
    if kind < 3:
        return rng.integers(-128, 128, shape).astype(np.int8)
    if kind == 3:
        return rng.choice(np.array([-128, 127], np.int8), shape)
    return np.full(shape, -128 if kind == 4 else 127, np.int8)


def _signs(rng: Rng, shape: tuple[int, ...]) -> NDArray[np.int8]:
    if rng.integers(8) == 0:
        return np.full(shape, -128, np.int8)
    return (rng.choice([-1, 1], shape) * rng.integers(1, 128)).astype(np.int8)


def _other(rng: Rng, shape: tuple[int, ...]) -> NDArray[np.int8]:
    """Weights that are not two-valued."""
    weights = codes(rng, shape)
    weights.flat[0] = 0
    return weights


def _sums(
    net: Net, source: int, out: int, weights: NDArray[np.int8], channel_axis: int, one: bool = False
) -> list[int]:
    """Weights with scales, and a bias at times: any multiplier for which sums keep to 32 bits."""
    rng = net.rng
    rows = np.moveaxis(weights, channel_axis, 0).reshape(weights.shape[channel_axis], -1)
    worst = np.abs(rows.astype(np.int64)).sum(axis=1) * (128 + abs(net.zero(source)))
    bias = None
    if rng.integers(4):
        most = int(2 ** rng.uniform(0, 30.9))
        bias = rng.integers(-most, most, len(rows)).astype(np.int32)
        worst = worst + np.abs(bias.astype(np.int64))
    bits = np.log2(worst + 1)
    if rng.integers(3):  # most codes between the limits
        exponent = 7 - bits + rng.uniform(-1, 4, len(rows))
    else:
        exponent = rng.uniform(-34, 31 - np.ceil(bits) - 0.01)
    if one:
        exponent = exponent.min()
    scales = 2.0 ** np.minimum(exponent, 31 - np.ceil(bits.max()) - 0.01 if one else 99)
    scales = np.atleast_1d(scales) * net.scale(out) / net.scale(source)
    inputs = [source, net.constant(weights, scales, channel_axis)]
    return inputs if bias is None else [*inputs, net.constant(bias)]


def _place(rng: Rng, shape: tuple[int, ...], dilated: bool = True) -> dict[str, Any]:
    """Kernel, stride, dilation and padding on an input [1, height, width, depth]."""
    if rng.integers(4) == 0:  # one place, all codes under the kernel in a row
        return {"kernel": shape[1:3], "stride": (1, 1), "dilation": (1, 1), "padding": "VALID"}
    padding = str(rng.choice(["SAME", "VALID"]))
    dilation = tuple(rng.integers(1, 4, 2)) if dilated and rng.integers(3) == 0 else (1, 1)
    kernel = []
    for size, gap in zip(shape[1:3], dilation, strict=True):
        longest = 5 if padding == "SAME" else min(5, (size - 1) // gap + 1)
        kernel.append(int(rng.integers(1, longest + 1)))
    if padding == "VALID" and rng.integers(4) == 0:
        kernel[1], dilation = shape[2], (dilation[0], 1)  # a row in one
    stride = tuple(rng.integers(1, 4, 2)) if rng.integers(2) else (1, 1)
    return {"kernel": tuple(kernel), "stride": stride, "dilation": dilation, "padding": padding}


def _out_sides(shape: tuple[int, ...], place: dict[str, Any]) -> list[int]:
    spans = [(k - 1) * d + 1 for k, d in zip(place["kernel"], place["dilation"], strict=True)]
    if place["padding"] == "SAME":
        spans = [1, 1]
    return [
        (size - span) // stride + 1
        for size, span, stride in zip(shape[1:3], spans, place["stride"], strict=True)
    ]


def _shape(rng: Rng, deepest: int = 9) -> tuple[int, ...]:
    depth = int(rng.choice([1, int(rng.integers(1, deepest + 1)), int(rng.integers(1, 70))]))
    return (1, int(rng.integers(1, 12)), int(rng.integers(1, 9)), depth)


def _conv(rng: Rng, make: Callable[[Rng, tuple[int, ...]], NDArray[np.int8]]) -> Graph:
    net = Net(rng, shape := _shape(rng))
    place = _place(rng, shape)
    channels = int(rng.integers(1, 12))
    out = net.activation((1, *_out_sides(shape, place), channels))
    weights = make(rng, (channels, *place.pop("kernel"), shape[3]))
    inputs = _sums(net, net.input, out, weights, 0)
    net.node("CONV_2D", inputs, out, activation=str(rng.choice(ACTIVATIONS)), **place)
    return net.graph()


def _depthwise(rng: Rng) -> Graph:
    net = Net(rng, shape := _shape(rng))
    place = _place(rng, shape)
    channels = shape[3] * int(rng.integers(1, 4))
    out = net.activation((1, *_out_sides(shape, place), channels))
    weights = codes(rng, (1, *place.pop("kernel"), channels))
    inputs = _sums(net, net.input, out, weights, 3)
    net.node("DEPTHWISE_CONV_2D", inputs, out, activation=str(rng.choice(ACTIVATIONS)), **place)
    return net.graph()


def _dense(rng: Rng, make: Callable[[Rng, tuple[int, ...]], NDArray[np.int8]]) -> Graph:
    inputs, units = int(rng.integers(1, 600)), int(rng.integers(1, 20))
    net = Net(rng, (1, inputs))
    out = net.activation((1, units))
    operands = _sums(net, net.input, out, make(rng, (units, inputs)), 0, one=True)
    net.node("FULLY_CONNECTED", operands, out, activation=str(rng.choice(ACTIVATIONS)))
    return net.graph()


def _pool(rng: Rng, op: str) -> Graph:
    net = Net(rng, shape := _shape(rng))
    place = _place(rng, shape, dilated=False)
    out = net.like(net.input, (1, *_out_sides(shape, place), shape[3]))
    place["window"] = place.pop("kernel")
    net.node(op, [net.input], out, activation=str(rng.choice(ACTIVATIONS)), **place)
    return net.graph()


def _mean(rng: Rng) -> Graph:
    net = Net(rng, shape := _shape(rng))
    axes = [(1,), (2,), (1, 2)][rng.integers(3)]
    sides = tuple(1 if axis in axes else side for axis, side in enumerate(shape))
    out = net.activation(sides, net.scale(net.input) * 2 ** rng.uniform(-3, 3))
    net.node("MEAN", [net.input, net.constant(np.array(axes, np.int32))], out, keep_dims=True)
    return net.graph()


def _add(rng: Rng) -> Graph:
    """Of the input and itself rescaled, or of the input and a constant."""
    net = Net(rng, shape := _shape(rng))
    scale = net.scale(net.input) * 2 ** rng.uniform(-6, 6)
    if rng.integers(2):
        other = net.activation(shape, scale)
        net.node("QUANTIZE", [net.input], other)
    else:
        part = shape if rng.integers(2) else (1, 1, 1, shape[3])
        other = net.constant(codes(rng, part), [scale], zero=int(rng.integers(-128, 128)))
    out = net.activation(shape, (net.scale(net.input) + scale) * 2 ** rng.uniform(-4, 2))
    pair = [net.input, other] if rng.integers(2) else [other, net.input]
    net.node("ADD", pair, out, activation=str(rng.choice(ACTIVATIONS)))
    return net.graph()


def _pad(rng: Rng) -> Graph:
    net = Net(rng, shape := _shape(rng))
    widths = np.zeros((4, 2), np.int32)
    widths[1:3] = rng.integers(0, 4, (2, 2))
    out = net.like(net.input, tuple(np.array(shape) + widths.sum(axis=1)))
    net.node("PAD", [net.input, net.constant(widths)], out)
    return net.graph()


def _rescale(rng: Rng) -> Graph:
    net = Net(rng, shape := _shape(rng))
    if rng.random() < 0.3:
        bound = rng.integers(-128, 128, (1,) * int(rng.integers(0, 5))).astype(np.int8)
        inputs = [net.input, net.constant(bound, [net.scale(net.input)], zero=net.zero(net.input))]
        net.node(str(rng.choice(["MINIMUM", "MAXIMUM"])), inputs, net.like(net.input, shape))
        return net.graph()
    out = net.activation(shape, net.scale(net.input) * 2 ** rng.uniform(-8, 8))
    net.node(str(rng.choice(["QUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1"])), [net.input], out)
    return net.graph()


def _softmax(rng: Rng) -> Graph:
    depth = int(rng.choice([1, 10, int(rng.integers(1, 40)), int(rng.integers(500, 5_000))]))
    net = Net(rng, shape := (1, int(rng.integers(1, 4)), 1, depth))
    beta = float(rng.choice([1.0, 2 ** rng.uniform(-15, 8)]))
    out = net._add(shape, "int8", [1 / 256], [-128])
    net.node("SOFTMAX", [net.input], out, beta=beta)
    return net.graph()


CASES: dict[str, Callable[[Rng], Graph]] = {
    "kws_conv": lambda rng: _conv(rng, _other),
    "kws_conv_1bit": lambda rng: _conv(rng, _signs),
    "kws_depthwise": _depthwise,
    "kws_dense": lambda rng: _dense(rng, _other),
    "kws_dense_1bit": lambda rng: _dense(rng, _signs),
    "kws_max_pool": lambda rng: _pool(rng, "MAX_POOL_2D"),
    "kws_average_pool": lambda rng: _pool(rng, "AVERAGE_POOL_2D"),
    "kws_mean": _mean,
    "kws_add": _add,
    "kws_pad": _pad,
    "kws_rescale": _rescale,
    "kws_softmax": _softmax,
}
