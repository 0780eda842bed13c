"""A network's plan run by the C twin."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws import structs
from kws.native import require
from kws.plan import Plan

Codes = NDArray[np.int8]

_OK, _NOT_READY = 0, 2  # enum kws_status


class NativeNetwork:
    """Runs a plan, a window's or a stream's; one thread at a time.

    `library` is the C twin to run, by default this package's. Raises `RuntimeMissing` where that
    is not built.
    """

    def __init__(self, plan: Plan, library: ctypes.CDLL | None = None) -> None:
        self._library = library or require()
        self._plan, self._alive = c_plan(plan, self._library)
        self._arena = _memory(plan.arena)
        self._network = structs.Network()
        self._self = ctypes.addressof(self._network)
        source, out = plan.buffers[plan.input], plan.buffers[plan.output]
        self._in_size = source.row_bytes * (1 if plan.stride else source.rows)
        self._out_size = out.row_bytes * out.rows
        status = self._library.kws_network_init(
            self._self, ctypes.addressof(self._plan), self._arena.ctypes.data, self._arena.nbytes
        )
        if status != _OK:
            raise ValueError(f"an arena of {plan.arena} bytes is refused with status {status}")

    def infer(self, window: Codes) -> Codes:
        """Of a window's plan: int8 [columns, coefficients] to int8 [labels]."""
        if self._plan.stride:
            raise ValueError("a stream's plan takes columns; expected a window's")
        codes = self._run(window)
        assert codes is not None  # every layer has run
        return codes

    def push(self, column: Codes) -> Codes | None:
        """Of a stream's plan: int8 [coefficients] to int8 [labels], or None between outputs."""
        if not self._plan.stride:
            raise ValueError("a window's plan takes windows; expected a stream's")
        return self._run(column)

    def reset(self) -> None:
        """Forget all columns of a stream, and unfinished work."""
        self._library.kws_network_reset(self._self)

    def start(self, codes: Codes) -> None:
        """Take a window or a column, and leave all work to `work`."""
        if codes.dtype != np.int8 or codes.size != self._in_size:
            raise ValueError(
                f"input is {codes.dtype} {codes.shape}; expected int8 of {self._in_size} values"
            )
        data = np.ascontiguousarray(codes)
        if self._plan.stride:
            self._library.kws_network_push(self._self, data.ctypes.data)
        else:
            place = self._library.kws_network_input(self._self)
            ctypes.memmove(place, data.ctypes.data, data.nbytes)
            self._library.kws_network_start(self._self)

    def work(self) -> bool:
        """Run the next layer that is due; whether there are more."""
        return bool(self._library.kws_network_work(self._self) == _NOT_READY)

    def output(self) -> Codes | None:
        """What the work has led to."""
        address = self._library.kws_network_output(self._self)
        if not address:
            return None
        return np.frombuffer(ctypes.string_at(address, self._out_size), np.int8)

    def _run(self, codes: Codes) -> Codes | None:
        self.start(codes)
        while self.work():
            pass
        return self.output()


def c_plan(plan: Plan, library: ctypes.CDLL) -> tuple[structs.Plan, list[object]]:
    """A plan for C with the kernels of a library, and what must outlive it."""
    alive: list[object] = []
    layers = (structs.Layer * len(plan.steps))()
    for i, step in enumerate(plan.steps):
        options = c_options(step.kernel, step.options, alive)
        places = {"run": _address(library, step.kernel), "options": ctypes.addressof(options)}
        layers[i] = structs.fill(structs.Layer, {**vars(step), **places}, _no_array)
    buffers = (structs.Buffer * len(plan.buffers))(
        *(structs.fill(structs.Buffer, vars(buffer), _no_array) for buffer in plan.buffers)
    )
    alive += [layers, buffers]
    tables = {
        "layers": ctypes.addressof(layers),
        "buffers": ctypes.addressof(buffers),
        "layer_count": len(layers),
        "buffer_count": len(buffers),
    }
    return structs.fill(structs.Plan, {**vars(plan), **tables}, _no_array), alive


def c_options(kernel: str, options: Mapping[str, Any], alive: list[object]) -> ctypes.Structure:
    """A kernel's options for C; what they point to, and they themselves, go to `alive`."""

    def address(array: NDArray[Any]) -> int:
        alive.append(array)
        return array.ctypes.data

    filled = structs.fill(structs.OPTIONS[kernel], options, address)
    alive.append(filled)
    return filled


def run_kernel(
    kernel: str,
    options: Mapping[str, Any],
    inputs: Sequence[Codes],
    size: int,
    scratch: int,
    library: ctypes.CDLL | None = None,
) -> Codes:
    """One kernel on one input or two: int8 [size], with so many bytes of scratch memory."""
    alive: list[object] = []
    filled = c_options(kernel, options, alive)
    out, work = np.empty(size, np.int8), np.empty(scratch, np.int8)
    data = [np.ascontiguousarray(codes) for codes in inputs]
    operands = [codes.ctypes.data for codes in data] + [None] * (2 - len(data))
    run = getattr(library or require(), kernel)
    run.argtypes, run.restype = [ctypes.c_void_p] * 5, None
    run(ctypes.addressof(filled), *operands, out.ctypes.data, work.ctypes.data)
    return out


def _address(library: ctypes.CDLL, function: str) -> int | None:
    return ctypes.cast(getattr(library, function), ctypes.c_void_p).value


def _no_array(array: NDArray[Any]) -> int:
    raise TypeError(f"an array {array.shape} where none belongs")


def _memory(size: int) -> NDArray[np.int64]:
    """At least one and `size` bytes, aligned to 8."""
    return np.zeros(max(1, -(-size // 8)), np.int64)
