"""A graph as its converter means it: shapes that were left open, dilation written as batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.errors import ArtefactError
from kws.graph import Graph, Node, Tensor
from kws.taps import fit

Array = NDArray[Any]
RELABELS = ("RESHAPE", "EXPAND_DIMS", "SQUEEZE")  # operators that compute nothing
_ALIKE = (
    *("RELU", "RELU6", "RELU_N1_TO_1", "MINIMUM", "MAXIMUM"),
    *("QUANTIZE", "DEQUANTIZE", "SOFTMAX", "ELU", "MUL", "ADD"),
)
_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_POOLS = ("MAX_POOL_2D", "AVERAGE_POOL_2D")


def settle(graph: Graph) -> Graph:
    """The same network with every shape known and no node that only computes one.

    A network whose batch was not fixed comes with shapes that hold a 1 for what is not known, with
    nodes that compute the target of a reshape, and with SPACE_TO_BATCH_ND around a convolution
    where others have dilation. What is not understood is left as it is.
    """
    graph = _dilate(graph)
    tensors = list(graph.tensors)
    nodes = []
    for node in graph.nodes:
        inputs = [tensors[i] if i >= 0 else None for i in node.inputs]
        out = node.outputs[0]
        try:
            constant = _fold(node, inputs, tensors[out])
            shape = _shape(node, inputs, tensors[out])
        except (IndexError, TypeError, ValueError, ZeroDivisionError) as error:
            shapes = [tensor.shape for tensor in inputs if tensor is not None]
            raise ArtefactError(
                f"{node.op} ({tensors[out].name!r}): inputs of {shapes} do not fit: {error}"
            ) from error
        if constant is None:
            tensors[out] = replace(tensors[out], shape=shape)
            nodes.append(node)
        else:
            tensors[out] = replace(tensors[out], shape=constant.shape, data=constant)
    return replace(graph, tensors=tuple(tensors), nodes=tuple(nodes))


# -- constants -------------------------------------------------------------------------------------
def _fold(node: Node, inputs: Sequence[Tensor | None], out: Tensor) -> Array | None:
    """What a node of integers computes from constants and shapes alone, or None."""
    if out.dtype not in ("int32", "int64") or node.op not in _FOLDS or None in inputs:
        return None
    given = [tensor for tensor in inputs if tensor is not None]
    if node.op == "SHAPE":
        return np.array(given[0].shape, out.dtype)
    if any(tensor.data is None for tensor in given):
        return None
    values = [np.asarray(tensor.data) for tensor in given]
    return np.asarray(_FOLDS[node.op](values, out), out.dtype).reshape(out.shape)


def _slice(values: list[Array], out: Tensor) -> Array:
    start = int(values[1].flat[0])
    start += len(values[0]) if start < 0 else 0
    return values[0][start : start + math.prod(out.shape)]


_FOLDS: Mapping[str, Callable[[list[Array], Tensor], Any]] = {
    "SHAPE": lambda values, _: values,
    "STRIDED_SLICE": _slice,
    "PACK": lambda values, _: np.stack(values),
    "GATHER": lambda values, _: values[0][values[1]],
    "REDUCE_PROD": lambda values, _: np.prod(values[0]),
    "CONCATENATION": lambda values, _: np.concatenate(values),
}


# -- shapes ----------------------------------------------------------------------------------------
def _shape(node: Node, inputs: Sequence[Tensor | None], out: Tensor) -> tuple[int, ...]:
    """What a node puts out, from what goes in; as the file has it where nothing is known."""
    x = inputs[0]
    if x is None or not x.shape:
        return out.shape
    constant = inputs[1].data if len(inputs) > 1 and inputs[1] is not None else None
    if node.op == "RESHAPE" and constant is not None:
        target = [int(size) for size in constant.flat]
        rest = math.prod(size for size in target if size != -1)
        return tuple(math.prod(x.shape) // max(rest, 1) if s == -1 else s for s in target)
    if node.op == "EXPAND_DIMS" and constant is not None:
        axis = int(constant.flat[0]) % len(out.shape)
        return (*x.shape[:axis], 1, *x.shape[axis:])
    if node.op in _ALIKE:
        return np.broadcast_shapes(*(tensor.shape for tensor in inputs if tensor is not None))
    if node.op == "PAD" and constant is not None and len(constant) == len(x.shape):
        widths = constant.sum(axis=1).tolist()
        return tuple(size + width for size, width in zip(x.shape, widths, strict=True))
    if node.op == "FULLY_CONNECTED" and inputs[1] is not None:
        units, each = inputs[1].shape
        rows = x.shape[:-1] if len(out.shape) == len(x.shape) > 2 else None
        return (*rows, units) if rows else (math.prod(x.shape) // max(each, 1), units)
    if node.op in (*_CONVOLUTIONS, *_POOLS) and len(x.shape) == 4:
        kernel: Sequence[int] = node.options.window
        channels = x.shape[3]
        if node.op in _CONVOLUTIONS and inputs[1] is not None:
            kernel = inputs[1].shape[1:3]
            channels = inputs[1].shape[0 if node.op == "CONV_2D" else 3]
        sizes = (fit(x.shape[1 + i], kernel[i], i, node.options)[0] for i in range(2))
        return (x.shape[0], *sizes, channels)
    return out.shape


# -- dilation --------------------------------------------------------------------------------------
def _dilate(graph: Graph) -> Graph:
    """SPACE_TO_BATCH_ND, a convolution, BATCH_TO_SPACE_ND as a pad and one with dilation.

    Where batches are of one axis, relabelling nodes stand around the convolution, and stay.
    """
    tensors, nodes = list(graph.tensors), graph.nodes
    maker = {node.outputs[0]: i for i, node in enumerate(nodes)}
    instead: dict[int, list[Node]] = {}
    for last, batched in enumerate(nodes):
        chain = [last]
        while chain[-1] >= 0 and len(chain) < 5 and nodes[chain[-1]].op != "SPACE_TO_BATCH_ND":
            chain.append(maker.get(next(iter(nodes[chain[-1]].inputs), -1), -1))
        first, middle, inner = chain[-1], chain[len(chain) // 2], chain[1:-1:2]
        if (
            batched.op != "BATCH_TO_SPACE_ND"
            or first < 0
            or nodes[first].op != "SPACE_TO_BATCH_ND"
            or nodes[middle].op not in _CONVOLUTIONS
            or (len(chain) == 5 and any(nodes[i].op not in RELABELS for i in inner))
            or len(chain) not in (3, 5)
        ):
            continue
        conv, space = nodes[middle], nodes[first]
        found = _dilation(graph, conv, space, batched)
        if found is None:
            continue
        source, out = space.inputs[0], batched.outputs
        instead |= {first: [], last: []}
        if len(chain) == 5:
            behind, ahead = (nodes[i] for i in inner)
            # its own target counts the batches
            instead[inner[0]] = [Node("SQUEEZE", behind.inputs[:1], out)]
            instead[inner[1]] = [replace(ahead, inputs=(source, *ahead.inputs[1:]))]
            source, out = ahead.outputs[0], conv.outputs
        dilation, widths = found
        pads = []
        if widths.any():
            x, none, zeros = tensors[conv.inputs[0]], np.zeros(0, np.float32), np.zeros(0, np.int64)
            name = f"{x.name}/widths"
            tensors.append(Tensor(name, widths.shape, "int32", none, zeros, 0, widths))
            tensors.append(replace(x, name=f"{x.name}/padded"))
            pads.append(Node("PAD", (source, len(tensors) - 2), (len(tensors) - 1,)))
            source = len(tensors) - 1
        inputs, options = (source, *conv.inputs[1:]), replace(conv.options, dilation=dilation)
        instead[middle] = [*pads, replace(conv, inputs=inputs, outputs=out, options=options)]
    settled = [new for i, node in enumerate(nodes) for new in instead.get(i, [node])]
    return replace(graph, tensors=tuple(tensors), nodes=tuple(settled))


def _dilation(
    graph: Graph, conv: Node, space: Node, batched: Node
) -> tuple[tuple[int, int], NDArray[np.int32]] | None:
    """The dilation (height, width) and the pad's widths, or None where there are none such."""
    given = (*space.inputs[1:3], *batched.inputs[2:3])
    constants = [graph.tensors[i].data for i in given if i >= 0]
    if len(constants) != 3:
        return None
    block, widths, crops = (None if c is None else c.astype(np.int32) for c in constants)
    if block is None or widths is None or crops is None or (widths < crops).any():
        return None
    inner = widths - crops
    if len(block) == 1:  # the other axis is the one that was put in
        axis = 1 if graph.tensors[conv.inputs[0]].shape[2] == 1 else 0
        block, inner = np.insert(block, axis, 1), np.insert(inner, axis, 0, axis=0)
    return (int(block[0]), int(block[1])), np.pad(inner, ((1, 1), (0, 0)))
