"""A .tflite as plain dataclasses, and what it costs: multiplications, flash and RAM."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from kws.errors import ArtefactError

_TYPES = {0: "float32", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8"}
_ACTIVATIONS = {0: "NONE", 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6"}
_PADDINGS = {0: "SAME", 1: "VALID"}
_WEIGHTED = {"CONV_2D": 4, "DEPTHWISE_CONV_2D": 4, "FULLY_CONNECTED": 2}  # axes of weights
_ARITHMETIC = (*_WEIGHTED, "ADD", "SUB", "MUL", "DIV", "PRELU")  # their constants are parameters
_UNREADABLE = (
    struct.error,
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor: an activation, or a constant where `data` is given.

    A value of an integer tensor is scale * (code - zero point); with more than one scale, scale
    i is that of index i along `axis`. `scales` is empty where a tensor is not quantised.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int
    data: NDArray[Any] | None

    @property
    def scale(self) -> float:
        """The scale of a tensor that has one for all."""
        return float(self.scales[0])

    @property
    def zero_point(self) -> int:
        """The code of the value 0, of a tensor that has one for all."""
        return int(self.zero_points[0])

    @property
    def nbytes(self) -> int:
        """Bytes of all its values."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def two_valued(self) -> bool:
        """Whether these are weight codes +a and -a alone, for which one bit each is enough."""
        if self.data is None or self.dtype != "int8" or not self.data.size:
            return False
        magnitude = np.abs(self.data.astype(np.int16))
        return bool(magnitude.min() == magnitude.max() > 0)


@dataclass(frozen=True)
class Options:
    """What an operator needs besides its tensors; each reads those that concern it.

    Pairs are (height, width); `beta` is softmax's. A strided slice's bits of `begin_mask` are the
    axes that begin at 0; `odd_masks` are those of its other masks that are not supported, or'ed.
    """

    padding: str = "VALID"
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    window: tuple[int, int] = (1, 1)
    activation: str = "NONE"
    keep_dims: bool = False
    beta: float = 1.0
    begin_mask: int = 0
    odd_masks: int = 0


@dataclass(frozen=True)
class Node:
    """An operator: its name in the schema and the indices of its tensors, -1 for none."""

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: nodes in the order of execution."""

    description: str
    tensors: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class LayerCost:
    """One row of a table of costs: a node, named by what it puts out."""

    name: str
    op: str
    shape: tuple[int, ...]
    macs: int
    flash_bytes: int


def read_graph(model: bytes) -> Graph:
    """A .tflite with one subgraph; raises `ArtefactError` where it is broken or of another kind."""
    if len(model) < 8 or not tflite.Model.ModelBufferHasIdentifier(model, 0):
        raise ArtefactError("not a .tflite: the bytes 4 to 7 are not 'TFL3'; expected a model")
    try:
        return _read(tflite.Model.GetRootAs(model, 0))
    except _UNREADABLE as error:
        raise ArtefactError(
            f"broken .tflite of {len(model)} bytes ({type(error).__name__}: {error}): "
            "fetch or export it again"
        ) from error


def layer_costs(graph: Graph, packed: bool = True) -> tuple[LayerCost, ...]:
    """Costs node by node; a constant that several nodes share is charged to the first."""
    seen: set[int] = set()
    rows = []
    for node in graph.nodes:
        out = graph.tensors[node.outputs[0]]
        fresh = [i for i in dict.fromkeys(node.inputs) if i >= 0 and i not in seen]
        seen.update(fresh)
        flash = 0
        if node.op in _ARITHMETIC:
            flash = sum(_flash(graph.tensors[i], packed) for i in fresh)
        rows.append(LayerCost(out.name, node.op, out.shape, _macs(graph, node), flash))
    return tuple(rows)


def macs(graph: Graph) -> int:
    """Multiply-accumulates of one inference, of convolutions and fully-connected layers."""
    return sum(_macs(graph, node) for node in graph.nodes)


def flash_bytes(graph: Graph, packed: bool = True) -> int:
    """Bytes of weights, biases and weight scales.

    An int8 weight is a byte, or a bit if `packed` and the tensor is two-valued (rounded up to
    bytes a tensor); a bias is an int32; each scale of quantised weights is a float32; a float
    parameter is a float32. The scales of activations and the shapes of reshapes do not count.
    """
    return sum(row.flash_bytes for row in layer_costs(graph, packed))


def ram_estimate(graph: Graph) -> int:
    """Bytes of the activations that live at once, at the worst node in order of execution.

    A tensor lives from the node that makes it to the last that reads it; a node's inputs and
    outputs are apart. What an allocator loses to gaps and what kernels need besides is not in it.
    """
    last = {i: step for step, node in enumerate(graph.nodes) for i in node.inputs}
    last |= dict.fromkeys(graph.outputs, len(graph.nodes))
    live = set(graph.inputs)
    peak = 0
    for step, node in enumerate(graph.nodes):
        live.update(node.outputs)
        peak = max(peak, sum(graph.tensors[i].nbytes for i in live))
        live = {i for i in live if last.get(i, -1) > step}
    return peak


def _macs(graph: Graph, node: Node) -> int:
    """Every output value is a sum over the weights that lead to its channel."""
    if node.op not in _WEIGHTED:
        return 0
    weights = graph.tensors[node.inputs[1]]
    channels = weights.shape[3 if node.op == "DEPTHWISE_CONV_2D" else 0]
    each = math.prod(weights.shape) // channels
    return math.prod(graph.tensors[node.outputs[0]].shape) * each


def _flash(tensor: Tensor, packed: bool) -> int:
    if tensor.data is None:
        return 0
    scales = 4 * len(tensor.scales) if tensor.dtype == "int8" else 0
    if packed and tensor.two_valued:
        return (tensor.data.size + 7) // 8 + scales
    return tensor.nbytes + scales


def _read(model: Any) -> Graph:
    if model.Version() != 3 or model.SubgraphsLength() != 1:
        raise ArtefactError(
            f".tflite of version {model.Version()} with {model.SubgraphsLength()} subgraphs; "
            "expected version 3 with one"
        )
    subgraph = model.Subgraphs(0)
    tensors = tuple(_tensor(model, subgraph.Tensors(i)) for i in range(subgraph.TensorsLength()))
    nodes = tuple(_node(model, subgraph.Operators(i)) for i in range(subgraph.OperatorsLength()))
    inputs, outputs = _ints(subgraph.InputsAsNumpy()), _ints(subgraph.OutputsAsNumpy())
    for needed, indices in [(0, (*inputs, *outputs))] + [
        (least, ends) for node in nodes for least, ends in ((-1, node.inputs), (0, node.outputs))
    ]:
        if not all(needed <= i < len(tensors) for i in indices):
            raise ValueError(f"tensor indices {indices} of {len(tensors)} tensors")
    for node in nodes:
        axes = _WEIGHTED.get(node.op)
        if not node.outputs or (axes and not _has_axes(tensors[node.inputs[1]], axes)):
            raise ValueError(f"operator {node.op} without output, or with weights of a wrong shape")
    return Graph(_text(model.Description()), tensors, nodes, inputs, outputs)


def _has_axes(weights: Tensor, axes: int) -> bool:
    return len(weights.shape) == axes and min(weights.shape) > 0


def _tensor(model: Any, tensor: Any) -> Tensor:
    shape, name = _ints(tensor.ShapeAsNumpy()), _text(tensor.Name())
    if tensor.Type() not in _TYPES:
        raise ArtefactError(
            f"tensor {name!r} of the schema's type {tensor.Type()}; expected one of "
            f"{sorted(_TYPES.values())}"
        )
    if min(shape, default=0) < 0:
        raise ValueError(f"tensor {name!r} of shape {shape}")
    dtype = _TYPES[tensor.Type()]
    quantised = tensor.Quantization()
    scales = np.asarray(quantised.ScaleAsNumpy() if quantised else (), np.float32).reshape(-1)
    zero_points = np.asarray(quantised.ZeroPointAsNumpy() if quantised else (), np.int64)
    if quantised is None or quantised.ScaleLength() == 0:
        scales, zero_points = np.zeros(0, np.float32), np.zeros(0, np.int64)
    zero_points = zero_points.reshape(-1)
    if len(scales) != len(zero_points):
        raise ValueError(f"tensor {name!r} has {len(scales)} scales, {len(zero_points)} zeros")
    raw = model.Buffers(tensor.Buffer())
    data = None
    if raw.DataLength():
        values = np.frombuffer(raw.DataAsNumpy().tobytes(), np.dtype(dtype).newbyteorder("<"))
        data = values.astype(dtype, copy=False).reshape(shape)
    axis = quantised.QuantizedDimension() if len(scales) else 0
    if len(scales) > 1 and len(scales) != shape[axis]:
        raise ValueError(f"tensor {name!r} has {len(scales)} scales along {shape}[{axis}]")
    return Tensor(name, shape, dtype, scales, zero_points, axis, data)


def _node(model: Any, operator: Any) -> Node:
    code = model.OperatorCodes(operator.OpcodeIndex())
    # old files have only the first field, where newer codes do not fit
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = tflite.opcode2name(number)
    return Node(
        name,
        _ints(operator.InputsAsNumpy()),
        _ints(operator.OutputsAsNumpy()),
        _options(name, operator.BuiltinOptions()),
    )


_READERS = {
    "CONV_2D": ("Conv2DOptions", "padding stride dilation activation"),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", "padding stride dilation activation"),
    "MAX_POOL_2D": ("Pool2DOptions", "padding stride window activation"),
    "AVERAGE_POOL_2D": ("Pool2DOptions", "padding stride window activation"),
    "FULLY_CONNECTED": ("FullyConnectedOptions", "activation"),
    "ADD": ("AddOptions", "activation"),
    "MUL": ("MulOptions", "activation"),
    "MEAN": ("ReducerOptions", "keep_dims"),
    "REDUCE_MAX": ("ReducerOptions", "keep_dims"),
    "SOFTMAX": ("SoftmaxOptions", "beta"),
    "STRIDED_SLICE": ("StridedSliceOptions", "begin_mask odd_masks"),
}


def _options(op: str, table: Any) -> Options:
    if op not in _READERS or table is None:
        return Options()
    kind, names = _READERS[op]
    raw = getattr(tflite, kind)()
    raw.Init(table.Bytes, table.Pos)
    readers: dict[str, Callable[[], Any]] = {
        "padding": lambda: _PADDINGS[raw.Padding()],
        "stride": lambda: (raw.StrideH(), raw.StrideW()),
        "dilation": lambda: (raw.DilationHFactor(), raw.DilationWFactor()),
        "window": lambda: (raw.FilterHeight(), raw.FilterWidth()),
        "activation": lambda: _ACTIVATIONS[raw.FusedActivationFunction()],
        "keep_dims": lambda: bool(raw.KeepDims()),
        "beta": lambda: float(raw.Beta()),
        "begin_mask": lambda: int(raw.BeginMask()),
        "odd_masks": lambda: int(raw.EllipsisMask() | raw.NewAxisMask() | raw.ShrinkAxisMask()),
    }
    return Options(**{name: readers[name]() for name in names.split()})


def _ints(values: Any) -> tuple[int, ...]:
    """A vector of the schema; an absent one reads as the number 0."""
    return () if isinstance(values, int) else tuple(int(v) for v in values)


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8")
