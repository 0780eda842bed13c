"""A network as a stream: tensors keep the rows that are still needed, and layers add to them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kws.graph import Graph
from kws.layers import REDUCTIONS, SLIDING, Layer, Network, Shape, View, read_layers
from kws.lower import lower, reduced_axes
from kws.place import pad_widths, slide
from kws.plan import (
    ARENA_STEP,
    Buffer,
    Claim,
    Plan,
    Step,
    first_row,
    lay_out,
    round_up,
    scratch_bytes,
)


@dataclass(frozen=True)
class Track:
    """A tensor in time: a row every `stride` columns, the first after `extent`.

    A tensor that is not `timed` has left time behind: it is made as a whole, once a window.
    """

    shape: Shape
    stride: int
    extent: int
    timed: bool

    @property
    def row(self) -> int:
        """Values of what comes at once."""
        return self.shape.size // self.shape.height if self.timed else self.shape.size

    def newest(self, columns: int) -> int:
        """Index of the newest row after so many columns."""
        return (columns - self.extent) // self.stride


@dataclass(frozen=True)
class Reading:
    """What a layer reads: `rows` rows of a tensor, of which the newest `behind` come later."""

    tensor: int
    rows: int
    behind: int

    @property
    def reach(self) -> int:
        """Rows that the tensor has to keep."""
        return self.rows + self.behind


@dataclass(frozen=True, eq=False)
class Stage:
    """A layer, what it reads, and the rows in time that it adds at once, None of a whole output."""

    layer: Layer
    readings: tuple[Reading, ...]
    rows: int | None


@dataclass(frozen=True, eq=False)
class Flow:
    """A network as a stream: an output after `columns` columns, then one every `stride`.

    All stages run with each output, and on each `stride`-th column before the first, so that the
    rows are there that it needs. The rows that a stage adds are those of `stride` columns.
    """

    network: Network
    tracks: dict[int, Track]
    stages: tuple[Stage, ...]
    keep: dict[int, int]  # rows of each tensor
    stride: int
    columns: int


def read_flow(graph: Graph) -> Flow:
    """When each layer runs, and what of each tensor has to be kept.

    Window w begins at column w * stride, and its row r of a tensor is the stream's row
    w * stride / (the tensor's stride) + r: that holds where no layer pads in time. Raises
    `ArtefactError` with the first layer that makes it impossible.
    """
    network = read_layers(graph)
    columns = network.input_shape.height
    tracks = {network.input: Track(network.input_shape, 1, 1, columns > 1)}
    for layer in network.layers:
        sources = [tracks[view.tensor] for view in layer.inputs]
        whole = Track(layer.shape, 0, columns, timed=False)
        timed = _is_timed(layer, sources)
        tracks[layer.node.outputs[0]] = _timed(layer, sources) if timed else whole
    if tracks[network.output].timed:
        rows = tracks[network.output].shape.height
        raise network.layers[-1].refuse(f"cannot stream: puts out {rows} rows of time, not one")
    stride = math.lcm(*(track.stride for track in tracks.values() if track.timed))
    keep = dict.fromkeys(tracks, 1)
    stages = []
    for layer in network.layers:
        track = tracks[layer.node.outputs[0]]
        added = stride // track.stride if track.timed else None
        readings = tuple(
            _reading(layer, view, tracks[view.tensor], track, added, columns)
            for view in layer.inputs
        )
        stages.append(Stage(layer, readings, added))
        keep[layer.node.outputs[0]] = added or 1
        for reading in readings:
            keep[reading.tensor] = max(keep[reading.tensor], reading.reach)
    return Flow(network, tracks, tuple(stages), keep, stride, columns)


def stream_plan(graph: Graph) -> Plan:
    """A network column by column, equal to its windows at every `stride`-th column.

    Raises `ArtefactError` where the network cannot stream, or not run at all.
    """
    flow = read_flow(graph)
    number = {tensor: i for i, tensor in enumerate(flow.tracks)}
    steps = []
    for stage in flow.stages:
        call = lower(stage.layer, stage.rows)
        a, b = stage.readings[0], stage.readings[-1]
        steps.append(
            Step(
                name=stage.layer.out.name,
                op=stage.layer.node.op,
                kernel=call.kernel,
                options=call.options,
                a=number[a.tensor],
                b=number[b.tensor],
                out=number[stage.layer.node.outputs[0]],
                scratch=scratch_bytes(call.kernel, call.options),
                macs=call.macs,
                first_a=flow.keep[a.tensor] - a.reach,
                first_b=flow.keep[b.tensor] - b.reach,
                rows=stage.rows or 1,
            )
        )
    claims = [_claim(flow, tensor, i) for i, tensor in enumerate(flow.tracks)]
    offsets, scratch, end = lay_out(claims, [step.scratch for step in steps])
    return Plan(
        steps=tuple(steps),
        buffers=tuple(
            Buffer(flow.network.graph.tensors[tensor].name, offset, track.row, flow.keep[tensor])
            for offset, (tensor, track) in zip(offsets, flow.tracks.items(), strict=True)
        ),
        input=0,
        output=number[flow.network.output],
        stride=flow.stride,
        columns=flow.columns,
        arena=round_up(end, ARENA_STEP),
        scratch=scratch,
    )


def _is_timed(layer: Layer, sources: list[Track]) -> bool:
    """Whether what a layer puts out goes on in time, a row for a row or a kernel of rows."""
    rows_kept = all(
        source.timed and view.shape.width * view.shape.depth == source.row
        for view, source in zip(layer.inputs, sources, strict=True)
    )
    if not rows_kept or layer.shape.height == 1:
        return False
    return layer.node.op not in REDUCTIONS or not reduced_axes(layer)[0]


def _timed(layer: Layer, sources: list[Track]) -> Track:
    """When a layer's rows come: with the last row that they need."""
    padding, stride, span = 0, 1, 1
    if layer.node.op in SLIDING:
        place = slide(layer)
        padding, stride, span = place.missing, place.stride[0], place.span
    elif layer.node.op == "PAD":
        (top, _), (bottom, _) = pad_widths(layer, layer.index)
        padding = top + bottom
    if padding:
        raise layer.refuse(f"cannot stream: it pads time by {padding}")
    if len({source.stride for source in sources}) > 1:
        strides = " and ".join(str(source.stride) for source in sources)
        raise layer.refuse(f"cannot stream: rows every {strides} columns meet")
    extent = max(
        source.extent + source.stride * (first_row(layer, view, source.row) + span - 1)
        for view, source in zip(layer.inputs, sources, strict=True)
    )
    return Track(layer.shape, sources[0].stride * stride, extent, timed=True)


def _reading(
    layer: Layer, view: View, source: Track, track: Track, added: int | None, columns: int
) -> Reading:
    """The rows of one input that a layer needs for what it adds, counted back from the newest."""
    first = first_row(layer, view, source.row)
    if not source.timed:
        if view.shape.size != source.shape.size:
            raise layer.refuse("cannot stream: takes a part of what has no rows in time")
        return Reading(view.tensor, 1, 0)
    rows = view.shape.size // source.row
    if rows * source.row != view.shape.size:
        raise layer.refuse(f"takes {view.shape.size} values, no multiple of rows of {source.row}")
    last = first + rows - 1  # of the source's rows in a window, those that are needed
    if added:
        ratio = track.stride // source.stride
        span = slide(layer).span if layer.node.op in SLIDING else 1
        rows = (added - 1) * ratio + span
        last = first + track.newest(columns) * ratio + span - 1
    return Reading(view.tensor, rows, source.newest(columns) - last)


def _claim(flow: Flow, tensor: int, index: int) -> Claim:
    """Memory for good, unless all rows are new whenever the layers run."""
    steps = len(flow.stages)
    readers = [
        i
        for i, stage in enumerate(flow.stages)
        if any(reading.tensor == tensor for reading in stage.readings)
    ]
    added = flow.stages[index - 1].rows or 1 if index else flow.stride
    last = steps if tensor == flow.network.output else max(readers, default=index)
    size = flow.keep[tensor] * flow.tracks[tensor].row
    if flow.keep[tensor] == added and (index or added == 1):
        return Claim(size, index - 1, last)
    return Claim(size, -1, steps)
