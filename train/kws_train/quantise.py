"""From a trained Keras or QKeras network to the .tflite of exactly its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_train.config import Experiment, Layer
from kws_train.export_tflite import Builder, Quant
from kws_train.network import BRANCH_STEP, LOGIT_STEP, RELU_STEP, over_all, pair

WEIGHT_STEP = 2.0**-7  # of an 8-bit weight's code, -127 to 127
ACTIVATION = Quant(RELU_STEP, -128)
BRANCH = Quant(BRANCH_STEP, 0)
LOGIT = Quant(LOGIT_STEP, 0)


@dataclass(frozen=True)
class Folded:
    """A layer and the norm behind it as integers.

    codes  int8, the kernel as TFLite orders it; a binary kernel is +1 and -1
    scale  float32, one a channel, or one for a whole dense layer
    bias   int32, one a channel, in steps of the input's step times `scale`
    """

    codes: NDArray[np.int8]
    scale: NDArray[np.float32]
    bias: NDArray[np.int32]


def export(experiment: Experiment, model: Any) -> bytes:
    """The network's first head as a .tflite: int8 columns in, int8 posteriors out."""
    spec = experiment.front_end
    builder = Builder((1, spec.columns, spec.coefficients, 1), Quant(spec.step, 0))
    quantised = experiment.network.precision != "float"
    add = partial(
        _add_quantised if quantised else _add_float, padding=experiment.network.padding.upper()
    )
    x = builder.input if quantised else builder.dequantize(builder.input)
    for index, layer in enumerate(experiment.network.layers):
        name = f"{layer.kind}{index}"
        if layer.kind == "pool":
            x = builder.max_pool(x, layer.kernel)
        elif layer.kind == "average":
            x = builder.mean(x)
        elif layer.kind == "bands":
            x = _add_quantised(builder, x, over_all(layer, spec), model, name, "VALID", BRANCH)
            x = builder.reshape(x, (1, x.shape[1], layer.filters, 1))
        elif layer.kind in ("residual", "separable"):
            x = _add_pair(builder, x, layer, model, name, experiment.network.padding.upper())
        else:
            x = add(builder, x, layer, model, name)
    head = Layer("dense", len(experiment.labels))
    x = builder.softmax(add(builder, x, head, model, "labels"))
    return builder.finish(
        x if quantised else builder.quantize(x, Quant(1 / 256, -128)), experiment.description
    )


def fold(layer: Any, norm: Any, step: float) -> Folded:
    """Fold a norm into the quantised layer before it, whose input has steps of `step`.

    The norm's factor goes into the scales, where it is exact; the kernel's codes stay the
    trained ones.
    """
    weights = layer.get_weights()
    depthwise = "Depthwise" in type(layer).__name__
    binary = is_binary(layer)
    values = np.asarray(_quantised_kernel(layer, depthwise))
    codes = np.rint(values if binary else values / WEIGHT_STEP)
    gain, shift, mean, variance = (np.asarray(v, np.float64) for v in norm.get_weights())
    factor = gain / np.sqrt(variance + norm.epsilon)
    scale = (factor * (1.0 if binary else WEIGHT_STEP)).astype(np.float32)
    inner = np.asarray(weights[1], np.float64) if len(weights) > 1 else 0.0
    bias = (inner - mean) * factor + shift
    return Folded(
        _tflite_order(codes, depthwise).astype(np.int8),
        scale,
        np.rint(bias / (step * scale.astype(np.float64))).astype(np.int32),
    )


def is_binary(layer: Any) -> bool:
    """Whether a quantised layer's weights are +1 and -1."""
    depthwise = "Depthwise" in type(layer).__name__
    return "binary" in str(layer.depthwise_quantizer if depthwise else layer.kernel_quantizer)


def _quantised_kernel(layer: Any, depthwise: bool) -> Any:
    if depthwise:
        return layer.depthwise_quantizer_internal(layer.depthwise_kernel)
    return layer.kernel_quantizer_internal(layer.kernel)


def _tflite_order(kernel: NDArray[Any], depthwise: bool) -> NDArray[Any]:
    """HWIO to OHWI; HWC1 of a depthwise kernel to 1HWC; [in, out] of a dense one to [out, in]."""
    if depthwise:
        return kernel.transpose(3, 0, 1, 2)
    return np.moveaxis(kernel, -1, 0)


def _add_quantised(
    builder: Builder,
    x: Any,
    layer: Layer,
    model: Any,
    name: str,
    padding: str,
    out: Quant | None = None,
) -> Any:
    """A layer and its norm; with the network's ReLU, unless `out` says what it puts out."""
    folded = fold(model.get_layer(name), model.get_layer(f"{name}_norm"), float(x.quant.scale))
    out = LOGIT if name == "labels" else out
    options: dict[str, Any] = {
        "weight_scale": folded.scale,
        "out": out or ACTIVATION,
        "activation": "NONE" if out else "RELU",
    }
    if layer.kind == "dense":
        return builder.dense(x, folded.codes, folded.bias, **options)
    make = builder.depthwise if layer.kind == "depthwise" else builder.conv
    return make(x, folded.codes, folded.bias, padding=padding, stride=layer.stride, **options)


def _add_pair(builder: Builder, x: Any, layer: Layer, model: Any, name: str, padding: str) -> Any:
    """Two convolutions and the shortcut beside them; all steps are powers of two."""
    first, second = pair(layer)
    add = partial(_add_quantised, builder, model=model, padding=padding)
    y = add(x, first, name=f"{name}a", out=BRANCH if layer.kind == "separable" else None)
    if not any(found.name == f"{name}_sum" for found in model.layers):
        return add(y, second, name=f"{name}b")
    y = add(y, second, name=f"{name}b", out=BRANCH)
    if any(found.name == f"{name}s" for found in model.layers):
        short = Layer("conv", layer.filters, (1, 1), layer.stride)
        x = add(x, short, name=f"{name}s", out=BRANCH)
    if rows := x.shape[1] - y.shape[1]:
        x = builder.crop(x, rows // 2, y.shape[1])
    return builder.add(x, y, out=ACTIVATION, activation="RELU")


def _add_float(builder: Builder, x: Any, layer: Layer, model: Any, name: str, padding: str) -> Any:
    found = model.get_layer(name)
    if layer.kind == "norm":
        gain, shift, mean, variance = found.get_weights()
        factor = gain / np.sqrt(variance + found.epsilon)
        return builder.scale_shift(x, factor, shift - mean * factor)
    kernel, bias = found.get_weights()
    kernel = _tflite_order(kernel, layer.kind == "depthwise")
    if layer.kind == "dense":
        x = builder.dense(x, kernel, bias)
    else:
        make = builder.depthwise if layer.kind == "depthwise" else builder.conv
        x = make(x, kernel, bias, padding=padding, stride=layer.stride)
    return x if name == "labels" else builder.elu(x)
