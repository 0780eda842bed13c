"""The kernels of the Raspberry Pis, cross-compiled and run on emulated CPUs, equal the golden ones.

Each CPU takes another way through firmware/src/kernels/simd: NEON of 64 bits, SDOT, NEON of 32
bits, and plain C where there is no NEON.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from kernel_cases import CASES, codes
from kws.artefact import Artefact
from kws.c_sources import network_sources
from kws.golden import Golden
from kws.graph import Graph, read_graph
from kws.plan import window_plan
from twins import ROOT

Codes = NDArray[np.int8]

EACH = 8  # networks of each kernel


class Target(NamedTuple):
    """A compiler with its options, an emulator with its CPU, and the function that it takes."""

    compiler: tuple[str, ...]
    emulator: tuple[str, ...]
    function: str


CPUS = {
    "cortex-a53": Target(
        ("aarch64-linux-gnu-gcc",), ("qemu-aarch64-static", "-cpu", "cortex-a53"), "dot4_neon"
    ),
    "sdot": Target(("aarch64-linux-gnu-gcc",), ("qemu-aarch64-static", "-cpu", "max"), "dot4_sdot"),
    "armv7": Target(
        ("arm-linux-gnueabihf-gcc", "-march=armv7-a", "-mfpu=neon", "-mfloat-abi=hard"),
        ("qemu-arm-static", "-cpu", "cortex-a7"),
        "dot4_neon",
    ),
    "armv7 without NEON": Target(("arm-linux-gnueabihf-gcc",), ("qemu-arm-static",), "dot4_plain"),
}


def graphs() -> list[Graph]:
    """Some of each kernel, and the models that are all int8."""
    rng = np.random.default_rng(20_26)
    some = [make(rng) for make in CASES.values() for _ in range(EACH)]
    return some + [read_graph(Artefact.load(name).model) for name in ("st-int8", "st-hybrid")]


@pytest.fixture(scope="module")
def networks() -> list[tuple[Graph, Codes, Codes]]:
    """Networks with an input and its output by the golden model."""
    rng = np.random.default_rng(20_27)
    rows = []
    for graph in graphs():
        window = codes(rng, graph.tensors[graph.inputs[0]].shape)
        rows.append((graph, window, Golden(graph).run(window)[graph.outputs[0]].reshape(-1)))
    return rows


@pytest.fixture(scope="module")
def sources(
    networks: list[tuple[Graph, Codes, Codes]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with the C text of each network, and a list of them all."""
    folder = tmp_path_factory.mktemp("networks")
    (folder / "kws_model.h").write_text('#include "network.h"\n')
    names = [f"plan_{i}" for i in range(len(networks))]
    for name, (graph, _, _) in zip(names, networks, strict=True):
        text = network_sources(window_plan(graph), name)["kws_model.c"]
        (folder / f"{name}.c").write_text(text.replace(" kws_plan = {", f" {name} = {{"))
    lines = ['#include "kws_model.h"', *(f"extern const struct kws_plan {n};" for n in names)]
    plans = ", ".join(f"&{name}" for name in names)
    lines.append(f"const struct kws_plan *const plans[] = {{{plans}, 0}};")
    (folder / "plans.c").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("cpu", CPUS)
def test_networks(
    cpu: str, networks: list[tuple[Graph, Codes, Codes]], sources: Path, tmp_path: Path
) -> None:
    target, log = CPUS[cpu], tmp_path / "log"
    program = build(target, sources, tmp_path)
    done = subprocess.run(
        [*target.emulator, "-d", "in_asm", "-D", log, program],
        input=b"".join(window.tobytes() for _, window, _ in networks),
        capture_output=True,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert set(re.findall(r"IN: (dot4_\w+)", log.read_text())) == {target.function}
    at, output = 0, np.frombuffer(done.stdout, np.int8)
    for graph, _, expected in networks:
        found = output[at : at + len(expected)]
        assert found.tolist() == expected.tolist(), graph.nodes[-1].op
        at += len(expected)
    assert at == len(output)


def build(target: Target, sources: Path, folder: Path) -> Path:
    """All networks as one program."""
    recipe = "print: ; @echo $(call kernel_sources,simd)"
    kernels = subprocess.run(
        ["make", "--silent", "--file=firmware/kernels.mk", "--eval", recipe, "print"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    program = folder / "networks"
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", "-static"]
    folders = ["-Ifirmware/src", f"-I{sources}"]
    texts = [*kernels, "firmware/src/network.c", "tests/run_plans.c", *sorted(sources.glob("*.c"))]
    command = [*target.compiler, *flags, "-O2", *folders, "-o", program, *texts]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    return program
