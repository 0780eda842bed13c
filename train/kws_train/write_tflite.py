"""From `kws.graph.Graph` to the bytes of a .tflite: the inverse of `kws.graph.read_graph`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import flatbuffers
import numpy as np
import tflite
from numpy.typing import NDArray

from kws.graph import Graph, Node, Options, Tensor

_TYPES = {
    "float32": tflite.TensorType.FLOAT32,
    "int8": tflite.TensorType.INT8,
    "int32": tflite.TensorType.INT32,
}
_ACTIVATIONS = {
    "NONE": tflite.ActivationFunctionType.NONE,
    "RELU": tflite.ActivationFunctionType.RELU,
    "RELU6": tflite.ActivationFunctionType.RELU6,
    "RELU_N1_TO_1": tflite.ActivationFunctionType.RELU_N1_TO_1,
}
_PADDINGS = {"SAME": tflite.Padding.SAME, "VALID": tflite.Padding.VALID}
# of an operator that has int8 inputs; 1 for all others
_INT8_VERSIONS = {
    "ADD": 2,
    "AVERAGE_POOL_2D": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "DEQUANTIZE": 2,
    "FULLY_CONNECTED": 4,
    "MAX_POOL_2D": 2,
    "MEAN": 2,
    "PAD": 2,
    "RELU": 2,
    "RELU6": 2,
    "SOFTMAX": 2,
    "STRIDED_SLICE": 2,
}
_RUNTIME = b"1.14.0"  # TensorFlow's version that had all of these
_ALIGNMENT = 16  # of a constant's first byte, as the schema demands


def write_graph(graph: Graph) -> bytes:
    """A .tflite; the same graph gives the same bytes."""
    return _Writer(graph).model()


class _Writer:
    """Builds a file backwards, as flatbuffers are."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.builder = flatbuffers.Builder(1024)
        self.buffers = [self.table("Buffer")]  # the first is empty, for all activations
        self.codes: dict[tuple[str, int], int] = {}  # operator and version to its place

    def model(self) -> bytes:
        tensors = [self.tensor(tensor) for tensor in self.graph.tensors]
        operators = [self.operator(node) for node in self.graph.nodes]
        subgraph = self.table(
            "SubGraph",
            Tensors=self.offsets(tensors),
            Inputs=self.vector(self.graph.inputs, np.int32),
            Outputs=self.vector(self.graph.outputs, np.int32),
            Operators=self.offsets(operators),
            Name=self.builder.CreateString("main"),
        )
        codes = [self.operator_code(*key) for key in self.codes]
        self.buffers.append(self.buffer(_RUNTIME.ljust(_ALIGNMENT, b"\0")))
        runtime = self.table(
            "Metadata",
            Name=self.builder.CreateString("min_runtime_version"),
            Buffer=len(self.buffers) - 1,
        )
        model = self.table(
            "Model",
            Version=3,
            OperatorCodes=self.offsets(codes),
            Subgraphs=self.offsets([subgraph]),
            Description=self.builder.CreateString(self.graph.description),
            Buffers=self.offsets(self.buffers),
            Metadata=self.offsets([runtime]),
        )
        self.builder.Finish(model, b"TFL3")
        return bytes(self.builder.Output())

    def tensor(self, tensor: Tensor) -> Any:
        fields = {
            "Shape": self.vector(tensor.shape, np.int32),
            "Type": _TYPES[tensor.dtype],
            "Buffer": 0,
            "Name": self.builder.CreateString(tensor.name),
        }
        if tensor.data is not None:
            fields["Buffer"] = len(self.buffers)
            little = tensor.data.astype(np.dtype(tensor.dtype).newbyteorder("<"))
            self.buffers.append(self.buffer(little.tobytes()))
        if len(tensor.scales):
            fields["Quantization"] = self.table(
                "QuantizationParameters",
                Scale=self.vector(tensor.scales, np.float32),
                ZeroPoint=self.vector(tensor.zero_points, np.int64),
                QuantizedDimension=tensor.axis,
            )
        return self.table("Tensor", **fields)

    def operator(self, node: Node) -> Any:
        types = {self.graph.tensors[i].dtype for i in node.inputs if i >= 0}
        version = _INT8_VERSIONS.get(node.op, 1) if "int8" in types else 1
        code = self.codes.setdefault((node.op, version), len(self.codes))
        fields = {
            "OpcodeIndex": code,
            "Inputs": self.vector(node.inputs, np.int32),
            "Outputs": self.vector(node.outputs, np.int32),
        }
        if node.op in _OPTIONS:
            kind, read = _OPTIONS[node.op]
            values = read(node.options)
            if node.op == "DEPTHWISE_CONV_2D":
                x, weights = (self.graph.tensors[i].shape[3] for i in node.inputs[:2])
                values["DepthMultiplier"] = weights // x
            fields["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, kind)
            fields["BuiltinOptions"] = self.table(kind, **values)
        return self.table("Operator", **fields)

    def operator_code(self, op: str, version: int) -> Any:
        code = getattr(tflite.BuiltinOperator, op)
        return self.table(
            "OperatorCode",
            DeprecatedBuiltinCode=min(code, 127),
            BuiltinCode=code,
            Version=version,
        )

    def table(self, kind: str, **fields: Any) -> Any:
        """A table of the schema; its vectors, strings and tables must stand already."""
        getattr(tflite, f"{kind}Start")(self.builder)
        for name, value in fields.items():
            getattr(tflite, f"{kind}Add{name}")(self.builder, value)
        return getattr(tflite, f"{kind}End")(self.builder)

    def vector(self, values: Sequence[Any] | NDArray[Any], dtype: Any) -> Any:
        return self.builder.CreateNumpyVector(np.asarray(values, dtype))

    def offsets(self, offsets: Sequence[Any]) -> Any:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return self.builder.EndVector()

    def buffer(self, data: bytes) -> Any:
        self.builder.Prep(_ALIGNMENT, len(data))
        return self.table("Buffer", Data=self.builder.CreateByteVector(data))


def _windowed(options: Options) -> dict[str, Any]:
    return {
        "Padding": _PADDINGS[options.padding],
        "StrideH": options.stride[0],
        "StrideW": options.stride[1],
        **_fused(options),
    }


def _dilated(options: Options) -> dict[str, Any]:
    dilation = {"DilationHFactor": options.dilation[0], "DilationWFactor": options.dilation[1]}
    return _windowed(options) | dilation


def _pool(options: Options) -> dict[str, Any]:
    window = {"FilterHeight": options.window[0], "FilterWidth": options.window[1]}
    return _windowed(options) | window


def _fused(options: Options) -> dict[str, Any]:
    return {"FusedActivationFunction": _ACTIVATIONS[options.activation]}


_OPTIONS: dict[str, tuple[str, Callable[[Options], dict[str, Any]]]] = {
    "ADD": ("AddOptions", _fused),
    "AVERAGE_POOL_2D": ("Pool2DOptions", _pool),
    "CONV_2D": ("Conv2DOptions", _dilated),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", _dilated),
    "DEQUANTIZE": ("DequantizeOptions", lambda _: {}),
    "FULLY_CONNECTED": ("FullyConnectedOptions", _fused),
    "MAX_POOL_2D": ("Pool2DOptions", _pool),
    "MEAN": ("ReducerOptions", lambda options: {"KeepDims": options.keep_dims}),
    "MUL": ("MulOptions", _fused),
    "PAD": ("PadOptions", lambda _: {}),
    "QUANTIZE": ("QuantizeOptions", lambda _: {}),
    "RESHAPE": ("ReshapeOptions", lambda _: {}),
    "SOFTMAX": ("SoftmaxOptions", lambda options: {"Beta": options.beta}),
    "STRIDED_SLICE": ("StridedSliceOptions", lambda options: {"BeginMask": options.begin_mask}),
}
