"""A network as a plan for C: kernels with their constants, buffers in one arena, over a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kws.graph import Graph
from kws.layers import Layer, View, read_layers
from kws.lower import lower

ARENA_STEP = 8  # bytes: the alignment of network.c's arena, and of setup.c's memory
_STEP = 4  # bytes: what kernels read at once
_TILE = 256  # inputs that firmware/src/kernels/fast/dense.c takes at a time
_TABLES = 1024  # bytes of sums that fast/bits.h looks up


@dataclass(frozen=True)
class Buffer:
    """The last `rows` rows of a tensor, from byte `offset` of the arena."""

    name: str
    offset: int
    row_bytes: int
    rows: int


@dataclass(frozen=True, eq=False)
class Step:
    """One layer: a kernel of firmware/src/kernels/kernels.h and where its operands lie.

    name      of the tensor that it puts out, as in the .tflite
    op        TFLite's operator
    kernel    C function, a key of `structs.OPTIONS`
    options   a value for each field of that structure: an int, a mapping for a structure inside,
              an array for a pointer, None for a null pointer
    a, b, out buffers; `b` is `a` where there is one input
    first_a, first_b   rows of the buffers where the inputs begin
    rows      that it puts out at once, the newest of a stream's buffer
    scratch   bytes that the kernel needs besides
    macs      multiply-accumulates of one run
    """

    name: str
    op: str
    kernel: str
    options: Mapping[str, Any]
    a: int
    b: int
    out: int
    scratch: int
    macs: int
    first_a: int
    first_b: int
    rows: int


@dataclass(frozen=True)
class Plan:
    """A whole network: steps in the order of execution, buffers, and the arena's lay-out.

    stride is 0 for a window's plan, else the columns from one output of the stream to the next;
    columns are a window's, which the first output takes. arena and scratch are bytes.
    """

    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]
    input: int
    output: int
    stride: int
    columns: int
    arena: int
    scratch: int


@dataclass(frozen=True)
class Claim:
    """Memory for a buffer: `size` bytes while steps `first` to `last` run, both included."""

    size: int
    first: int
    last: int


def window_plan(graph: Graph) -> Plan:
    """A whole window at once: each step runs once and fills its buffer.

    Raises `ArtefactError` with the node that cannot be.
    """
    network = read_layers(graph)
    layers = network.layers
    made = {network.input: network.input_shape}
    made |= {layer.node.outputs[0]: layer.shape for layer in layers}
    number = {tensor: i for i, tensor in enumerate(made)}  # of its buffer; 0 is the input's
    last = {view.tensor: i for i, layer in enumerate(layers) for view in layer.inputs}
    last[network.output] = len(layers)
    rows = {tensor: shape.size // shape.height for tensor, shape in made.items()}
    steps = []
    for layer in layers:
        call = lower(layer)
        a, b = layer.inputs[0], layer.inputs[-1]
        steps.append(
            Step(
                name=layer.out.name,
                op=layer.node.op,
                kernel=call.kernel,
                options=call.options,
                a=number[a.tensor],
                b=number[b.tensor],
                out=number[layer.node.outputs[0]],
                scratch=scratch_bytes(call.kernel, call.options),
                macs=call.macs,
                first_a=first_row(layer, a, rows[a.tensor]),
                first_b=first_row(layer, b, rows[b.tensor]),
                rows=layer.shape.height,
            )
        )
    claims = [
        Claim(shape.size, i - 1, last[tensor]) for i, (tensor, shape) in enumerate(made.items())
    ]
    offsets, scratch, end = lay_out(claims, [step.scratch for step in steps])
    buffers = [
        Buffer(network.graph.tensors[tensor].name, offset, rows[tensor], shape.height)
        for offset, (tensor, shape) in zip(offsets, made.items(), strict=True)
    ]
    return Plan(
        steps=tuple(steps),
        buffers=tuple(buffers),
        input=0,
        output=number[network.output],
        stride=0,
        columns=network.input_shape.height,
        arena=round_up(end, ARENA_STEP),
        scratch=scratch,
    )


def first_row(layer: Layer, view: View, row: int) -> int:
    """Row of its buffer, of `row` values, where a view begins."""
    if view.first % row:
        raise layer.refuse(f"begins inside a row, at value {view.first} of rows of {row}")
    return view.first // row


def scratch_bytes(kernel: str, options: Mapping[str, Any]) -> int:
    """Bytes that a kernel may ask for besides its operands: enough for every backend."""
    if kernel == "kws_dense":
        return int(2 * _TILE + 4 + 4 * (options["units"] + 1))  # inputs widened, sums
    if kernel == "kws_dense_1bit":
        return int(_TABLES // 2 + 4 * options["units"])
    if kernel not in ("kws_conv", "kws_conv_1bit", "kws_depthwise", "kws_average_pool"):
        return 0
    depth, channels = options["in"]["depth"], options["out"]["depth"]
    if kernel == "kws_average_pool":
        return int(4 * depth)
    places = options["taps"]["height"] * options["taps"]["width"]
    column = places * depth
    if kernel == "kws_depthwise":
        pairs = (places + 1) // 2
        return int(16 * channels + (16 + 4 * round_up(channels, 4)) * pairs + column)
    if kernel == "kws_conv_1bit":
        return int(_TABLES + 12 * channels + 2 * column)
    # four columns widened to int16 and one as it is; or CMSIS-NN's two, and shifts as int32
    ours = 16 * channels + 9 * column + 24
    return int(max(round_up(ours, _STEP), 4 * column + 4 * channels))


def lay_out(claims: Sequence[Claim], scratch: Sequence[int]) -> tuple[list[int], int, int]:
    """Offsets of buffers that do not overlap while they live, of the scratch memory, and the end.

    The largest first, each in the smallest gap that holds it. `scratch` is what each step needs
    besides, at one place for all.
    """
    offsets: dict[int, int] = {}
    for i in sorted(range(len(claims)), key=lambda i: (-claims[i].size, i)):
        mine = claims[i]
        taken = sorted(
            (offsets[k], claims[k].size)
            for k in offsets
            if claims[k].first <= mine.last and mine.first <= claims[k].last
        )
        offsets[i] = _best_gap(taken, mine.size)
    ends = [offsets[i] + claim.size for i, claim in enumerate(claims)]
    place = min(
        start
        for start in {0, *(round_up(end, _STEP) for end in ends)}
        if not any(
            start < ends[i] and offsets[i] < start + need
            for step, need in enumerate(scratch)
            for i, claim in enumerate(claims)
            if need and claim.first <= step <= claim.last
        )
    )
    end = max(*ends, place + max(scratch, default=0))
    return [offsets[i] for i in range(len(claims))], place, end


def _best_gap(taken: Sequence[tuple[int, int]], size: int) -> int:
    """Offset of the smallest gap between (offset, size) that holds `size`, else behind them."""
    at, best = 0, None
    for offset, length in taken:
        if offset - at >= size and (best is None or offset - at < best[0]):
            best = (offset - at, at)
        at = max(at, round_up(offset + length, _STEP))
    return at if best is None else best[1]


def round_up(value: int, step: int) -> int:
    """The next multiple."""
    return -(-value // step) * step
