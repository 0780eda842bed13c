"""Where the kernel of a convolution or a pool lies on its input."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.graph import Options


def fit(size: int, places: int, axis: int, options: Options) -> tuple[int, int]:
    """Outputs along height (axis 0) or width (1), and the padding that they take."""
    stride = options.stride[axis]
    span = (places - 1) * options.dilation[axis] + 1
    count = -(-size // stride) if options.padding == "SAME" else (size - span) // stride + 1
    return count, max((count - 1) * stride + span - size, 0)


def taps(
    x: NDArray[Any], kernel: tuple[int, ...], options: Options, fill: float
) -> Iterator[NDArray[Any]]:
    """For each place of the kernel, row by row: what of x [n, h, w, c] lies under it, [n, H, W, c].

    `fill` is what lies outside. SAME padding gives ceil(size / stride) outputs and puts the odd
    row or column of padding behind, as TFLite's ComputePaddingHeightWidth does.
    """
    pads, counts = [], []
    for axis in range(2):
        count, missing = fit(x.shape[1 + axis], kernel[axis], axis, options)
        pads.append((missing // 2, missing - missing // 2))
        counts.append(count)
    padded = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=fill)
    for place in product(range(kernel[0]), range(kernel[1])):
        rows, columns = (
            slice(at * dilation, at * dilation + (count - 1) * stride + 1, stride)
            for at, count, stride, dilation in zip(
                place, counts, options.stride, options.dilation, strict=True
            )
        )
        yield padded[:, rows, columns]
