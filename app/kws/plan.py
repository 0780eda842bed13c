"""A network as a plan for C: kernels with their constants, buffers in one arena, over a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
    need, every        columns up to the first run and from one to the next; 0 in a window's plan
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
    first_a: int = 0
    first_b: int = 0
    need: int = 0
    every: int = 0


@dataclass(frozen=True)
class Plan:
    """A whole network: steps in the order of execution, buffers, and the arena's lay-out.

    stride is 0 for a window's plan, else the columns from one output of the stream to the next.
    arena, scratch and state are struct kws_plan's, in bytes.
    """

    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]
    input: int
    output: int
    stride: int
    arena: int
    scratch: int
    state: int
