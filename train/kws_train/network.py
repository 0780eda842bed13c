"""Networks in Keras and QKeras, built from an experiment's list of layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import qkeras
import tensorflow as tf
from qkeras import QActivation, QDense, QDepthwiseConv2D

from kws.spec import FrontEnd
from kws.tables import dct
from kws_train.config import ConfigError, Layer, NetworkConfig

keras: Any = tf.keras
Constraint: Any = keras.constraints.Constraint
Tensor = Any

WEIGHTS = {"int8": "quantized_bits(8, 0, 1, 1, alpha=1.0)", "binary": "binary(alpha=1)"}
RELU_STEP = 2.0**-6  # of an activation's code, 0 to 255
RELU = "quantized_relu(8, 2)"
RELU_TOP = 255 * RELU_STEP
BRANCH_STEP = 2.0**-5  # of the code of a value of either sign, -128 to 127
BRANCH = "quantized_bits(8, 2, 0, alpha=1.0)"
LOGIT_STEP = 2.0**-3  # of a logit's code, -128 to 127
LOGITS = "quantized_bits(8, 4, 1, alpha=1.0)"
MOVING = ("bands", "conv", "depthwise", "dense", "pool", "residual")  # layers along streams
_EPSILON = 1e-3
_GAIN_FLOOR = 1e-2


class GainFloor(Constraint):  # type: ignore[misc]
    """Keeps a norm's gain positive, so that folding it into the scales keeps every weight code."""

    def __call__(self, w: Tensor) -> Tensor:
        """The nearest gain that is allowed."""
        return tf.maximum(w, _GAIN_FLOOR)


class QConv2D(qkeras.QConv2D):  # type: ignore[misc]
    """QKeras's with frequency folded into channels: the same sums, faster in training.

    What a kernel with stride s reads of s neighbours in frequency, one without stride reads of s
    times as many channels; a kernel that covers all frequencies becomes one over time alone. On a
    CPU strides and few channels are slow, most of all in the gradients. It has QKeras's name, since
    files of weights tell layers apart by it.
    """

    def call(self, inputs: Tensor) -> Tensor:
        """[n, t, f, c] to what QKeras makes of it."""
        (over_time, over_frequency), (step, fold) = self.kernel_size, self.strides
        frequencies, channels = inputs.shape[2:]
        if over_frequency == frequencies:
            fold = frequencies
        if self.padding != "valid" or self.use_bias or step > 1 or frequencies % fold:
            return super().call(inputs)
        beyond = -over_frequency % fold
        kernel = tf.pad(
            self.kernel_quantizer_internal(self.kernel), ((0, 0), (0, beyond), (0, 0), (0, 0))
        )
        places, deep = (over_frequency + beyond) // fold, fold * channels
        return tf.nn.conv2d(
            tf.reshape(inputs, (-1, inputs.shape[1], frequencies // fold, deep)),
            tf.reshape(kernel, (over_time, places, deep, self.filters)),
            strides=1,
            padding="VALID",
        )


class UnitRange(Constraint):  # type: ignore[misc]
    """Keeps weights where their quantiser reaches, -1 to 1."""

    def __call__(self, w: Tensor) -> Tensor:
        """The nearest weights that are allowed."""
        return tf.clip_by_value(w, -1.0, 1.0)


def build(
    config: NetworkConfig,
    spec: FrontEnd,
    labels: int,
    words: int,
    heard: tuple[int, int] | None = None,
) -> Tensor:
    """A model from float columns [n, columns, coefficients, 1] to two heads of logits.

    `heard` are the rows and numbers of what it hears in place of columns and coefficients. The
    first head has one logit a label; the second, for training alone, one a word.
    """
    maker = _Maker(config, spec)
    x = inputs = keras.Input((*(heard or (spec.columns, spec.coefficients)), 1), name="columns")
    for index, layer in enumerate(config.layers):
        x = maker.layer(x, layer, f"{layer.kind}{index}")
    head = Layer("dense", labels)
    logits = maker.linear(x, head, "labels")
    if not maker.elu:
        logits = maker.norm(logits, head, "labels")
    if maker.quantised:
        logits = QActivation(LOGITS, name="labels_code")(logits)
    auxiliary = keras.layers.Dense(words, name="words")(x)
    return keras.Model(inputs, [logits, auxiliary])


def pair(layer: Layer) -> tuple[Layer, Layer]:
    """The two convolutions of a `residual` or `separable` layer; `weights` are the second's."""
    if layer.kind == "separable":
        first = Layer("depthwise", layer.filters, layer.kernel, layer.stride)
        return first, Layer("conv", layer.filters, (1, 1), weights=layer.weights)
    first = Layer("conv", layer.filters, layer.kernel, layer.stride)
    return first, Layer("conv", layer.filters, layer.kernel, weights=layer.weights)


def over_all(layer: Layer, spec: FrontEnd) -> Layer:
    """The convolution of a `bands` layer: each band from all coefficients of a column."""
    size = (1, spec.coefficients)
    return replace(layer, kind="conv", kernel=size, stride=size)


class _Maker:
    """Adds layers in the network's precision; equal names let weights move between precisions."""

    def __init__(self, config: NetworkConfig, spec: FrontEnd) -> None:
        if config.precision not in ("float", "int8"):
            raise ConfigError(f"precision is {config.precision!r}; expected 'float' or 'int8'")
        if config.activation not in ("relu", "elu"):
            raise ConfigError(f"activation is {config.activation!r}; expected 'relu' or 'elu'")
        if config.padding not in ("same", "valid"):
            raise ConfigError(f"padding is {config.padding!r}; expected 'same' or 'valid'")
        self.padding = config.padding
        self.spec = spec
        self.quantised = config.precision != "float"
        self.elu = config.activation == "elu"
        if self.quantised and self.elu:
            raise ConfigError("an int8 network needs activation 'relu'; ELU has no 8-bit form")

    def layer(self, x: Tensor, layer: Layer, name: str) -> Tensor:
        if layer.kind == "pool":
            return keras.layers.MaxPool2D(layer.kernel, name=name)(x)
        if layer.kind == "average":
            x = keras.layers.GlobalAveragePooling2D(name=name)(x)
            x = QActivation(RELU, name=f"{name}_code")(x) if self.quantised else x
            return keras.layers.Dropout(layer.dropout)(x) if layer.dropout else x
        if layer.kind in ("residual", "separable"):
            x = self.residual(x, layer, name)
            return keras.layers.Dropout(layer.dropout)(x) if layer.dropout else x
        if layer.kind == "bands":
            return self.bands(x, layer, name)
        if layer.kind == "norm":
            return keras.layers.BatchNormalization(name=name, epsilon=_EPSILON, momentum=0.95)(x)
        if layer.kind not in ("conv", "depthwise", "dense"):
            raise ConfigError(f"layer kind {layer.kind!r} is not known")
        x = self.linear(x, layer, name)
        if self.elu:
            x = keras.layers.ELU(name=f"{name}_elu")(x)
        else:
            x = self.relu(self.norm(x, layer, name), name)
        return keras.layers.Dropout(layer.dropout)(x) if layer.dropout else x

    def linear(self, x: Tensor, layer: Layer, name: str, **options: Any) -> Tensor:
        """The products and sums of a layer, without norm and activation."""
        options["name"] = name
        quantiser = WEIGHTS[layer.weights or "int8"]
        if layer.kind == "dense":
            x = keras.layers.Flatten(name=f"{name}_flat")(x) if len(x.shape) > 2 else x
            if not self.quantised:
                return keras.layers.Dense(layer.filters, **options)(x)
            options |= {"kernel_quantizer": quantiser, "kernel_constraint": UnitRange()}
            return QDense(layer.filters, **options)(x)
        # a bias before a norm would be idle
        options |= {"padding": self.padding, "strides": layer.stride, "use_bias": self.elu}
        kind = "depthwise" if layer.kind == "depthwise" else "kernel"
        if self.quantised:
            options |= {f"{kind}_quantizer": quantiser, f"{kind}_constraint": UnitRange()}
        if kind == "depthwise":
            depthwise = QDepthwiseConv2D if self.quantised else keras.layers.DepthwiseConv2D
            return depthwise(layer.kernel, **options)(x)
        conv = QConv2D if self.quantised else keras.layers.Conv2D
        return conv(layer.filters, layer.kernel, **options)(x)

    def norm(self, x: Tensor, layer: Layer, name: str) -> Tensor:
        """Batch norm: a gain a channel, or one for a whole dense layer.

        TFLite's fully-connected layer has one scale for all its weights, so what folds into it
        must be one number; its biases stay one a unit.
        """
        options = {
            "name": f"{name}_norm",
            "epsilon": _EPSILON,
            "momentum": 0.95,
            "gamma_constraint": GainFloor(),
        }
        if layer.kind != "dense":
            return keras.layers.BatchNormalization(**options)(x)
        x = keras.layers.Reshape((layer.filters, 1), name=f"{name}_units")(x)
        x = keras.layers.BatchNormalization(**options)(x)
        return keras.layers.Reshape((layer.filters,), name=f"{name}_row")(x)

    def relu(self, x: Tensor, name: str) -> Tensor:
        if self.quantised:
            return QActivation(RELU, name=f"{name}_code")(x)
        return keras.layers.ReLU(max_value=RELU_TOP, name=f"{name}_relu")(x)

    def residual(self, x: Tensor, layer: Layer, name: str) -> Tensor:
        """Two convolutions and a shortcut beside them (He et al., 1512.03385).

        Without padding the shortcut leaves out the rows that the kernels do, evenly at both ends.
        A `separable` layer's are a depthwise one and one of 1 x 1, nothing but a norm between
        them (Chollet, 1610.02357), and it has a shortcut only where x can be added as it is.
        """
        first, second = pair(layer)
        y = self.norm(self.linear(x, first, f"{name}a"), first, f"{name}a")
        y = self.code(y, f"{name}a") if layer.kind == "separable" else self.relu(y, f"{name}a")
        y = self.norm(self.linear(y, second, f"{name}b"), second, f"{name}b")
        plain = x.shape[-1] == layer.filters and layer.stride == (1, 1)
        if layer.kind == "separable" and not plain:
            return self.relu(y, f"{name}b")
        if not plain:
            short = Layer("conv", layer.filters, (1, 1), layer.stride)
            x = self.norm(self.linear(x, short, f"{name}s"), short, f"{name}s")
            x = self.code(x, f"{name}s")
        if rows := x.shape[1] - y.shape[1]:
            cut = ((rows // 2, rows - rows // 2), (0, 0))
            x = keras.layers.Cropping2D(cut, name=f"{name}_crop")(x)
        y = self.code(y, f"{name}b")
        return self.relu(keras.layers.Add(name=f"{name}_sum")([x, y]), name)

    def code(self, x: Tensor, name: str) -> Tensor:
        """Values without a ReLU, of both signs, as 8-bit codes."""
        return QActivation(BRANCH, name=f"{name}_code")(x) if self.quantised else x

    def bands(self, x: Tensor, layer: Layer, name: str) -> Tensor:
        """[n, t, coefficients, 1] as [n, t, filters, 1]: what lies near in frequency lies near.

        The map begins as the inverse of the front-end's DCT, so that kernels over time and
        frequency see a spectrum again.
        """
        inverse = np.linalg.pinv(dct(self.spec)) @ np.diag(self.spec.deviation)
        at = np.linspace(0, len(inverse) - 1, layer.filters)
        kernel = np.stack([np.interp(at, range(len(inverse)), c) for c in inverse.T])
        kernel /= np.abs(kernel).max(axis=0)
        start = keras.initializers.Constant(kernel[None, :, None, :])
        whole = over_all(layer, self.spec)
        x = self.norm(self.linear(x, whole, name, kernel_initializer=start), whole, name)
        return keras.layers.Permute((1, 3, 2), name=f"{name}_side")(self.code(x, name))


def along(config: NetworkConfig, model: Tensor, x: Tensor) -> Tensor:
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
        if layer.kind not in MOVING:
            raise ConfigError(
                f"layer {index} is {layer.kind!r}; expected {', '.join(MOVING)} along streams"
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
