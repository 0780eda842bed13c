"""The golden model as a stream, column by column: what firmware/src/network.c does with a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws import golden_int8
from kws.golden_int8 import Value
from kws.graph import Graph, Options
from kws.layers import SLIDING, Layer
from kws.place import slide
from kws.stream import Stage, read_flow

Codes = NDArray[np.int8]


class GoldenStream:
    """Runs a network without padding in time on columns instead of windows.

    Its outputs are those of `Golden` for the windows that begin at every `stride`-th column.
    Raises `ArtefactError` where the network cannot stream.
    """

    def __init__(self, graph: Graph) -> None:
        self._flow = read_flow(graph)
        self.stride = self._flow.stride
        self.reset()

    def reset(self) -> None:
        """Forget all columns."""
        flow = self._flow
        self._rows = {
            tensor: np.zeros((flow.keep[tensor], track.row), np.int8)
            for tensor, track in flow.tracks.items()
        }
        self._wait = [stage.need for stage in flow.stages]

    def push(self, column: Codes) -> Codes | None:
        """Take one column, int8 [coefficients]; the output's codes [n] where a window is full."""
        self._add(self._flow.network.input, column)
        ready = False
        for i, stage in enumerate(self._flow.stages):
            self._wait[i] -= 1
            ready = self._wait[i] == 0  # the last one's stays
            if ready:
                self._wait[i] = stage.every
                self._add(stage.layer.node.outputs[0], self._run(stage))
        return self._rows[self._flow.network.output][-1].copy() if ready else None

    def _add(self, tensor: int, row: Codes) -> None:
        rows = self._rows[tensor]
        rows[:-1] = rows[1:].copy()
        rows[-1] = row.reshape(-1)

    def _run(self, stage: Stage) -> Codes:
        """The operators of a stage on the rows that it reads."""
        layer, tensors = stage.layer, stage.layer.graph.tensors
        nodes = [layer.graph.nodes[i] for i in (layer.folded, layer.index) if i is not None]
        readings = iter(stage.readings)
        values: dict[int, Codes] = {}
        for i in nodes[0].inputs:
            if i >= 0 and tensors[i].data is None:
                reading = next(readings)
                kept = self._rows[reading.tensor]
                start = len(kept) - reading.reach
                rows = reading.rows if stage.timed else None
                values[i] = _shaped(layer, kept[start : start + reading.rows], i, rows)
        for node in nodes:
            inputs = []
            for i in node.inputs:
                if i >= 0:
                    data = tensors[i].data
                    inputs.append(Value(tensors[i], values[i] if data is None else data))
            if stage.timed and node.op == "ADD":
                inputs = [_first_row(layer, value) for value in inputs]
            out = tensors[node.outputs[0]]
            options = _one_row(layer) if stage.timed and node.op in SLIDING else node.options
            values[node.outputs[0]] = getattr(golden_int8, node.op.lower())(inputs, out, options)
        return values[layer.node.outputs[0]]


def _shaped(layer: Layer, rows: Codes, tensor: int, height: int | None) -> Codes:
    """Rows in the shape of the tensor that a node reads, `height` of them if given."""
    shape = list(layer.graph.tensors[tensor].shape)
    if height is not None:
        shape[_time_axis(layer, len(shape))] = height
    return rows.reshape(shape)


def _first_row(layer: Layer, value: Value) -> Value:
    """A constant summand's first row: all are alike where a plan streams."""
    data: Any = value.data
    if value.tensor.data is not None:
        axis = _time_axis(layer, len(layer.out.shape))
        data = np.take(np.broadcast_to(data, layer.out.shape), [0], axis=axis)
    return Value(value.tensor, data)


def _time_axis(layer: Layer, rank: int) -> int:
    return {2: 0, 3: 1}.get(rank, 2 if layer.turned else 1)


def _one_row(layer: Layer) -> Options:
    """With a stride of the kernel's span, so that it fits its rows once, whatever the padding."""
    height, width = layer.pair(layer.node.options.stride)
    height = slide(layer).span
    return replace(layer.node.options, stride=layer.pair((height, width)))
