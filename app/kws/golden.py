"""The network's arithmetic, stated in numpy: what TFLite's reference kernels compute.

TFLite Micro and CMSIS-NN compute the same, bit for bit: integers with gemmlowp's double rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws import golden_float, golden_int8
from kws.errors import ArtefactError
from kws.golden_int8 import Value
from kws.graph import Graph, Node, Options, Tensor, read_graph
from kws.settle import RELABELS, settle

Array = NDArray[Any]
Kernel = Callable[[Sequence[Value], Tensor, Options], Array]

_CLIPS = 32  # at a time: what the caches hold


class Golden:
    """Runs a .tflite on a batch; raises `ArtefactError` for an operator that is not stated."""

    def __init__(self, model: bytes | Graph) -> None:
        self.graph = settle(model if isinstance(model, Graph) else read_graph(model))
        self._kernels = [_kernel(node, self.graph) for node in self.graph.nodes]

    def infer(self, windows: Array) -> Array:
        """The network's output: int8 [n, columns, coefficients] to int8 [n, labels].

        One window without the batch's axis gives one row [labels]. Other networks have other
        shapes: axes of length 1 at the end of the input may be left out.
        """
        sample = self.graph.tensors[self.graph.inputs[0]].shape[1:]
        (output,) = self.graph.outputs
        single = windows.ndim < len(sample) and windows.size == np.prod(sample)
        batch = windows.reshape(-1, *sample)
        parts = [self.run(batch[i : i + _CLIPS])[output] for i in range(0, len(batch), _CLIPS)]
        out = self.graph.tensors[output]
        result = np.concatenate([np.zeros((0, *out.shape[1:]), out.dtype), *parts])
        return np.asarray(result[0] if single else result)

    def run(self, batch: Array) -> dict[int, Array]:
        """Every activation, by its index in `graph.tensors`; the first axis is the batch."""
        tensors = self.graph.tensors
        first = self.graph.inputs[0]
        values: dict[int, Array] = {first: batch.reshape(-1, *tensors[first].shape[1:])}
        for node, kernel in zip(self.graph.nodes, self._kernels, strict=True):
            inputs = []
            for index in node.inputs:
                if index >= 0:
                    data = tensors[index].data
                    inputs.append(Value(tensors[index], values[index] if data is None else data))
            out = tensors[node.outputs[0]]
            result = kernel(inputs, out, node.options)
            values[node.outputs[0]] = result.reshape(-1, *out.shape[1:])
        return values


def _reshape(inputs: Sequence[Value], _out: Tensor, _options: Options) -> Array:
    return np.asarray(inputs[0].data)


def _kernel(node: Node, graph: Graph) -> Kernel:
    """The function that states a node, chosen by the operator and the type that it puts out."""
    dtype = graph.tensors[node.outputs[0]].dtype
    if node.op in RELABELS:
        return _reshape
    module = {"int8": golden_int8, "float32": golden_float}.get(dtype)
    kernel: Kernel | None = getattr(module, node.op.lower(), None)
    if kernel is None:
        raise ArtefactError(
            f"operator {node.op} of {dtype} is not stated in the golden model (kws/golden_*.py)"
        )
    return kernel
