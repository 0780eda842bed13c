"""Random small networks, and the interpreters that the golden model is held to."""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.graph import Graph
from kws_train.export_tflite import Builder, Handle, Quant
from kws_train.write_tflite import write_graph

ARENA = 8 << 20


def random_int8(rng: np.random.Generator, description: str = "random") -> Graph:
    """A network of int8 layers in random order, shapes, scales and zero points."""
    builder, x = _start(rng)
    for _ in range(rng.integers(1, 6)):
        x = _SPATIAL[rng.integers(len(_SPATIAL))](builder, x, rng)
    if rng.integers(2):
        x = builder.mean(x, random_quant(rng, x.quant.scale * rng.uniform(0.3, 1.2)))
    for _ in range(rng.integers(1, 3)):
        x = _dense(builder, x, rng, int(rng.integers(1, 20)))
    return builder.graph(builder.softmax(x), description)


def random_float(rng: np.random.Generator, description: str = "random") -> Graph:
    """The same in float, between int8 input and int8 output."""
    builder, x = _start(rng)
    x = builder.dequantize(x)
    for _ in range(rng.integers(1, 4)):
        x = _FLOAT[rng.integers(len(_FLOAT))](builder, x, rng)
    if rng.integers(2):
        x = builder.mean(x)
    x = builder.elu(_float_dense(builder, x, rng, 12))
    logits = _float_dense(builder, x, rng, 10)
    return builder.graph(builder.quantize(builder.softmax(logits)), description)


def paper_network(rng: np.random.Generator, quantised: bool) -> bytes:
    """The network of Guarneri et al.: six convolutions, two pools, three dense layers.

    In float, as they have it: ELU, then a norm that cannot fold; else in int8 with norms folded.
    """
    builder = Builder((1, 55, 38, 1), Quant(1 / 32, 0))
    x = builder.input if quantised else builder.dequantize(builder.input)
    make = _paper_int8 if quantised else _paper_float
    for index, channels in enumerate((16, 16, 32, 32, 64, 64)):
        shape = (channels, 3, 3, x.shape[3])
        x = make(builder, x, rng, shape, norm=index < 5)
        if index in (1, 3):
            x = builder.max_pool(x, (2, 2))
    for units in (64, 64, 10):
        x = make(
            builder, x, rng, (units, math.prod(x.shape)), norm=len(x.shape) == 2 and units == 64
        )
    x = builder.softmax(x)
    return builder.finish(x if quantised else builder.quantize(x), "the paper's network")


def random_batch(graph: Graph, rng: np.random.Generator, size: int) -> NDArray[np.int8]:
    """Inputs from end to end of the range."""
    shape = graph.tensors[graph.inputs[0]].shape[1:]
    return rng.integers(-128, 128, (size, *shape)).astype(np.int8)


def cut(graph: Graph, nodes: int) -> bytes:
    """The network of the first so many nodes."""
    last = graph.nodes[nodes - 1].outputs
    return write_graph(replace(graph, nodes=graph.nodes[:nodes], outputs=last))


def run_micro(model: bytes, batch: NDArray[np.int8]) -> NDArray[Any]:
    """TFLite Micro's own interpreter, from PyPI's tflite-micro."""
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA)
    outputs = []
    for window in batch:
        interpreter.set_input(window[np.newaxis], 0)
        interpreter.invoke()
        outputs.append(interpreter.get_output(0)[0])
    return np.stack(outputs)


def run_lite(model: bytes, batch: NDArray[np.int8]) -> NDArray[Any]:
    """The reference kernels of tflite-runtime."""
    from tflite_runtime import interpreter as lite

    kernels = lite.OpResolverType.BUILTIN_REF
    interpreter = lite.Interpreter(model_content=model, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]
    outputs = []
    for window in batch:
        interpreter.set_tensor(source, window[np.newaxis])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(result)[0])
    return np.stack(outputs)


def _here(*packages: str) -> bool:
    """Whether all are installed, and fit numpy."""
    fits = np.__version__.startswith("1.") or not packages[0].startswith("tflite_runtime")
    return fits and all(map(importlib.util.find_spec, packages))


# what the golden model must equal to the bit
ORACLES = {
    name: run
    for name, run in (("tflite_micro", run_micro), ("tflite_runtime", run_lite))
    if _here(name)
}


def _interpreter(module: str) -> Callable[[bytes], Any]:
    """Makes an interpreter with the kernels that a program gets by default."""

    def make(model: bytes) -> Any:
        made = importlib.import_module(module).Interpreter(model_content=model)
        made.allocate_tensors()
        return made

    return make


# what the exported file must run in
INTERPRETERS = {
    package: _interpreter(module)
    for package, module in (
        ("tflite_runtime", "tflite_runtime.interpreter"),
        ("ai_edge_litert", "ai_edge_litert.interpreter"),
        ("tensorflow", "tensorflow.lite.python.interpreter"),
    )
    if _here(package)
}


def _paper_int8(
    builder: Builder, x: Handle, rng: np.random.Generator, shape: tuple[int, ...], norm: bool
) -> Handle:
    last = shape[0] == 10
    fan_in = math.prod(shape[1:])
    codes = np.clip(np.rint(rng.normal(0, 40, shape)), -127, 127).astype(np.int8)
    options: dict[str, Any] = {
        "weight_scale": 1 / (40 * math.sqrt(fan_in)),
        "out": Quant(1 / 8, 0) if last else Quant(1 / 64, -128),
        "activation": "NONE" if last else "RELU",
    }
    bias = rng.integers(-500, 500, shape[0])
    return (builder.conv if len(shape) == 4 else builder.dense)(x, codes, bias, **options)


def _paper_float(
    builder: Builder, x: Handle, rng: np.random.Generator, shape: tuple[int, ...], norm: bool
) -> Handle:
    make = builder.conv if len(shape) == 4 else builder.dense
    x = make(x, _normal(rng, shape), _normal(rng, shape[0]))
    if shape[0] == 10:
        return x
    x = builder.elu(x)
    if not norm:
        return x
    return builder.scale_shift(x, rng.uniform(0.5, 1.5, shape[0]), rng.normal(0, 0.1, shape[0]))


def _start(rng: np.random.Generator) -> tuple[Builder, Handle]:
    shape = (1, *(int(n) for n in rng.integers(3, 14, 2)), int(rng.integers(1, 4)))
    builder = Builder(shape, random_quant(rng, rng.uniform(0.01, 0.1)))
    return builder, builder.input


def random_quant(rng: np.random.Generator, scale: float) -> Quant:
    return Quant(float(np.float32(scale)), int(rng.integers(-128, 128)))


def _pair(rng: np.random.Generator, low: int, high: int) -> tuple[int, int]:
    a, b = rng.integers(low, high + 1, 2)
    return int(a), int(b)


def random_weights(
    rng: np.random.Generator, shape: tuple[int, ...], x: Handle, channels: int
) -> tuple[NDArray[np.int8], NDArray[np.int32], NDArray[np.float32], Quant]:
    """Weights, biases, scales, and an output scale that neither drowns nor clips the sums."""
    codes = rng.integers(-127, 128, shape) if rng.integers(4) else rng.choice([-1, 1], shape)
    spread = 100 * codes.std() * math.sqrt(codes.size / channels) + 1
    out = rng.uniform(0.01, 0.2)
    gain = rng.choice([20, 40, 80, 300]) / spread * out / x.quant.scale
    biases = rng.normal(0, spread, channels)
    scales = gain * rng.uniform(0.5, 2, channels)
    return codes.astype(np.int8), np.rint(biases).astype(np.int32), scales, random_quant(rng, out)


def _common(rng: np.random.Generator, x: Handle) -> dict[str, Any]:
    kernel = _pair(rng, 1, 4)
    fits = kernel[0] <= x.shape[1] and kernel[1] <= x.shape[2]
    return {
        "kernel": kernel,
        "padding": str(rng.choice(["SAME", "VALID"])) if fits else "SAME",
        "stride": _pair(rng, 1, 3),
    }


def _conv(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    options, channels = _common(rng, x), int(rng.integers(1, 9))
    shape = (channels, *options.pop("kernel"), x.shape[3])
    weights, bias, scale, out = random_weights(rng, shape, x, channels)
    activation = str(rng.choice(["NONE", "RELU", "RELU6"]))
    return builder.conv(
        x, weights, bias, weight_scale=scale, out=out, activation=activation, **options
    )


def _depthwise(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    options, channels = _common(rng, x), x.shape[3] * int(rng.integers(1, 3))
    shape = (1, *options.pop("kernel"), channels)
    weights, bias, scale, out = random_weights(rng, shape, x, channels)
    return builder.depthwise(x, weights, bias, weight_scale=scale, out=out, **options)


def _pool(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    options = _common(rng, x)
    make = builder.max_pool if rng.integers(2) else builder.average_pool
    return make(x, options["kernel"], stride=options["stride"], padding=options["padding"])


def _residual(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    shape = (x.shape[3], 1, 1, x.shape[3])
    weights, bias, scale, out = random_weights(rng, shape, x, x.shape[3])
    y = builder.conv(x, weights, bias, weight_scale=scale, out=out)
    total = random_quant(rng, (x.quant.scale + y.quant.scale) * rng.uniform(0.3, 1.2))
    return builder.add(x, y, total, str(rng.choice(["NONE", "RELU"])))


def _pad(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    return builder.pad(x, [(0, 0), _pair(rng, 0, 2), _pair(rng, 0, 2), (0, 0)])


def _requantise(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    return builder.quantize(x, random_quant(rng, x.quant.scale * rng.uniform(0.3, 3)))


def _dense(builder: Builder, x: Handle, rng: np.random.Generator, units: int) -> Handle:
    shape = (units, math.prod(x.shape))
    weights, bias, scale, out = random_weights(rng, shape, x, units)
    return builder.dense(x, weights, bias, weight_scale=scale[0], out=out)


def _float_conv(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    options, channels = _common(rng, x), int(rng.integers(1, 9))
    shape = (channels, *options.pop("kernel"), x.shape[3])
    x = builder.conv(x, _normal(rng, shape), _normal(rng, channels), **options)
    return builder.scale_shift(builder.elu(x), _normal(rng, channels), _normal(rng, channels))


def _float_depthwise(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    options, channels = _common(rng, x), x.shape[3] * int(rng.integers(1, 3))
    shape = (1, *options.pop("kernel"), channels)
    return builder.depthwise(
        x, _normal(rng, shape), _normal(rng, channels), activation="RELU", **options
    )


def _float_sum(builder: Builder, x: Handle, rng: np.random.Generator) -> Handle:
    return builder.add(x, builder.elu(x))


def _float_dense(builder: Builder, x: Handle, rng: np.random.Generator, units: int) -> Handle:
    shape = (units, math.prod(x.shape))
    return builder.dense(x, _normal(rng, shape), _normal(rng, units))


def _normal(rng: np.random.Generator, shape: Any) -> NDArray[np.float32]:
    size = np.prod(shape) / np.atleast_1d(shape)[0]
    return (rng.normal(0, 1, shape) / math.sqrt(max(size, 1))).astype(np.float32)


_SPATIAL = (_conv, _conv, _depthwise, _pool, _residual, _pad, _requantise)
_FLOAT = (_float_conv, _float_conv, _float_depthwise, _float_sum, _pool, _pad)
