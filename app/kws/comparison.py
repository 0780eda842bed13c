"""What C code is run on beside the model that it was made from, and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kws.errors import MismatchError
from kws.quiet import quiet
from kws.spec import FrontEnd

Codes = NDArray[np.int8]
Track = Callable[[Sequence[Any], str], Iterable[Any]]  # shows how far a loop is

EXTREMES = ("all -128", "all 127", "all 0", "alternating")
_MICRO_ARENA = 16 << 20
_LOUD = 10  # columns of noise of one level


class Machine(Protocol):
    """What runs a plan: `NativeNetwork` or `EmulatedNetwork`."""

    def infer(self, window: Codes) -> Codes:
        """Of a window's plan."""

    def push(self, column: Codes) -> Codes | None:
        """Of a stream's plan."""

    def reset(self) -> None:
        """Forget all columns of a stream."""


@dataclass(frozen=True)
class Inputs:
    """Windows [n, columns, coefficients], and what each is in words."""

    windows: Codes
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """How many values differ from a reference's, and where the first one does ("" for none)."""

    reference: str
    values: int
    differ: int
    first: str


def compare(reference: str, kinds: Sequence[str], got: Codes, expected: Codes) -> Comparison:
    """Two arrays [n, values], of n inputs."""
    where = np.argwhere(got != expected)
    first = ""
    if len(where):
        row, value = where[0]
        first = (
            f"value {value} of input {row} ({kinds[row]}) is {got[row, value]}; expected "
            f"{expected[row, value]}"
        )
    return Comparison(reference, expected.size, len(where), first)


def extremes(rows: int, width: int) -> Codes:
    """Inputs [4, rows, width] that no recording gives, in the order of `EXTREMES`."""
    flat = [np.full(rows * width, code) for code in (-128, 127, 0)]
    flat.append(np.where(np.arange(rows * width) % 2, 127, -128))
    return np.asarray(np.stack(flat).astype(np.int8).reshape(-1, rows, width))


def noise(spec: FrontEnd, columns: int, rng: np.random.Generator) -> NDArray[np.int16]:
    """Frames [columns, window] of noise whose level changes, up to clipping."""
    levels = 10 ** rng.uniform(0, 5, columns // _LOUD + 2)
    samples = rng.normal(0, 1, spec.window + spec.hop * (columns - 1))
    samples *= levels[np.arange(len(samples)) // (spec.hop * _LOUD)]
    wave = np.clip(np.rint(samples), -(2**15), 2**15 - 1).astype(np.int16)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(wave, spec.window)[:: spec.hop])


def window_inputs(rows: int, runs: int, rng: np.random.Generator, columns: Codes) -> Inputs:
    """Extremes, then as many random windows as windows of `columns`, of which there are enough."""
    width = columns.shape[1]
    ends = extremes(rows, width)[:runs]
    heard = min(len(columns) - rows + 1, (runs - len(ends)) // 2) if len(columns) >= rows else 0
    random = runs - len(ends) - heard
    windows = [ends, rng.integers(-128, 128, (random, rows, width), np.int8)]
    if heard:
        windows.append(_windows(columns, rows, 1)[:heard])
    kinds = [*EXTREMES[:runs], *["random"] * random, *["noise through the front-end"] * heard]
    return Inputs(np.concatenate(windows), tuple(kinds))


def run_windows(machine: Machine, inputs: Inputs, track: Track) -> Codes:
    """What a window's plan makes of the windows: [n, values]."""
    return np.stack([machine.infer(window) for window in track(list(inputs.windows), "C")])


def run_stream(
    machine: Machine,
    rows: int,
    stride: int,
    runs: int,
    rng: np.random.Generator,
    columns: Codes,
    track: Track,
) -> tuple[Inputs, Codes]:
    """The windows that a stream's plan has to equal, from its start and after a reset: [n, values].

    Extremes and random columns come first, after the reset `columns` if they are enough. Raises
    `MismatchError` for an output in a column where no window ends, or none where one does.
    """
    after = runs // 2
    width = columns.shape[1]
    first, second = (rows + stride * (count - 1) for count in (runs - after, max(1, after)))
    block = max(1, first // 8)
    mixed = [*extremes(block, width), rng.integers(-128, 128, (first, width), np.int8)]
    # one column more, so that the reset comes amid a stride
    passes = {"from the start": np.concatenate(mixed)[: first + (stride > 1)]}
    if after:
        enough = len(columns) >= second
        random = rng.integers(-128, 128, (second, width), np.int8)
        passes["after a reset"] = columns[:second] if enough else random
    windows, kinds, outputs = [], [], []
    for name, sequence in passes.items():
        machine.reset()
        outputs += list(_stream(machine, sequence, rows, stride, name, track))
        windows.append(_windows(sequence, rows, stride))
        kinds += [f"columns from {stride * i} on, {name}" for i in range(len(windows[-1]))]
    return Inputs(np.concatenate(windows), tuple(kinds)), np.stack(outputs)


def _stream(
    machine: Machine, columns: Codes, rows: int, stride: int, name: str, track: Track
) -> Iterator[Codes]:
    for at, column in enumerate(track(list(columns), f"C {name}")):
        output = machine.push(column)
        due = at + 1 >= rows and (at + 1 - rows) % stride == 0
        if (output is not None) != due:
            raise MismatchError(
                f"the stream gives {'no' if due else 'an'} output in column {at} {name}; expected "
                f"one every {stride} columns, the first in column {rows - 1}"
            )
        if output is not None:
            yield output


def _windows(columns: Codes, rows: int, stride: int) -> Codes:
    view = np.lib.stride_tricks.sliding_window_view(columns, rows, axis=0)
    return np.asarray(view[::stride].transpose(0, 2, 1))


def micro(model: bytes, windows: Codes, track: Track) -> Codes | str:
    """What TFLite Micro's interpreter gives: [n, values]; or why it does not."""
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError:
        return "not installed (pip install --pre tflite-micro)"
    outputs: list[Codes] = []
    try:
        with quiet():
            interpreter: Any = runtime.Interpreter.from_bytes(model, arena_size=_MICRO_ARENA)
    except RuntimeError as error:
        return f"refuses the model: {error}"
    shape = interpreter.get_input_details(0)["shape"]
    for window in track(list(windows), "TFLite Micro"):
        interpreter.set_input(window.reshape(shape), 0)
        interpreter.invoke()
        outputs.append(np.array(interpreter.get_output(0)).reshape(-1))
    return np.stack(outputs)
