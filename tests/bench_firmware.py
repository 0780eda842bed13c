"""What each model takes of a board: flash, RAM, instructions and, by an estimate, time."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass

from images import build
from kws.artefact import Artefact, list_models
from kws.errors import ArtefactError
from kws.export import choose_plan
from kws.footprint import footprint
from kws.graph import read_graph
from kws.verification import Report, verify

RUNS = 4
KIB, MIB = 1 << 10, 1 << 20

# Cycles are counted by the class of each executed instruction, as a Cortex-M4's manual has them:
# 2 for a load, 1 behind another, 1 and 1 a register for several, 2 more for a jump; no wait states.
# A Cortex-M7 does two at a time: MLPerf Tiny's best results for the same network take 1.96 cycles
# a multiply-accumulate on an L4R5 and 1.44 on an F746, which is that share.
M7_SHARE = 1.44 / 1.96
MODEL_OF_TIME = (
    "Time is an estimate: a Cortex-M4's cycles by the class of each executed instruction, without\n"
    f"wait states; a Cortex-M7's are {M7_SHARE:.2f} of them, as in MLPerf Tiny's best results."
)
PAPERS = """\
Beside it, as published:
  Guarneri et al., 8-bit convolutions and binary dense layers, STM32L496G: 0.076 MB, 127.4 KB RAM
  Wang and Li, STM32F7 at 216 MHz: 37 ms a decision with features; 7.1 cycles a MAC at best
  MLPerf Tiny's best keyword spotting, STM32L4R5: 1.96 cycles a MAC; F746: 1.44"""


@dataclass(frozen=True)
class Machine:
    """A processor, its clock and the board whose image is measured."""

    cpu: str
    hz: int
    board: str
    share: float  # of a Cortex-M4's cycles


MACHINES = (
    Machine("m4", 80_000_000, "stm32l496g-disco", 1.0),
    Machine("m7", 216_000_000, "stm32f769i-disco", M7_SHARE),
)


@dataclass(frozen=True)
class Figures:
    """A model on a machine; cycles are estimates, flash and ram bytes by what they are for.

    A decision is what falls every `hop` columns: that many columns of the front-end, and the
    network once, or as many times as a stream gives an output meanwhile.
    """

    model: str
    cpu: str
    hz: int
    board: str
    hop: int
    stack_used: int
    flash: dict[str, int]
    ram: dict[str, int]
    network: Report
    macs: float
    instructions: float
    cycles: float
    column_ms: float
    decision_ms: float
    duty: float


def measure(name: str, machine: Machine) -> Figures:
    """Build the image, run the network and the front-end in the emulator."""
    artefact = Artefact.load(name)
    spec, hop = artefact.manifest.front_end, artefact.manifest.decision.hop
    plan = choose_plan(read_graph(artefact.model), hop=hop)
    report = verify(name, RUNS, plan.stride > 0, machine.cpu)
    if report.differ:
        raise ArtefactError(f"{name}: {report.differ} values differ: kws-verify {name} says more")
    image = footprint(build(machine.board, MODEL=name).with_name(f"{name}-fast.map"))
    outputs = hop / plan.stride if plan.stride else 1
    macs, instructions, cycles = (
        outputs * sum(getattr(layer, figure) for layer in report.layers)
        for figure in ("macs", "instructions", "cycles")
    )
    second = machine.hz / machine.share
    column = (report.column_cycles or 0) / second
    decision = hop * column + cycles / second
    return Figures(
        model=name,
        cpu=machine.cpu,
        hz=machine.hz,
        board=machine.board,
        hop=hop,
        stack_used=report.ram["stack"],
        flash=image.flash,
        ram=image.ram,
        network=report,
        macs=macs,
        instructions=instructions,
        cycles=cycles * machine.share,
        column_ms=1_000 * column,
        decision_ms=1_000 * decision,
        duty=decision / (hop * spec.hop_seconds),
    )


def show(figures: Figures) -> None:
    """A table of layers, and lines for the rest."""
    report = figures.network
    how = f"a stream, {report.stride} columns an output" if report.stride else "whole windows"
    name = f"Cortex-{figures.cpu.upper()} at {figures.hz // 1_000_000} MHz"
    print(
        f"{figures.model} on {figures.board}, {name}; {how}; a decision every {figures.hop} columns"
    )
    print(f"  {'layer':20} {'kernel':17}{'MACs':>10}{'instructions':>14}{'a MAC':>8}{'cycles':>11}")
    for layer in report.layers:
        instructions, cycles = layer.instructions or 0, layer.cycles or 0
        each = f"{instructions / layer.macs:.2f}" if layer.macs else ""
        line = f"  {layer.name:20} {layer.kernel:17}{layer.macs:10,}{instructions:14,}{each:>8}"
        print(f"{line}{cycles * share(figures):11,.0f}")
    print(
        f"  {'network, a decision':38}{figures.macs:10,.0f}{figures.instructions:14,.0f}"
        f"{figures.instructions / figures.macs:8.2f}{figures.cycles:11,.0f}"
        f"  {figures.cycles / figures.macs:.2f} cycles a MAC"
    )
    column = (report.column_cycles or 0) * share(figures)
    print(f"  {'front-end, a column':48}{report.column_instructions:14,}{'':8}{column:11,.0f}")
    for memory, parts in (("flash", figures.flash), ("RAM", figures.ram)):
        total = sum(parts.values())
        each = ", ".join(f"{part} {size:,}" for part, size in parts.items())
        print(f"  {memory:6}{total:9,} bytes ({total / KIB:.1f} KB): {each}")
    print(f"  {figures.stack_used:,} bytes of the stack are used by the network")
    model = figures.flash["model"]
    print(f"  model data {model:,} bytes ({model / MIB:.3f} MB)")
    print(
        f"  time   {figures.column_ms:.2f} ms a column, {figures.decision_ms:.1f} ms a decision "
        f"with its columns: {figures.duty:.1%} of the time\n"
    )


def share(figures: Figures) -> float:
    """Of a Cortex-M4's cycles."""
    return next(machine.share for machine in MACHINES if machine.cpu == figures.cpu)


def main(argv: list[str] | None = None) -> int:
    """Print a table a model and processor, or one JSON array."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help="names; all committed models unless given")
    parser.add_argument("--json", action="store_true", help="one JSON array")
    args = parser.parse_args(argv)
    found = []
    for name in args.models or list_models():
        for machine in MACHINES:
            try:
                found.append(measure(name, machine))
            except ArtefactError as error:
                print(f"{name}: {error}\n", file=sys.stderr)
                break
            if not args.json:
                show(found[-1])
    if args.json:
        print(json.dumps([asdict(figures) for figures in found]))
    else:
        print(f"{MODEL_OF_TIME}\n{PAPERS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
