"""A .tflite written from integers, layer by layer: the weights in it are the ones given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kws.errors import KwsError
from kws.graph import Graph, Node, Options, Tensor
from kws.taps import fit
from kws_train.write_tflite import write_graph


class ExportError(KwsError):
    """A layer that cannot be written."""


@dataclass(frozen=True)
class Quant:
    """How codes stand for values: scale * (code - zero point)."""

    scale: float | NDArray[np.floating[Any]]
    zero_point: int


POSTERIOR = Quant(1 / 256, -128)  # what TFLite's int8 softmax puts out


@dataclass(frozen=True)
class Handle:
    """A tensor of the network under construction."""

    index: int
    shape: tuple[int, ...]
    dtype: str
    quant: Quant | None


class Builder:
    """Collects layers in order; `finish` gives the file.

    Shapes are TFLite's, with a batch of one in front. A layer on an int8 tensor takes int8
    weights with their scale and int32 biases in steps of input scale * weight scale; a layer on
    a float tensor takes float weights and biases. Raises `ExportError` for what does not fit.
    """

    def __init__(self, input_shape: Sequence[int], quant: Quant) -> None:
        self._tensors: list[Tensor] = []
        self._nodes: list[Node] = []
        self.input = self._activation("input", tuple(input_shape), "int8", quant)

    def finish(self, x: Handle, description: str) -> bytes:
        """The file, with x as the network's output; the same layers give the same bytes."""
        return write_graph(self.graph(x, description))

    def graph(self, x: Handle, description: str) -> Graph:
        """The network, with x as its output."""
        nodes, tensors = tuple(self._nodes), tuple(self._tensors)
        return Graph(description, tensors, nodes, (self.input.index,), (x.index,))

    def conv(
        self,
        x: Handle,
        weights: NDArray[Any],
        bias: ArrayLike | None,
        *,
        weight_scale: ArrayLike | None = None,
        out: Quant | None = None,
        padding: str = "SAME",
        stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1),
        activation: str = "NONE",
    ) -> Handle:
        """Weights [channels, height, width, depth], a scale a channel."""
        options = Options(padding=padding, stride=stride, dilation=dilation, activation=activation)
        if weights.ndim != 4 or weights.shape[3] != x.shape[-1]:
            raise ExportError(
                f"weights {weights.shape} on {x.shape}; expected [channels, height, width, "
                f"{x.shape[-1]}]"
            )
        shape = _slide(x.shape, weights.shape[1:3], options, weights.shape[0])
        operands = self._parameters("conv_2d", x, weights, bias, weight_scale, 0)
        return self._node("CONV_2D", [x.index, *operands], shape, x.dtype, out, options)

    def depthwise(
        self,
        x: Handle,
        weights: NDArray[Any],
        bias: ArrayLike | None,
        *,
        weight_scale: ArrayLike | None = None,
        out: Quant | None = None,
        padding: str = "SAME",
        stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1),
        activation: str = "NONE",
    ) -> Handle:
        """Weights [1, height, width, channels], a scale a channel."""
        options = Options(padding=padding, stride=stride, dilation=dilation, activation=activation)
        if weights.ndim != 4 or weights.shape[0] != 1 or weights.shape[3] % x.shape[-1]:
            raise ExportError(
                f"weights {weights.shape} on {x.shape}; expected [1, height, width, a multiple "
                f"of {x.shape[-1]}]"
            )
        shape = _slide(x.shape, weights.shape[1:3], options, weights.shape[3])
        operands = self._parameters("depthwise_conv_2d", x, weights, bias, weight_scale, 3)
        return self._node("DEPTHWISE_CONV_2D", [x.index, *operands], shape, x.dtype, out, options)

    def dense(
        self,
        x: Handle,
        weights: NDArray[Any],
        bias: ArrayLike | None,
        *,
        weight_scale: ArrayLike | None = None,
        out: Quant | None = None,
        activation: str = "NONE",
    ) -> Handle:
        """Weights [units, inputs] with one scale; x is made flat first where it is not."""
        if len(x.shape) != 2:
            x = self.reshape(x, (1, math.prod(x.shape)))
        if weights.ndim != 2 or weights.shape[1] != x.shape[1]:
            raise ExportError(f"weights {weights.shape} on {x.shape}; expected [units, inputs]")
        if weight_scale is not None and np.size(weight_scale) != 1:
            raise ExportError(f"{np.size(weight_scale)} scales for a dense layer; expected one")
        operands = self._parameters("fully_connected", x, weights, bias, weight_scale, 0)
        return self._node(
            "FULLY_CONNECTED",
            [x.index, *operands],
            (1, weights.shape[0]),
            x.dtype,
            out,
            Options(activation=activation),
        )

    def max_pool(
        self,
        x: Handle,
        size: tuple[int, int],
        *,
        stride: tuple[int, int] | None = None,
        padding: str = "VALID",
    ) -> Handle:
        """The largest of each window; the stride is the window's size unless given."""
        return self._pool("MAX_POOL_2D", x, size, stride, padding)

    def average_pool(
        self,
        x: Handle,
        size: tuple[int, int],
        *,
        stride: tuple[int, int] | None = None,
        padding: str = "VALID",
    ) -> Handle:
        """The mean of each window; the stride is the window's size unless given."""
        return self._pool("AVERAGE_POOL_2D", x, size, stride, padding)

    def mean(self, x: Handle, out: Quant | None = None, axes: Sequence[int] = (1, 2)) -> Handle:
        """The mean over axes, height and width unless given; in x's scale unless given."""
        constant = self._constant("mean/axes", np.array(axes, np.int32))
        shape = tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
        return self._node("MEAN", [x.index, constant], shape, x.dtype, out or x.quant)

    def add(
        self, a: Handle, b: Handle, out: Quant | None = None, activation: str = "NONE"
    ) -> Handle:
        """The sum of two tensors of one shape and type."""
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            raise ExportError(f"sum of {a.dtype} {a.shape} and {b.dtype} {b.shape}")
        options = Options(activation=activation)
        return self._node("ADD", [a.index, b.index], a.shape, a.dtype, out, options)

    def add_constant(self, x: Handle, codes: NDArray[np.int8], scale: float, out: Quant) -> Handle:
        """The sum with int8 codes of this scale, broadcast to x's shape."""
        constant = self._constant("add/constant", codes, np.array([scale], np.float32))
        return self._node("ADD", [x.index, constant], x.shape, x.dtype, out)

    def activation(self, x: Handle, op: str, out: Quant) -> Handle:
        """RELU, RELU6 or RELU_N1_TO_1 on its own, of an int8 tensor."""
        return self._node(op, [x.index], x.shape, x.dtype, out)

    def crop(self, x: Handle, start: int, rows: int) -> Handle:
        """So many rows of x from `start` on."""
        if not 0 <= start < start + rows <= x.shape[1]:
            raise ExportError(f"rows {start} to {start + rows} of {x.shape}")
        shape = (x.shape[0], rows, *x.shape[2:])
        begin = [0, start, 0, 0][: len(shape)]
        bounds = {"begin": begin, "end": np.add(begin, shape), "strides": np.ones(len(shape))}
        constants = [
            self._constant(f"crop/{name}", np.array(values, np.int32))
            for name, values in bounds.items()
        ]
        return self._node("STRIDED_SLICE", [x.index, *constants], shape, x.dtype, x.quant)

    def pad(self, x: Handle, widths: ArrayLike) -> Handle:
        """Zeros around x: widths [axes, 2], before and behind."""
        pairs = np.asarray(widths, np.int32)
        constant = self._constant("pad/widths", pairs)
        shape = tuple(int(n + pair.sum()) for n, pair in zip(x.shape, pairs, strict=True))
        return self._node("PAD", [x.index, constant], shape, x.dtype, x.quant)

    def reshape(self, x: Handle, shape: Sequence[int]) -> Handle:
        """The same values in another shape."""
        if math.prod(shape) != math.prod(x.shape):
            raise ExportError(f"{x.shape} as {tuple(shape)}: another count of values")
        constant = self._constant("reshape/shape", np.array(shape, np.int32))
        return self._node("RESHAPE", [x.index, constant], tuple(shape), x.dtype, x.quant)

    def elu(self, x: Handle) -> Handle:
        """Of a float tensor: exp(x) - 1 below zero, x above."""
        _check_float(x, "ELU")
        return self._node("ELU", [x.index], x.shape, x.dtype, None)

    def scale_shift(self, x: Handle, gain: ArrayLike, shift: ArrayLike) -> Handle:
        """Of a float tensor: x * gain + shift, one a channel (a batch norm that cannot fold)."""
        _check_float(x, "scale and shift")
        for op, factor in (("MUL", gain), ("ADD", shift)):
            constant = self._constant(f"{op.lower()}/factor", np.asarray(factor, np.float32))
            x = self._node(op, [x.index, constant], x.shape, x.dtype, None)
        return x

    def dequantize(self, x: Handle) -> Handle:
        """From int8 to float."""
        return self._node("DEQUANTIZE", [x.index], x.shape, "float32", None)

    def quantize(self, x: Handle, out: Quant = POSTERIOR) -> Handle:
        """From float, or from int8 of another scale, to int8."""
        return self._node("QUANTIZE", [x.index], x.shape, "int8", out)

    def softmax(self, x: Handle) -> Handle:
        """Posteriors over the last axis; of an int8 tensor, in steps of 1/256 from -128."""
        return self._node("SOFTMAX", [x.index], x.shape, x.dtype, POSTERIOR)

    def _pool(
        self,
        op: str,
        x: Handle,
        size: tuple[int, int],
        stride: tuple[int, int] | None,
        padding: str,
    ) -> Handle:
        options = Options(padding=padding, stride=stride or size, window=size)
        shape = _slide(x.shape, size, options, x.shape[-1])
        return self._node(op, [x.index], shape, x.dtype, x.quant, options)

    def _parameters(
        self,
        layer: str,
        x: Handle,
        weights: NDArray[Any],
        bias: ArrayLike | None,
        weight_scale: ArrayLike | None,
        axis: int,
    ) -> list[int]:
        """Weights and biases as constants, their indices."""
        units = weights.shape[axis]
        name = f"{layer}_{len(self._nodes)}"
        if bias is not None and np.shape(bias) != (units,):
            raise ExportError(f"{layer} with biases {np.shape(bias)}; expected ({units},)")
        if x.quant is None:
            constants = [self._constant(f"{name}/weights", weights.astype(np.float32))]
            if bias is not None:
                constants.append(self._constant(f"{name}/bias", np.asarray(bias, np.float32)))
            return constants
        if weights.dtype != np.int8 or weight_scale is None:
            raise ExportError(
                f"{layer} on an int8 tensor with {weights.dtype} weights and "
                f"{'no' if weight_scale is None else 'a'} scale; expected int8 and a scale"
            )
        scales = np.asarray(weight_scale, np.float32).reshape(-1)
        if scales.size not in (1, units) or not (scales > 0).all():
            raise ExportError(f"{layer} with scales {scales}; expected {units} positive ones")
        biases = np.zeros(units) if bias is None else np.asarray(bias)
        _check_sums(layer, x, np.moveaxis(weights, axis, 0), biases)
        return [
            self._constant(f"{name}/weights", weights, scales, axis),
            self._constant(
                f"{name}/bias", biases.astype(np.int32), np.float32(x.quant.scale) * scales
            ),
        ]

    def _constant(
        self,
        name: str,
        data: NDArray[Any],
        scales: NDArray[np.float32] | None = None,
        axis: int = 0,
    ) -> int:
        scales = np.zeros(0, np.float32) if scales is None else scales
        zeros = np.zeros(len(scales), np.int64)
        self._tensors.append(
            Tensor(name, data.shape, str(data.dtype), scales, zeros, axis, data.copy())
        )
        return len(self._tensors) - 1

    def _activation(
        self, name: str, shape: tuple[int, ...], dtype: str, quant: Quant | None
    ) -> Handle:
        scales, zeros = np.zeros(0, np.float32), np.zeros(0, np.int64)
        if dtype == "int8":
            if quant is None:
                raise ExportError(f"{name} is int8 without a scale; expected `out`")
            scales = np.array([quant.scale], np.float32).reshape(1)
            zeros = np.array([quant.zero_point], np.int64)
        self._tensors.append(Tensor(name, shape, dtype, scales, zeros, 0, None))
        return Handle(len(self._tensors) - 1, shape, dtype, quant if dtype == "int8" else None)

    def _node(
        self,
        op: str,
        inputs: Sequence[int],
        shape: tuple[int, ...],
        dtype: str,
        out: Quant | None,
        options: Options | None = None,
    ) -> Handle:
        handle = self._activation(f"{op.lower()}_{len(self._nodes)}", shape, dtype, out)
        self._nodes.append(Node(op, tuple(inputs), (handle.index,), options or Options()))
        return handle


def _slide(
    shape: tuple[int, ...], kernel: Sequence[int], options: Options, channels: int
) -> tuple[int, ...]:
    if len(shape) != 4 or options.padding not in ("SAME", "VALID"):
        raise ExportError(f"a kernel {tuple(kernel)} on {shape}, padding {options.padding!r}")
    height, width = (fit(shape[1 + axis], kernel[axis], axis, options)[0] for axis in range(2))
    if height < 1 or width < 1:
        raise ExportError(f"a kernel {tuple(kernel)} does not fit into {shape}")
    return (shape[0], height, width, channels)


def _check_float(x: Handle, what: str) -> None:
    if x.dtype != "float32":
        raise ExportError(f"{what} of a tensor of {x.dtype}; expected float32: dequantize first")


def _check_sums(layer: str, x: Handle, weights: NDArray[Any], biases: NDArray[Any]) -> None:
    """The worst sum must fit the kernels' int32."""
    zero = x.quant.zero_point if x.quant else 0
    magnitude = np.abs(weights.astype(np.int64)).reshape(len(weights), -1).sum(axis=1)
    worst = int((magnitude * max(127 - zero, 128 + zero) + np.abs(biases)).max())
    if worst >= 2**31:
        raise ExportError(f"{layer} whose sums reach {worst}; expected below 2^31")
