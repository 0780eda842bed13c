"""A tiny int8 network written as a .tflite from its integers, for tests that need any model."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
import tflite
from numpy.typing import NDArray

from kws.artefact import Artefact, Manifest
from kws.decide import Decision
from kws.spec import FrontEnd

LABELS = ("yes", "no", "up", "down", "_silence_")
# normalised so that speech moves every coefficient by a good part of the int8 range
SPEC = FrontEnd(columns=20, mean=(90.0, *(0.0,) * 37), deviation=(20.0, *(4.0,) * 37))
DECISION = Decision(smoothing=3, threshold=0.6, refractory=15)


def tiny_artefact(folder: Path, decision: Decision = DECISION, seed: int = 1) -> Artefact:
    """One fully connected layer of random weights and a softmax: it fires a lot on speech."""
    manifest = Manifest(name=folder.name, labels=LABELS, front_end=SPEC, decision=decision)
    return Artefact.save(folder, manifest, tiny_model(SPEC, len(LABELS), seed))


def tiny_model(spec: FrontEnd, labels: int, seed: int) -> bytes:
    """int8 [1, columns, coefficients, 1] to int8 [1, labels], like every model of this project."""
    inputs = spec.columns * spec.coefficients
    random = np.random.default_rng(seed)
    weights = random.integers(-127, 128, (labels, inputs), np.int8)
    weight_scale, logit_scale = 1 / 400, 1 / 4
    builder = flatbuffers.Builder(1024)
    buffers = [_buffer(builder, array) for array in (None, weights, np.zeros(labels, np.int32))]
    bias_scale = spec.step * weight_scale
    tensors = [
        _tensor(builder, "columns", (1, spec.columns, spec.coefficients, 1), "INT8", 0, spec.step),
        _tensor(builder, "weights", weights.shape, "INT8", 1, weight_scale),
        _tensor(builder, "bias", (labels,), "INT32", 2, bias_scale),
        _tensor(builder, "logits", (1, labels), "INT8", 0, logit_scale),
        _tensor(builder, "posteriors", (1, labels), "INT8", 0, 1 / 256, -128),
    ]
    tflite.FullyConnectedOptionsStart(builder)
    dense = tflite.FullyConnectedOptionsEnd(builder)
    tflite.SoftmaxOptionsStart(builder)
    tflite.SoftmaxOptionsAddBeta(builder, 1.0)
    softmax = tflite.SoftmaxOptionsEnd(builder)
    options = tflite.BuiltinOptions
    operators = [
        _operator(builder, 0, (0, 1, 2), (3,), options.FullyConnectedOptions, dense),
        _operator(builder, 1, (3,), (4,), options.SoftmaxOptions, softmax),
    ]
    codes = [
        _code(builder, code)
        for code in (tflite.BuiltinOperator.FULLY_CONNECTED, tflite.BuiltinOperator.SOFTMAX)
    ]
    graph_tensors = _offsets(builder, tensors)
    graph_operators = _offsets(builder, operators)
    graph_inputs, graph_outputs = _ints(builder, (0,)), _ints(builder, (4,))
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, graph_tensors)
    tflite.SubGraphAddInputs(builder, graph_inputs)
    tflite.SubGraphAddOutputs(builder, graph_outputs)
    tflite.SubGraphAddOperators(builder, graph_operators)
    graph = tflite.SubGraphEnd(builder)
    graphs, codes_at = _offsets(builder, [graph]), _offsets(builder, codes)
    buffers_at = _offsets(builder, buffers)
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddOperatorCodes(builder, codes_at)
    tflite.ModelAddSubgraphs(builder, graphs)
    tflite.ModelAddBuffers(builder, buffers_at)
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def _buffer(builder: flatbuffers.Builder, array: NDArray[np.generic] | None) -> int:
    data = None if array is None else builder.CreateNumpyVector(array.reshape(-1).view(np.uint8))
    tflite.BufferStart(builder)
    if data is not None:
        tflite.BufferAddData(builder, data)
    return int(tflite.BufferEnd(builder))


def _tensor(
    builder: flatbuffers.Builder,
    name: str,
    shape: tuple[int, ...],
    kind: str,
    buffer: int,
    scale: float,
    zero: int = 0,
) -> int:
    scales = builder.CreateNumpyVector(np.array([scale], np.float32))
    zeros = builder.CreateNumpyVector(np.array([zero], np.int64))
    tflite.QuantizationParametersStart(builder)
    tflite.QuantizationParametersAddScale(builder, scales)
    tflite.QuantizationParametersAddZeroPoint(builder, zeros)
    quantization = tflite.QuantizationParametersEnd(builder)
    label, dims = builder.CreateString(name), _ints(builder, shape)
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, dims)
    tflite.TensorAddType(builder, getattr(tflite.TensorType, kind))
    tflite.TensorAddBuffer(builder, buffer)
    tflite.TensorAddName(builder, label)
    tflite.TensorAddQuantization(builder, quantization)
    return int(tflite.TensorEnd(builder))


def _operator(
    builder: flatbuffers.Builder,
    code: int,
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    kind: int,
    options: int,
) -> int:
    inputs_at, outputs_at = _ints(builder, inputs), _ints(builder, outputs)
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, code)
    tflite.OperatorAddInputs(builder, inputs_at)
    tflite.OperatorAddOutputs(builder, outputs_at)
    tflite.OperatorAddBuiltinOptionsType(builder, kind)
    tflite.OperatorAddBuiltinOptions(builder, options)
    return int(tflite.OperatorEnd(builder))


def _code(builder: flatbuffers.Builder, code: int) -> int:
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, code)
    tflite.OperatorCodeAddBuiltinCode(builder, code)
    tflite.OperatorCodeAddVersion(builder, 1)
    return int(tflite.OperatorCodeEnd(builder))


def _ints(builder: flatbuffers.Builder, values: tuple[int, ...]) -> int:
    return int(builder.CreateNumpyVector(np.array(values, np.int32)))


def _offsets(builder: flatbuffers.Builder, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
