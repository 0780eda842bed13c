"""Where the kernel of a layer lies on its input, and what is padded around."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kws.graph import Tensor
from kws.layers import Layer, has_sound_scales
from kws.taps import fit


@dataclass(frozen=True)
class Slide:
    """Where a kernel or a pool lies; `missing` are the rows of padding that it takes in time."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    top: int
    left: int
    missing: int

    @property
    def span(self) -> int:
        """Rows that it covers."""
        return (self.kernel[0] - 1) * self.dilation[0] + 1

    def rows(self, out: int) -> int:
        """Rows that so many rows put out are made of, without padding."""
        return (out - 1) * self.stride[0] + self.span


def slide(layer: Layer) -> Slide:
    """The geometry of a convolution or a pool, checked against the shape that it puts out."""
    node, options = layer.node, layer.node.options
    if node.op in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        kernel = layer.pair(weights_of(layer).shape[1:3])
    else:
        kernel = layer.pair(options.window)
    stride, dilation = layer.pair(options.stride), layer.pair(options.dilation)
    before, behind = _folded(layer)
    turned = replace(options, stride=stride, dilation=dilation)
    missing, first = [], []
    for axis in range(2):
        size = layer.inputs[0].shape[axis] + before[axis] + behind[axis]
        count, padding = fit(size, kernel[axis], axis, turned)
        if count != layer.shape[axis]:
            raise layer.refuse(f"puts out {tuple(layer.shape)}; expected {count} on axis {axis}")
        missing.append(padding + before[axis] + behind[axis])
        first.append(padding // 2 + before[axis])
    return Slide(kernel, stride, dilation, first[0], first[1], missing[0])


def pad_widths(layer: Layer, index: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Of the pad at node `index`: rows and columns before, rows and columns behind."""
    node = layer.graph.nodes[index]
    data = layer.graph.tensors[node.inputs[1]].data
    widths = np.zeros((0, 2)) if data is None else np.asarray(data)
    inner = widths[1:3] if len(widths) == 4 else widths[1:2]
    if not 3 <= len(widths) <= 4 or widths.min() < 0 or widths[0].any() or widths[-1].any():
        raise layer.refuse(f"pads by {widths.tolist()}; expected a constant for height and width")
    pairs = [(int(a), int(b)) for a, b in inner] + [(0, 0)] * (2 - len(inner))
    (top, bottom), (left, right) = pairs[::-1] if layer.turned else pairs
    return (top, left), (bottom, right)


def _folded(layer: Layer) -> tuple[tuple[int, int], tuple[int, int]]:
    return ((0, 0), (0, 0)) if layer.folded is None else pad_widths(layer, layer.folded)


def weights_of(layer: Layer) -> Tensor:
    """The int8 weights, with zero point 0; raises `ArtefactError` where they are none."""
    weights = layer.operand(1)
    if weights is None or weights.data is None or weights.dtype != "int8":
        raise layer.refuse("weights are not an int8 constant")
    if not len(weights.scales) or weights.zero_points.any() or not has_sound_scales(weights):
        raise layer.refuse("weights without sound scales, or with a zero point that is not 0")
    return weights
