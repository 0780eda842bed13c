"""Instructions of a network on the Raspberry Pis' CPUs, counted by an emulator."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from kws.artefact import Artefact
from kws.c_sources import network_sources
from kws.graph import macs, read_graph
from kws.plan import window_plan
from test_simd import CPUS, Target, build

MODELS = ("st-int8", "st-hybrid")


def main() -> int:
    """Count, print, return 0."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    print("Instructions of a window, and per multiply-accumulate")
    for name in MODELS:
        graph = read_graph(Artefact.load(name).model)
        for cpu, target in CPUS.items():
            if target.function == "dot4_plain":  # that of no Pi
                continue
            once, twice = (instructions(name, target, times) for times in (1, 2))
            count = twice - once
            print(f"  {name:<10} {cpu:<18} {count:>12,}  {count / macs(graph):5.2f}")
    return 0


def instructions(model: str, target: Target, times: int) -> int:
    """Of a program that runs a model on so many windows of zeros."""
    graph = read_graph(Artefact.load(model).model)
    plan = window_plan(graph)
    size = plan.buffers[plan.input].row_bytes * plan.buffers[plan.input].rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = network_sources(plan, model)
        for file, text in sources.items():
            (folder / file).write_text(text)
        plans = "&kws_plan, " * times
        (folder / "plans.c").write_text(
            f'#include "kws_model.h"\nconst struct kws_plan *const plans[] = {{{plans}0}};\n'
        )
        program, given = build(target, folder, folder), folder / "windows"
        given.write_bytes(bytes(times * size))
        # one instruction a block, one line a block, on standard error
        command = [*target.emulator, "-singlestep", "-d", "exec,nochain", str(program)]
        with (
            given.open("rb") as windows,
            subprocess.Popen(
                command, stdin=windows, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            ) as process,
        ):
            assert process.stderr is not None
            lines = process.stderr
            count = sum(part.count(b"\n") for part in iter(lambda: lines.read(1 << 20), b""))
        if process.returncode:
            raise SystemExit(f"{target.emulator[0]} ends with {process.returncode}")
        return count


if __name__ == "__main__":
    raise SystemExit(main())
