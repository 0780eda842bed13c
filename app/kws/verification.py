"""A model's C code run beside the model itself, on this machine or an emulated Cortex-M."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws import native
from kws.artefact import read_model
from kws.c_sources import step_bytes
from kws.comparison import (
    Codes,
    Comparison,
    Track,
    compare,
    micro,
    noise,
    run_stream,
    run_windows,
    window_inputs,
)
from kws.emulate import Elf
from kws.emulated_mfcc import EmulatedMfcc
from kws.emulated_network import EmulatedNetwork, exported_elf
from kws.errors import RuntimeMissing
from kws.golden import Golden
from kws.mfcc import Mfcc
from kws.native import NativeMfcc
from kws.native_network import NativeNetwork
from kws.plan import Plan, window_plan
from kws.stream import stream_plan

HOST = "host"
BOARD_KERNELS = "fast"
RUNS = 100
_SEED = 0


@dataclass(frozen=True)
class LayerReport:
    """A layer, which runs once for an output.

    `instructions` and `cycles`, an estimate of a Cortex-M4's without wait states, are those of
    its dearest run, None where none was emulated.
    """

    name: str
    op: str
    kernel: str
    macs: int
    flash: int
    instructions: int | None
    cycles: int | None


@dataclass(frozen=True)
class Report:
    """What kws-verify found; `differ` is 0 unless the C code is wrong.

    stride is the columns from one output of a stream to the next, 0 for whole windows; flash and
    ram map what takes memory to bytes; column_instructions and column_cycles are the front-end's.
    """

    model: str
    cpu: str
    kernels: str
    stride: int
    inputs: int
    differ: int
    comparisons: tuple[Comparison, ...]
    micro: str
    layers: tuple[LayerReport, ...]
    flash: dict[str, int]
    ram: dict[str, int]
    column_instructions: int | None
    column_cycles: int | None


class CountedNetwork:
    """A plan as it is exported, on an emulated Cortex-M.

    `instructions` and `cycles` hold the most of each layer in any run.
    """

    def __init__(self, plan: Plan, cpu: str, kernels: str) -> None:
        elf = exported_elf(plan, cpu, kernels)
        self._network = EmulatedNetwork(plan, cpu, kernels, elf)
        self._sections = Elf(elf).sections
        self.instructions = [0] * len(plan.steps)
        self.cycles = list(self.instructions)

    @property
    def stack(self) -> int:
        """Bytes of the stack that the runs have used."""
        return self._network.stack

    @property
    def flash(self) -> dict[str, int]:
        """Bytes by what they are for."""
        return {"constants": self._sections[".rodata"], "code": self._sections[".text"]}

    def infer(self, window: Codes) -> Codes:
        """`EmulatedNetwork.infer`."""
        output = self._network.infer(window)
        self._count()
        return output

    def push(self, column: Codes) -> Codes | None:
        """`EmulatedNetwork.push`."""
        output = self._network.push(column)
        self._count()
        return output

    def reset(self) -> None:
        """`EmulatedNetwork.reset`."""
        self._network.reset()

    def _count(self) -> None:
        for kept in ("instructions", "cycles"):
            pairs = zip(getattr(self, kept), getattr(self._network, kept), strict=True)
            setattr(self, kept, [max(pair) for pair in pairs])


def verify(
    model: str,
    runs: int = RUNS,
    stream: bool = False,
    cpu: str = HOST,
    kernels: str | None = None,
    track: Track = lambda items, _title: items,
) -> Report:
    """Run a model's plan in C on `runs` inputs, and beside it what it must equal.

    `kernels` None takes those that this machine's library has, or boards take. `track` is handed
    each long loop's items and its title. Raises `ArtefactError` for a model that the kernels do
    not cover, `RuntimeMissing` for a tool that is not there, and `MismatchError` for a stream's
    output in a wrong column.
    """
    data, manifest = read_model(model)
    golden = Golden(data)
    window = window_plan(golden.graph)
    plan = stream_plan(golden.graph) if stream else window
    chosen = kernels or (native.LIBRARY.name if cpu == HOST else BOARD_KERNELS)
    counted = None if cpu == HOST else CountedNetwork(plan, cpu, chosen)
    network = counted or NativeNetwork(plan, _library(kernels))
    rng = np.random.default_rng(_SEED)
    rows, width = window.buffers[0].rows, window.buffers[0].row_bytes
    columns, comparisons, mfcc = np.zeros((0, width), np.int8), [], None
    if manifest is not None:
        spec = manifest.front_end
        frames = noise(spec, rows + runs * max(1, plan.stride) // 2, rng)
        columns = Mfcc(spec).columns(frames)
        mfcc = NativeMfcc(spec) if cpu == HOST else EmulatedMfcc(spec, cpu)
        comparisons.append(_compare_columns(mfcc, frames, columns, track))
    if stream:
        inputs, outputs = run_stream(network, rows, plan.stride, runs, rng, columns, track)
    else:
        inputs = window_inputs(rows, runs, rng, columns)
        outputs = run_windows(network, inputs, track)
    shape = golden.graph.tensors[golden.graph.inputs[0]].shape[1:]
    expected = golden.infer(inputs.windows.reshape(-1, *shape)).reshape(runs, -1)
    comparisons.append(compare("the golden model", inputs.kinds, outputs, expected))
    theirs = micro(data, inputs.windows, track)
    if not isinstance(theirs, str):
        comparisons.append(compare("TFLite Micro's interpreter", inputs.kinds, outputs, theirs))
    layers = _layers(plan, counted)
    constants = {"constants": sum(layer.flash for layer in layers)}
    return Report(
        model=model,
        cpu=cpu,
        kernels=chosen,
        stride=plan.stride,
        inputs=runs,
        differ=sum(found.differ for found in comparisons),
        comparisons=tuple(comparisons),
        micro=theirs if isinstance(theirs, str) else "",
        layers=layers,
        flash=counted.flash if counted else constants,
        ram={"arena": plan.arena} | ({"stack": counted.stack} if counted else {}),
        column_instructions=mfcc.instructions if isinstance(mfcc, EmulatedMfcc) else None,
        column_cycles=mfcc.cycles if isinstance(mfcc, EmulatedMfcc) else None,
    )


def _compare_columns(
    mfcc: NativeMfcc | EmulatedMfcc, frames: NDArray[np.int16], expected: Codes, track: Track
) -> Comparison:
    got = [mfcc.columns(frame[np.newaxis]) for frame in track(list(frames), "front-end")]
    kinds = ["a frame of noise"] * len(frames)
    return compare("the front-end in Python", kinds, np.concatenate(got), expected)


def _layers(plan: Plan, counted: CountedNetwork | None) -> tuple[LayerReport, ...]:
    return tuple(
        LayerReport(
            name=step.name,
            op=step.op,
            kernel=step.kernel,
            macs=step.macs,
            flash=step_bytes(step),
            instructions=counted.instructions[i] if counted else None,
            cycles=counted.cycles[i] if counted else None,
        )
        for i, step in enumerate(plan.steps)
    )


def _library(kernels: str | None) -> ctypes.CDLL:
    if kernels is None:
        return native.require()
    path = native.LIBRARY.with_name(f"libkws-{kernels}.so")
    loaded = native.load(path)
    if loaded is None:
        needed = "make cmsis-nn && " if kernels == "cmsis" else ""
        raise RuntimeMissing(
            f"{path} is missing or damaged; in a checkout, with a C compiler (sudo apt-get install "
            f"gcc libc6-dev make), it is built by: {needed}make backends KERNELS={kernels}"
        )
    return loaded
