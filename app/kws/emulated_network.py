"""A network's plan run by the firmware's C code on an emulated Cortex-M, counted layer by layer."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws import structs
from kws.c_sources import network_sources
from kws.emulate import Firmware, compile_elf
from kws.errors import RuntimeMissing
from kws.plan import Plan

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"


@cache
def network_elf(cpu: str, backend: str) -> bytes:
    """network.c and a backend's kernels for a bare "m4" or "m7"."""
    return _build(cpu, backend)


def exported_elf(plan: Plan, cpu: str, backend: str) -> bytes:
    """The same with a plan as kws-export writes it, `kws_plan`, and only what that needs."""
    functions = ("init", "reset", "input", "start", "push", "work", "output")
    roots = ["kws_plan", *(f"kws_network_{function}" for function in functions)]
    link = [f"-Wl,--gc-sections,{','.join(f'-u,{root}' for root in roots)}"]
    with tempfile.TemporaryDirectory() as folder:
        for name, text in network_sources(plan, "a plan").items():
            Path(folder, name).write_text(text, encoding="utf-8")
        return _build(cpu, backend, [Path(folder)], link)


def _build(
    cpu: str, backend: str, folders: Sequence[Path] = (), flags: Sequence[str] = ()
) -> bytes:
    source = c_sources()
    kernels, needed = _kernels(backend)
    models = [folder / "kws_model.c" for folder in folders]
    return compile_elf(
        [source / "network.c", *kernels, *models], cpu, [source, *folders], [*needed, *flags]
    )


def c_sources() -> Path:
    """The folder firmware/src; raises `RuntimeMissing` where there is none."""
    folder = FIRMWARE / "src"
    if not folder.is_dir():
        raise RuntimeMissing("an installed package has no C sources to emulate; use a checkout")
    return folder


def _kernels(backend: str) -> tuple[list[Path], list[str]]:
    """A backend's sources and flags, as firmware/kernels.mk has them."""
    if shutil.which("make") is None:
        raise RuntimeMissing("make is not installed; run: sudo apt-get install make")
    lists = (f"echo $(call kernel_{each},$(KERNELS))" for each in ("sources", "flags"))
    recipe = "print:;@" + ";".join(lists)
    make = ["make", "--silent", "--file=firmware/kernels.mk", f"KERNELS={backend}"]
    done = subprocess.run(
        [*make, "--eval", recipe, "print"], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:  # CMSIS-NN is not fetched
        raise RuntimeMissing(done.stderr.strip().rpartition("*** ")[2].removesuffix(".  Stop."))
    sources, flags = (line.split() for line in done.stdout.splitlines())
    return (
        [ROOT / source for source in sources],
        [flag.replace("-Ifirmware", f"-I{FIRMWARE}") for flag in flags],
    )


class EmulatedNetwork:
    """A plan in the memory of an emulated Cortex-M.

    `instructions` and `cycles` hold, after each run, those of each layer, 0 for one that was not
    due; the cycles are `Call`'s estimate. `elf` is that of `exported_elf`, unless the plan is to
    be placed in RAM. Raises `RuntimeMissing` as `Firmware` and `compile_elf` do.
    """

    def __init__(
        self, plan: Plan, cpu: str = "m4", backend: str = "fast", elf: bytes | None = None
    ) -> None:
        self._plan = plan
        self._firmware = Firmware(elf or network_elf(cpu, backend), cpu)
        self.instructions = [0] * len(plan.steps)
        self.cycles = list(self.instructions)
        arena = self._firmware.reserve(plan.arena)
        address = self._firmware.symbols["kws_plan"] if elf else place_plan(plan, self._firmware)
        network = _narrow(structs.Network)
        self._network = self._firmware.reserve(ctypes.sizeof(network))
        self._column = self._firmware.reserve(plan.buffers[plan.input].row_bytes)
        self._next = self._network + network.next.offset
        self._call("kws_network_init", address, arena, plan.arena)

    @property
    def stack(self) -> int:
        """Bytes of the stack that the runs have used."""
        return self._firmware.stack

    def reset(self) -> None:
        """Forget all columns of a stream."""
        self._call("kws_network_reset")

    def infer(self, window: NDArray[np.int8]) -> NDArray[np.int8]:
        """The codes of a window's output, as one row."""
        self._firmware.write(self._call("kws_network_input"), window.tobytes())
        self._call("kws_network_start")
        self._work()
        return self._output()

    def push(self, column: NDArray[np.int8]) -> NDArray[np.int8] | None:
        """What a column of a stream leads to: the output's codes, or None."""
        self._firmware.write(self._column, column.tobytes())
        self._call("kws_network_push", self._column)
        self._work()
        return self._output() if self._call("kws_network_output") else None

    def _work(self) -> None:
        self.instructions = [0] * len(self._plan.steps)
        self.cycles = list(self.instructions)
        while (layer := self._at()) < len(self.instructions):
            done = self._firmware.call("kws_network_work", self._network)
            self.instructions[layer] = done.instructions
            self.cycles[layer] = done.cycles

    def _at(self) -> int:
        return int.from_bytes(self._firmware.read(self._next, 2), "little")

    def _output(self) -> NDArray[np.int8]:
        buffer = self._plan.buffers[self._plan.output]
        size = int(buffer.row_bytes * buffer.rows)
        codes = self._firmware.read(self._call("kws_network_output"), size)
        return np.frombuffer(codes, np.int8)

    def _call(self, function: str, *arguments: int) -> int:
        return self._firmware.call(function, self._network, *arguments).result


def network_instructions(plan: Plan, cpu: str = "m4", backend: str = "fast") -> list[int]:
    """Instructions of a run of each step; inputs are zeros, for data hardly matter."""
    network = EmulatedNetwork(plan, cpu, backend)
    source = plan.buffers[plan.input]
    if not plan.stride:
        network.infer(np.zeros(source.row_bytes * source.rows, np.int8))
        return network.instructions
    column, most = np.zeros(source.row_bytes, np.int8), network.instructions
    outputs = 0
    while outputs < 1:  # then each layer has run
        outputs += network.push(column) is not None
        most = [max(pair) for pair in zip(most, network.instructions, strict=True)]
    return most


def place_plan(plan: Plan, firmware: Firmware) -> int:
    """The address of a `struct kws_plan` in emulated memory, with all that it points to."""

    def constant(array: NDArray[Any]) -> int:
        return firmware.place(array.tobytes())

    def fill(structure: type[ctypes.Structure], values: Mapping[str, Any]) -> bytes:
        given = {name: 0 if value is None else value for name, value in values.items()}
        return bytes(structs.fill(_narrow(structure), given, constant))

    layers = []
    for step in plan.steps:
        options = firmware.place(fill(structs.OPTIONS[step.kernel], step.options))
        run = firmware.symbols[step.kernel] | 1
        layers.append(fill(structs.Layer, {**vars(step), "run": run, "options": options}))
    buffers = [fill(structs.Buffer, vars(buffer)) for buffer in plan.buffers]
    tables = {
        "layers": firmware.place(b"".join(layers)),
        "buffers": firmware.place(b"".join(buffers)),
        "layer_count": len(layers),
        "buffer_count": len(buffers),
    }
    return firmware.place(fill(structs.Plan, {**vars(plan), **tables}))


@cache
def _narrow(structure: type[ctypes.Structure]) -> Any:
    """The same structure where a pointer has 32 bits."""
    fields: list[tuple[str, Any]] = []
    for name, kind, *_ in structure._fields_:
        if kind is ctypes.c_void_p:
            fields.append((name, ctypes.c_uint32))
        elif issubclass(kind, ctypes.Structure):
            fields.append((name, _narrow(kind)))
        else:
            fields.append((name, kind))
    return type(structure.__name__, (ctypes.LittleEndianStructure,), {"_fields_": fields})
