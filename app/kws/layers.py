"""A graph as the layers that have to be computed: what only relabels memory becomes a view."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kws.errors import ArtefactError
from kws.graph import Graph, Node, Tensor
from kws.settle import RELABELS, settle

SLIDING = ("CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D")
ACTIVATIONS = ("RELU", "RELU6", "RELU_N1_TO_1")
CLIPS = ("MINIMUM", "MAXIMUM")
REDUCTIONS = ("MEAN", "REDUCE_MAX")
OPERATORS = (
    *SLIDING,
    "FULLY_CONNECTED",
    *REDUCTIONS,
    "ADD",
    "PAD",
    *ACTIVATIONS,
    *CLIPS,
    "QUANTIZE",
    "SOFTMAX",
)
_INPUTS = dict.fromkeys(("ADD", "PAD", "FULLY_CONNECTED", *SLIDING[:2], *REDUCTIONS, *CLIPS), 2)
_LARGEST = 2**16 - 1  # of a side, in C


class Shape(NamedTuple):
    """An activation's: time, frequency, channels."""

    height: int
    width: int
    depth: int

    @property
    def size(self) -> int:
        """Values."""
        return math.prod(self)


@dataclass(frozen=True)
class View:
    """Memory of the activation `tensor` from value `first` on, seen as `shape`."""

    tensor: int
    first: int
    shape: Shape


@dataclass(frozen=True, eq=False)
class Layer:
    """What one kernel computes: node `index`, and before it the pad `folded` into it, if any.

    A node whose activations all have one row, as a 1-D network's have, is turned: height and
    width change places, so that time is the height.
    """

    graph: Graph
    index: int
    folded: int | None
    turned: bool
    inputs: tuple[View, ...]
    shape: Shape

    @property
    def node(self) -> Node:
        """Operator, tensors and options."""
        return self.graph.nodes[self.index]

    @property
    def out(self) -> Tensor:
        """The tensor that it makes."""
        return self.graph.tensors[self.node.outputs[0]]

    def operand(self, place: int) -> Tensor | None:
        """The node's input at that place, or None where it has none there."""
        indices = self.node.inputs
        given = place < len(indices) and indices[place] >= 0
        return self.graph.tensors[indices[place]] if given else None

    def pair(self, values: tuple[int, ...]) -> tuple[int, int]:
        """(height, width) of the node as the layer has them."""
        return (values[1], values[0]) if self.turned else (values[0], values[1])

    def refuse(self, why: str) -> ArtefactError:
        """The error that names this layer."""
        return _refuse(self.graph, self.index, why)


@dataclass(frozen=True, eq=False)
class Network:
    """Layers in the order of execution, from the tensor `input` to the tensor `output`."""

    graph: Graph
    input: int
    output: int
    layers: tuple[Layer, ...]

    @property
    def input_shape(self) -> Shape:
        """Columns, coefficients, and 1."""
        shape = _shape(self.graph.tensors[self.input])
        return _turn(shape) if shape.height == 1 else shape


def read_layers(graph: Graph) -> Network:
    """The layers of an int8 network; raises `ArtefactError` with the node that cannot be."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ArtefactError(
            f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs; expected one of each"
        )
    graph = settle(graph)
    ends = {"input": graph.tensors[graph.inputs[0]], "output": graph.tensors[graph.outputs[0]]}
    for end, tensor in ends.items():
        if tensor.dtype != "int8":
            raise ArtefactError(
                f"the {end} {tensor.name!r} is {tensor.dtype}; it must be int8: convert with "
                f"inference_{end}_type = tf.int8"
            )
    views = {graph.inputs[0]: View(graph.inputs[0], 0, _shape(ends["input"]))}
    live = list(_live(graph))
    uses = Counter(i for index in live for i in _activations(graph, index))
    pads: dict[int, int] = {}  # pads that can be folded, by what they put out
    layers: list[Layer] = []
    for index in live:
        node = graph.nodes[index]
        _check(graph, index, views)
        out = node.outputs[0]
        if node.op in (*RELABELS, "STRIDED_SLICE"):
            views[out] = _view(graph, index, views[node.inputs[0]])
            continue
        source = node.inputs[0]
        folded = None
        if source in pads and uses[source] == 1 and _takes_pad(node):
            folded = pads[source]
            layers = [layer for layer in layers if layer.index != folded]
            source = graph.nodes[folded].inputs[0]
        if node.op == "PAD":
            pads[out] = index
        reads = _activations(graph, index) if folded is None else [source]
        sources = [views[i] for i in reads]
        layers.append(_layer(graph, index, folded, sources))
        views[out] = View(out, 0, _shape(graph.tensors[out]))
    output = views.get(graph.outputs[0])
    if not layers or output is None or output.tensor != layers[-1].node.outputs[0] or output.first:
        raise ArtefactError(
            f"the output {ends['output'].name!r} is a part of another tensor; expected a layer's"
        )
    return Network(graph, graph.inputs[0], output.tensor, tuple(layers))


def _takes_pad(node: Node) -> bool:
    return node.op in ("CONV_2D", "DEPTHWISE_CONV_2D") and node.options.padding == "VALID"


def _activations(graph: Graph, index: int) -> list[int]:
    """Indices of the tensors that a node reads and another made."""
    node = graph.nodes[index]
    inputs = node.inputs[:1] if node.op in RELABELS else node.inputs
    return [i for i in inputs if i >= 0 and graph.tensors[i].data is None]


def _live(graph: Graph) -> Iterator[int]:
    """Nodes that lead to the output; those that only compute a shape do not count."""
    wanted = set(graph.outputs)
    live = []
    for index in reversed(range(len(graph.nodes))):
        if wanted.intersection(graph.nodes[index].outputs):
            wanted.update(_activations(graph, index))
            live.append(index)
    return reversed(live)


def _check(graph: Graph, index: int, made: Collection[int]) -> None:
    node = graph.nodes[index]
    if node.op not in (*OPERATORS, *RELABELS, "STRIDED_SLICE"):
        raise _refuse(graph, index, f"not supported; expected one of {' '.join(OPERATORS)}")
    reads = _activations(graph, index)
    for i in reads:
        if i not in made:
            raise _refuse(graph, index, f"no node before makes {graph.tensors[i].name!r}")
    for i in (*reads, node.outputs[0]):
        tensor = graph.tensors[i]
        if tensor.dtype != "int8":
            raise _refuse(graph, index, f"{tensor.name!r} is {tensor.dtype}; expected int8")
        if len(tensor.scales) != 1 or not has_sound_scales(tensor):
            raise _refuse(
                graph,
                index,
                f"{tensor.name!r} has scales {tensor.scales} and zero points {tensor.zero_points}; "
                "expected one of each",
            )
    if not reads:
        raise _refuse(graph, index, "no input but constants")
    needed = _INPUTS.get(node.op, 1)
    if len(node.inputs) < needed or min(node.inputs[:needed]) < 0:
        raise _refuse(graph, index, f"inputs {node.inputs}; expected {needed}")
    options = node.options
    if min(*options.stride, *options.dilation, *options.window) < 1:
        raise _refuse(graph, index, f"a stride, dilation or window below 1 in {options}")


def has_sound_scales(tensor: Tensor) -> bool:
    """Whether its scales are positive and finite, and its zero points codes."""
    scales, zeros = tensor.scales, tensor.zero_points
    return bool((np.isfinite(scales) & (scales > 0) & (np.abs(zeros + 0.5) < 128)).all())


def _layer(graph: Graph, index: int, folded: int | None, sources: list[View]) -> Layer:
    """Turned where all has one row."""
    node = graph.nodes[index]
    shapes = [source.shape for source in sources]
    out = _shape(graph.tensors[node.outputs[0]])
    for shape in (*shapes, out):
        if max(shape) > _LARGEST or min(shape) < 1:
            raise _refuse(graph, index, f"a side of {tuple(shape)}; expected 1 to {_LARGEST}")
    kernel = _kernel_height(graph, node)
    turned = kernel == 1 and all(shape.height == 1 for shape in (*shapes, out))
    if turned:
        sources = [View(s.tensor, s.first, _turn(s.shape)) for s in sources]
        out = _turn(out)
    return Layer(graph, index, folded, turned, tuple(sources), out)


def _kernel_height(graph: Graph, node: Node) -> int:
    if node.op in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        return node.options.window[0]
    return graph.tensors[node.inputs[1]].shape[1] if node.op in SLIDING else 1


def _view(graph: Graph, index: int, source: View) -> View:
    """The output of a node that computes nothing."""
    node = graph.nodes[index]
    out = graph.tensors[node.outputs[0]]
    first = 0
    if node.op == "STRIDED_SLICE":
        first = _crop(graph, index)
    elif math.prod(out.shape) != source.shape.size:
        raise _refuse(graph, index, f"{tuple(source.shape)} as {out.shape}: another size")
    return View(source.tensor, source.first + first, _shape(out))


def _crop(graph: Graph, index: int) -> int:
    """Values that a slice leaves out in front; it must be one piece of memory."""
    node = graph.nodes[index]
    x, out = graph.tensors[node.inputs[0]], graph.tensors[node.outputs[0]]
    constants = [graph.tensors[i].data for i in node.inputs[1:]]
    cut = [axis for axis in range(len(x.shape)) if x.shape[axis] != out.shape[axis : axis + 1][0]]
    whole = len(x.shape) == len(out.shape) and len(cut) <= 1
    if (
        not whole
        or len(constants) != 3
        or any(c is None for c in constants)
        or (np.asarray(constants[2]) != 1).any()
        or node.options.odd_masks
        or (cut and math.prod(x.shape[: cut[0]]) != 1)
    ):
        raise _refuse(graph, index, "only a range of rows in steps of one is supported")
    if not cut:
        return 0
    axis = cut[0]
    masked = node.options.begin_mask >> axis & 1
    start = 0 if masked else int(np.asarray(constants[0])[axis]) % x.shape[axis]
    return start * math.prod(x.shape[axis + 1 :])


def _shape(tensor: Tensor) -> Shape:
    """Height, width, depth: without the batch, which is one."""
    shape = tensor.shape
    if len(shape) > 4 or (len(shape) > 2 and shape[0] != 1):
        raise ArtefactError(
            f"tensor {tensor.name!r} is {shape}; expected a batch of one and up to three axes more"
        )
    if len(shape) == 4:
        return Shape(*shape[1:])
    if len(shape) == 3:
        return Shape(shape[1], 1, shape[2])
    # a dense layer over many rows has them in front
    return Shape(shape[0] if len(shape) == 2 else 1, 1, math.prod(shape[1:] or shape))


def _turn(shape: Shape) -> Shape:
    return Shape(shape.width, shape.height, shape.depth)


def _refuse(graph: Graph, index: int, why: str) -> ArtefactError:
    node = graph.nodes[index]
    name = graph.tensors[node.outputs[0]].name
    return ArtefactError(f"node {index} {node.op} ({name!r}): {why}")
