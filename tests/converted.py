"""Ordinary Keras networks with random weights, converted to int8 by TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

layers = tf.keras.layers


def ds_cnn(x: Any) -> Any:
    """Depthwise separable, with batch norms: Zhang et al."""
    x = _normed(layers.Conv2D(12, (10, 4), strides=(2, 2), padding="same", use_bias=False), x)
    for _ in range(2):
        x = _normed(layers.DepthwiseConv2D(3, padding="same", use_bias=False), x)
        x = _normed(layers.Conv2D(12, 1, use_bias=False), x)
    return layers.GlobalAveragePooling2D()(layers.Dropout(0.2)(x))


def residual(x: Any) -> Any:
    """A shortcut as it is, and one with a convolution of stride 2."""
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    y = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.ReLU()(layers.Add()([x, layers.Conv2D(8, 3, padding="same")(y)]))
    y = layers.Conv2D(12, 3, strides=2, padding="same", activation="relu")(x)
    y = layers.Conv2D(12, 3, padding="same")(y)
    x = layers.ReLU(6)(layers.Add()([layers.Conv2D(12, 1, strides=2)(x), y]))
    return layers.Flatten()(layers.AveragePooling2D(2)(x))


def bottleneck(x: Any) -> Any:
    """Kernels of 1 that widen and narrow: MobileNet v2."""
    x = layers.Conv2D(16, 1, activation="relu6")(x)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", activation="relu6")(x)
    x = layers.Conv2D(6, 1)(x)
    y = layers.Conv2D(16, 1, activation="relu6")(x)
    y = layers.DepthwiseConv2D((5, 3), padding="same", activation="relu6")(y)
    return layers.GlobalMaxPooling2D()(layers.Add()([x, layers.Conv2D(6, 1)(y)]))


def valid_strides(x: Any) -> Any:
    """Stride 2 without padding, twice, and a pool: a stream."""
    x = layers.ReLU(0.7)(layers.Conv2D(6, (4, 3), strides=(2, 2))(x))  # a limit on its own
    x = layers.Conv2D(7, (3, 2), strides=(2, 1), activation="relu")(x)
    return layers.Dense(9, activation="relu")(layers.Flatten()(layers.MaxPool2D((2, 1))(x)))


def padded(x: Any) -> Any:
    """Padding that differs from side to side, and a reshape to what only running it tells."""
    x = layers.ZeroPadding2D(((0, 1), (2, 0)))(x)
    x = layers.Conv2D(6, 3, strides=2, activation="relu")(x)
    x = layers.MaxPool2D(3, 2, padding="same")(layers.ZeroPadding2D(((1, 2), (0, 3)))(x))
    x = layers.ReLU()(layers.Conv2D(4, 3, padding="same")(x))
    return layers.GlobalAveragePooling1D()(layers.Reshape((-1, 4))(x))


def dilated(x: Any) -> Any:
    """Dilation along one axis and both, with and without padding, depthwise too."""
    x = layers.Conv2D(6, (3, 3), dilation_rate=(2, 1), activation="relu")(x)
    x = layers.Conv2D(6, 3, dilation_rate=2, padding="same", activation="relu")(x)
    x = layers.DepthwiseConv2D(3, dilation_rate=(2, 2), padding="same", activation="relu")(x)
    return layers.Flatten()(x)


def multiplied(x: Any) -> Any:
    """Depthwise convolutions with two channels for each."""
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu")(x)
    x = layers.SeparableConv2D(6, 3, depth_multiplier=2, padding="same", activation="relu")(x)
    return layers.GlobalAveragePooling2D()(x)


def temporal(x: Any) -> Any:
    """1-D, with a shortcut that is cropped: a stream."""
    x = layers.Reshape(x.shape[1:3])(x)
    x = layers.Conv1D(6, 3, activation="relu")(x)
    y = layers.Conv1D(6, 5, dilation_rate=2)(x)
    x = layers.ReLU()(layers.Add()([layers.Cropping1D((8, 0))(x), y]))
    x = layers.SeparableConv1D(7, 3, strides=2, activation="relu")(x)
    return layers.Flatten()(layers.Conv1D(4, 2, activation="relu")(layers.MaxPool1D(2)(x)))


def rows(x: Any) -> Any:
    """A dense layer on each row: a stream."""
    x = layers.Reshape(x.shape[1:3])(x)
    x = layers.Dense(6, activation="relu")(x)
    return layers.Flatten()(layers.Dense(4, activation="relu")(x))


# whether each can be a stream
NETWORKS = {
    ds_cnn: False,
    residual: False,
    bottleneck: False,
    valid_strides: True,
    padded: False,
    dilated: False,
    multiplied: False,
    temporal: True,
    rows: True,
}
SHAPES = {multiplied: (20, 8, 2), bottleneck: (20, 8, 3)}


def convert(make: Any, batch: int | None, rng: np.random.Generator) -> bytes:
    """The .tflite of a network with a dense layer and softmax behind; `batch` may be left open."""
    x = layers.Input(SHAPES.get(make, (31, 9, 1)), batch_size=batch)
    model = tf.keras.Model(x, layers.Dense(5, activation="softmax")(make(x)))
    for weight in model.weights:
        shape = tuple(weight.shape)
        taps = shape[:2] if "depthwise" in weight.name else shape[:-1]
        spread = 2 / np.sqrt(np.prod(taps)) if len(shape) > 1 else 0.2
        one = "variance" in weight.name or "gamma" in weight.name
        weight.assign(rng.uniform(0.5, 1.5, shape) if one else rng.normal(0, spread, shape))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [rng.normal(0, 1, (1, *x.shape[1:])).astype(np.float32)] for _ in range(20)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _normed(layer: Any, x: Any) -> Any:
    return layers.ReLU()(layers.BatchNormalization()(layer(x)))
