"""Trained weights into a network of another precision, or whose last layers run along streams."""

from __future__ import annotations

from typing import Any

import numpy as np
from qkeras import QDense, QDepthwiseConv2D

from kws_train.network import QConv2D, keras

Tensor = Any


def transfer(source: Tensor, target: Tensor) -> None:
    """Copy the weights of layers of the same name and shape, scaled to the target's quantisers.

    Layers of another shape, and the norms behind them, stay as they are.

    A quantised kernel must fill -1 to 1. Dividing a float kernel by its largest value (of a
    channel, or of a whole dense layer) and the norm behind it likewise leaves the function as it
    was; a binary kernel, which keeps the signs alone, is divided so that few values are clipped.
    """
    sources = {layer.name: layer for layer in source.layers if layer.weights}
    sizes: dict[str, Any] = {}
    left: set[str] = set()  # norms behind layers that are not copied
    for layer in target.layers:
        if layer.name not in sources:
            _unroll(layer, sources, target)
            continue
        if _shapes(layer) != _shapes(sources[layer.name]) or layer.name in left:
            left.add(f"{layer.name}_norm")
            continue
        values = sources[layer.name].get_weights()
        if type(layer) is not type(sources[layer.name]):
            size = sizes[f"{layer.name}_norm"] = _largest(layer, values[0])
            values = [values[0] / size, *(bias / np.max(size) for bias in values[1:])]
        elif layer.name in sizes:
            gain, shift, mean, variance = values
            size = sizes[layer.name].reshape(-1)
            values = [gain, shift, mean / size, variance / size**2]
        layer.set_weights(values)


def _unroll(conv: Tensor, sources: dict[str, Tensor], target: Tensor) -> None:
    """Give a convolution over as many rows as a dense layer reads the weights of that layer.

    A convolution's biases are its norm's: a dense layer's come into the mean.
    """
    name = conv.name.replace("conv", "dense")
    kind = QDense if isinstance(conv, QConv2D) else keras.layers.Dense
    if not isinstance(conv, keras.layers.Conv2D) or type(sources.get(name)) is not kind:
        return
    kernel, bias = sources[name].get_weights()
    gain, shift, mean, variance = sources[f"{name}_norm"].get_weights()
    if kernel.size != np.prod(conv.kernel.shape):
        return
    conv.set_weights([kernel.reshape(conv.kernel.shape)])
    each = np.ones_like(bias)
    target.get_layer(f"{conv.name}_norm").set_weights(
        [gain * each, shift * each, mean - bias, variance * each]
    )


def _shapes(layer: Tensor) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def _largest(layer: Tensor, kernel: Any) -> Any:
    """What to divide a kernel by, broadcastable to it."""
    depthwise = isinstance(layer, QDepthwiseConv2D)
    binary = not depthwise and "binary" in str(layer.kernel_quantizer)
    if isinstance(layer, QDense):
        return np.full((1, 1), 2 * np.abs(kernel).mean() if binary else np.abs(kernel).max())
    size = np.abs(kernel)
    axes = (0, 1, 3) if depthwise else (0, 1, 2)
    if binary:
        return 2 * size.mean(axis=axes, keepdims=True)
    return size.max(axis=axes, keepdims=True) + 1e-9
