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
