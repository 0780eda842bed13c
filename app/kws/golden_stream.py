"""The golden model as a stream, column by column: what firmware/src/network.c does with a plan."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws import golden_int8
from kws.golden_int8 import Value
from kws.graph import Graph
from kws.layers import Layer
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
        self._columns = 0

    def push(self, column: Codes) -> Codes | None:
        """Take one column, int8 [coefficients]; the output's codes [n] where a window is full."""
        flow = self._flow
        self._add(flow.network.input, column)
        self._columns += 1
        if (self._columns - flow.columns) % flow.stride:
            return None
        for stage in flow.stages:
            self._add(stage.layer.node.outputs[0], self._run(stage))
        return self._rows[flow.network.output][-1].copy() if self._columns >= flow.columns else None

    def _add(self, tensor: int, new: Codes) -> None:
        rows = self._rows[tensor]
        new = new.reshape(-1, rows.shape[1])
        self._rows[tensor] = np.concatenate([rows, new])[len(new) :]

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
                values[i] = _shaped(layer, kept[start : start + reading.rows], i)
        for node in nodes:
            inputs = []
            for i in node.inputs:
                if i >= 0:
                    data = tensors[i].data
                    inputs.append(Value(tensors[i], values[i] if data is None else data))
            if stage.rows and node.op == "ADD":
                inputs = [_first_row(layer, value) for value in inputs]
            out = tensors[node.outputs[0]]
            run = getattr(golden_int8, node.op.lower())
            values[node.outputs[0]] = run(inputs, out, node.options)
        return values[layer.node.outputs[0]]


def _shaped(layer: Layer, rows: Codes, tensor: int) -> Codes:
    """Rows in the shape of the tensor that a node reads, but as many as there are."""
    shape = list(layer.graph.tensors[tensor].shape)
    shape[_time_axis(layer, len(shape))] = -1
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
