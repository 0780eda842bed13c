"""The int8 operators of the golden model, in integers.

Stated after TFLite's reference kernels; a value is scale * (code - zero point) throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kws import fixed_point
from kws.fixed_point import Ints, quantise_multiplier
from kws.graph import Options, Tensor
from kws.taps import taps

Array = NDArray[Any]
Codes = NDArray[np.int8]

_EXACT_IN_FLOAT32 = 2**24  # integers up to here have no gaps


class Value(NamedTuple):
    """A tensor and its values: of a whole batch, or a constant's."""

    tensor: Tensor
    data: Any  # an array of the tensor's type

    @property
    def centred(self) -> Ints:
        """Codes less the zero point."""
        return np.asarray(self.data.astype(np.int64) - self.tensor.zero_point)


def conv_2d(inputs: Sequence[Value], out: Tensor, options: Options) -> Codes:
    """Weights [channels, height, width, depth], a scale a channel."""
    x, weights = inputs[0], inputs[1].data
    kind = _exact_type(x.tensor, weights)
    centred = x.data.astype(kind) - kind(x.tensor.zero_point)
    under = np.concatenate(list(taps(centred, weights.shape[1:3], options, 0)), axis=-1)
    matrix = weights.reshape(len(weights), -1).astype(kind)
    return _output(under @ matrix.T, _channel_scales(inputs), inputs, out, options)


def depthwise_conv_2d(inputs: Sequence[Value], out: Tensor, options: Options) -> Codes:
    """Weights [1, height, width, channels]: the same count of channels for each input's."""
    x, weights = inputs[0], inputs[1].data[0]
    under = taps(x.centred, weights.shape[:2], options, 0)
    multiple = weights.shape[2] // x.data.shape[3]
    flat = weights.reshape(-1, weights.shape[2]).astype(np.int64)
    sums = sum(np.repeat(tap, multiple, axis=3) * w for tap, w in zip(under, flat, strict=True))
    return _output(np.asarray(sums), _channel_scales(inputs), inputs, out, options)


def fully_connected(inputs: Sequence[Value], out: Tensor, options: Options) -> Codes:
    """Weights [units, inputs]; one scale for all of them is multiplied in float32, by TFLite."""
    x, weights = inputs[0], inputs[1].data
    kind = _exact_type(x.tensor, weights)
    rows = x.data.reshape(-1, weights.shape[1]).astype(kind) - kind(x.tensor.zero_point)
    scales = _channel_scales(inputs)
    if len(scales) == 1:
        scales = (x.tensor.scales * inputs[1].tensor.scales).astype(np.float64)
    return _output(rows @ weights.T.astype(kind), scales, inputs, out, options)


def average_pool_2d(inputs: Sequence[Value], out: Tensor, options: Options) -> Codes:
    """The mean of the codes inside, to the nearest, ties away from zero."""
    x = inputs[0].data
    total: Any = sum(taps(x.astype(np.int64), options.window, options, 0))
    inside = np.ones((1, *x.shape[1:3], 1), np.int64)
    count: Any = sum(taps(inside, options.window, options, 0))
    return _clamp(np.sign(total) * ((np.abs(total) + count // 2) // count), out, options)


def max_pool_2d(inputs: Sequence[Value], out: Tensor, options: Options) -> Codes:
    """The largest code inside."""
    largest = np.max(list(taps(inputs[0].data, options.window, options, -128)), axis=0)
    return _clamp(largest.astype(np.int64), out, options)


def mean(inputs: Sequence[Value], out: Tensor, _options: Options) -> Codes:
    """The multiplier takes up the division by the count: QuantizedMeanOrSum."""
    x = inputs[0]
    axes = tuple({int(axis) % x.data.ndim for axis in inputs[1].data.flat})
    count = int(np.prod([x.data.shape[axis] for axis in axes]))
    multiplier, shift = quantise_multiplier(x.tensor.scale / out.scale)
    down = min(count.bit_length() - 1, 32, 31 + int(shift))
    total = x.centred.sum(axis=axes)
    scaled = fixed_point.multiply(total, (multiplier << down) // count, shift - down)
    return _saturate(scaled + out.zero_point)


def reduce_max(inputs: Sequence[Value], _out: Tensor, _options: Options) -> Codes:
    """The largest code over some axes."""
    x = inputs[0].data
    return np.asarray(x.max(axis=tuple({int(axis) % x.ndim for axis in inputs[1].data.flat})))


def add(inputs: Sequence[Value], out: Tensor, options: Options) -> Codes:
    """Both inputs come to one scale, 20 bits finer than twice the larger of theirs."""
    twice = 2 * max(value.tensor.scale for value in inputs)
    total: Any = sum(
        fixed_point.multiply(v.centred << 20, *quantise_multiplier(v.tensor.scale / twice))
        for v in inputs
    )
    factor = quantise_multiplier(twice / (2.0**20 * out.scale))
    return _clamp(fixed_point.multiply(total, *factor) + out.zero_point, out, options)


def softmax(inputs: Sequence[Value], _out: Tensor, options: Options) -> Codes:
    """The output has the scale 1/256 and the zero point -128, as TFLite demands."""
    return fixed_point.softmax(inputs[0].data, options.beta * inputs[0].tensor.scale)


def pad(inputs: Sequence[Value], out: Tensor, _options: Options) -> Codes:
    """Surrounds with the code of 0."""
    return np.pad(inputs[0].data, inputs[1].data, constant_values=out.zero_point)


def quantize(inputs: Sequence[Value], out: Tensor, _options: Options) -> Codes:
    """From float, ties away from zero; or from int8 of another scale."""
    x = inputs[0]
    if x.tensor.dtype == "float32":
        ratio = (x.data / out.scales[0]).astype(np.float64)
        codes = np.copysign(np.floor(np.abs(ratio) + 0.5), ratio)
        return _saturate(codes.astype(np.int64) + out.zero_point)
    factor = quantise_multiplier(x.tensor.scale / out.scale)
    return _saturate(fixed_point.multiply(x.centred, *factor) + out.zero_point)


def relu(inputs: Sequence[Value], out: Tensor, _options: Options) -> Codes:
    """On its own: to the output's scale, then the limit, like TFLite's QuantizedReluX."""
    return _limited(inputs[0], out, "RELU")


def relu6(inputs: Sequence[Value], out: Tensor, _options: Options) -> Codes:
    """Like `relu`."""
    return _limited(inputs[0], out, "RELU6")


def relu_n1_to_1(inputs: Sequence[Value], out: Tensor, _options: Options) -> Codes:
    """Like `relu`."""
    return _limited(inputs[0], out, "RELU_N1_TO_1")


def minimum(inputs: Sequence[Value], _out: Tensor, _options: Options) -> Codes:
    """The smaller code of each pair; all have one scale and zero point."""
    return np.asarray(np.minimum(inputs[0].data, inputs[1].data))


def maximum(inputs: Sequence[Value], _out: Tensor, _options: Options) -> Codes:
    """Like `minimum`."""
    return np.asarray(np.maximum(inputs[0].data, inputs[1].data))


def strided_slice(inputs: Sequence[Value], out: Tensor, options: Options) -> Codes:
    """A part of each axis but the batch's, in steps of one; the output's shape has the lengths."""
    x = inputs[0].data
    starts = np.where(
        [options.begin_mask >> axis & 1 for axis in range(x.ndim)], 0, inputs[1].data
    ) % np.array(x.shape)
    axes = zip(starts[1:], out.shape[1:], strict=True)
    return np.asarray(x[(slice(None), *(slice(start, start + size) for start, size in axes))])


def _limited(x: Value, out: Tensor, activation: str) -> Codes:
    factor = quantise_multiplier(x.tensor.scale / out.scale)
    codes = fixed_point.multiply(x.centred, *factor) + out.zero_point
    return _clamp(codes, out, Options(activation=activation))


def _output(
    sums: Array, scales: NDArray[np.float64], inputs: Sequence[Value], out: Tensor, options: Options
) -> Codes:
    """Bias, scale, zero point and clamp of sums [..., channels]; `scales` are the sums'."""
    total = sums.astype(np.int64)
    if len(inputs) > 2:
        total += inputs[2].data
    factor = quantise_multiplier(scales / out.scale)
    return _clamp(fixed_point.multiply(total, *factor) + out.zero_point, out, options)


def _channel_scales(inputs: Sequence[Value]) -> NDArray[np.float64]:
    return inputs[0].tensor.scale * inputs[1].tensor.scales.astype(np.float64)


def _exact_type(x: Tensor, weights: Array) -> type[np.float32 | np.float64]:
    """The float type in which a product of integers is exact in whatever order it is added.

    No partial sum is larger than the sum of the magnitudes, and integers are exact up to 2^24 in
    float32 and 2^53 in float64. Floats, because their matrix products are fast.
    """
    each = np.abs(weights.astype(np.int64)).reshape(len(weights), -1).sum(axis=1)
    largest = max(127 - x.zero_point, 128 + x.zero_point) * int(each.max())
    return np.float32 if largest <= _EXACT_IN_FLOAT32 else np.float64


def limits(out: Tensor, activation: str) -> tuple[int, int]:
    """The codes of a fused activation's limits, to the nearest, ties away from zero."""
    low, high = ACTIVATIONS[activation]

    def code(limit: float) -> float:
        steps = float(np.float32(limit) / out.scales[0])
        return out.zero_point + float(np.copysign(np.floor(abs(steps) + 0.5), steps))

    return int(max(code(low), -128)), int(min(code(high), 127))


def _clamp(codes: Ints, out: Tensor, options: Options) -> Codes:
    return _saturate(np.clip(codes, *limits(out, options.activation)))


def _saturate(codes: Array) -> Codes:
    return np.clip(codes, -128, 127).astype(np.int8)


ACTIVATIONS = {
    "NONE": (-np.inf, np.inf),
    "RELU": (0.0, np.inf),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}
