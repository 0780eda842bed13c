"""A network along streams: what its windows say one after the other, each layer computed once."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from qkeras import QDense

from kws_train.config import ConfigError, NetworkConfig

Tensor = Any

LAYERS = ("bands", "conv", "depthwise", "dense", "pool", "residual")  # that can be moved along


def outputs(config: NetworkConfig, model: Tensor, x: Tensor) -> Tensor:
    """What a model says along streams: [n, t, coefficients, 1] to [n, outputs, labels].

    What its windows say one after the other, of a network without padding; each layer's outputs are
    computed once. Where a window has columns that no layer reads at its end, the last outputs are
    of windows that are not whole. Norms are used as they are, and nothing is dropped. `stride`
    tells which networks can.
    """
    layers = {layer.name: layer for layer in model.layers}

    def linear(x: Tensor, name: str) -> Tensor:
        return layers[f"{name}_norm"](layers[name](x), training=False)

    def code(x: Tensor, name: str) -> Tensor:
        """Of a network in float as it is, but for what a ReLU cuts off."""
        found = layers.get(f"{name}_code") or layers.get(f"{name}_relu")
        return found(x) if found else x

    def residual(x: Tensor, name: str) -> Tensor:
        y = code(linear(x, f"{name}a"), f"{name}a")
        y = code(linear(y, f"{name}b"), f"{name}b")
        if f"{name}s" in layers:
            x = code(linear(x, f"{name}s"), f"{name}s")
        if f"{name}_crop" in layers:
            x = layers[f"{name}_crop"](x)
        return code(x + y, name)

    for index, layer in enumerate(config.layers):
        name = f"{layer.kind}{index}"
        if layer.kind == "pool":
            x = layers[name](x)
        elif layer.kind == "dense":
            x = code(_dense_along(model, x, name), name)
        elif layer.kind == "bands":
            x = layers[f"{name}_side"](code(linear(x, name), name))
        elif layer.kind == "residual":
            x = residual(x, name)
        else:
            x = code(linear(x, name), name)
    return code(_dense_along(model, x, "labels"), "labels")[:, :, 0]


def stride(config: NetworkConfig) -> int:
    """Columns from one output along a stream to the next.

    Raises `ConfigError` for a network that cannot run along one.
    """
    if config.padding != "valid":
        raise ConfigError(f"padding is {config.padding!r}; expected 'valid' along streams")
    step = 1
    for index, layer in enumerate(config.layers):
        if layer.kind not in LAYERS:
            raise ConfigError(
                f"layer {index} is {layer.kind!r}; expected {', '.join(LAYERS)} along streams"
            )
        step *= (layer.kernel if layer.kind == "pool" else layer.stride)[0]
    return step


def _dense_along(model: Tensor, x: Tensor, name: str) -> Tensor:
    """A dense layer and its norm, of every stretch of rows that it reads: [n, t, 1, filters]."""
    dense, norm = model.get_layer(name), model.get_layer(f"{name}_norm")
    frequencies, channels = x.shape[2:]
    kernel = dense.kernel
    if isinstance(dense, QDense):
        kernel = dense.kernel_quantizer_internal(kernel)
    kernel = tf.reshape(kernel, (-1, frequencies, channels, dense.units))
    x = tf.nn.conv2d(x, kernel, strides=1, padding="VALID") + dense.bias
    units = norm(tf.reshape(x, (-1, dense.units, 1)), training=False)
    return tf.reshape(units, tf.shape(x))
