"""The kernels of every backend on emulated Cortex-M, against the golden model."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_cases import CASES, codes
from kernel_shapes import SHAPES, work
from kws import emulate
from kws.artefact import models_dir
from kws.emulate import CPUS, Firmware, compile_elf
from kws.emulated_network import EmulatedNetwork, network_instructions
from kws.errors import RuntimeMissing
from kws.golden import Golden
from kws.graph import read_graph
from kws.plan import window_plan
from kws.stream import stream_plan
from stream_networks import random_stream
from test_stream import random_columns, window_outputs
from twins import ROOT

subprocess.run(["make", "--silent", "cmsis-nn"], cwd=ROOT, check=True)

BACKENDS = ("portable", "cmsis", "fast")
MACHINES = pytest.mark.parametrize(("cpu", "backend"), list(itertools.product(CPUS, BACKENDS)))
SEEDS = st.integers(0, 2**32 - 1)

# Instructions per multiply-accumulate that the fast kernels must not exceed on a Cortex-M4.
TARGETS = {
    "dense 1 bit 7488, 64": 1.0,
    "conv 1 bit 55x1x40, 9x1, 40": 1.0,
    "conv 12x10x32, 3x3, 32": 1.5,
    "conv 55x38x1, 3x3, 32": 3.0,
    "conv 1x1x80, 1x1, 80, one place": 1.75,
    "depthwise 5x1x64, one place": 9.0,
    "depthwise 3x1x80, one place": 12.0,
    "dense 320, 48": 1.6,
    "add 64, a value": 22.0,
}


@MACHINES
@settings(max_examples=100)
@given(seed=SEEDS, kernel=st.sampled_from(sorted(CASES)))
def test_kernel(cpu: str, backend: str, kernel: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = CASES[kernel](rng)
    plan = window_plan(graph)
    assert plan.steps[-1].kernel == kernel
    window = codes(rng, graph.tensors[graph.inputs[0]].shape)
    expected = Golden(graph).infer(window)
    assert EmulatedNetwork(plan, cpu, backend).infer(window).tolist() == expected.ravel().tolist()


@MACHINES
@pytest.mark.parametrize("model", ["st-int8", "st-hybrid"])
def test_model(cpu: str, backend: str, model: str) -> None:
    graph = read_graph((models_dir() / model / "model.tflite").read_bytes())
    network, golden = EmulatedNetwork(window_plan(graph), cpu, backend), Golden(graph)
    rng = np.random.default_rng(1)
    shape = graph.tensors[graph.inputs[0]].shape[1:3]
    for window in (codes(rng, shape), np.full(shape, 127, np.int8), codes(rng, shape)):
        assert network.infer(window).tolist() == golden.infer(window).tolist()
    assert all(network.instructions)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=15)
@given(seed=SEEDS)
def test_stream(backend: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = random_stream(rng)
    plan = stream_plan(graph)
    columns = random_columns(graph, rng, int(rng.integers(0, 20)))
    stream = EmulatedNetwork(plan, "m4", backend)
    pushed = enumerate(map(stream.push, columns))
    outputs = {at: output.tolist() for at, output in pushed if output is not None}
    assert outputs == window_outputs(graph, columns, plan.stride)


@pytest.mark.parametrize("layer", SHAPES)
def test_ours_need_fewer_instructions_than_cmsis(layer: str) -> None:
    plan = window_plan(SHAPES[layer]())
    (ours,), (theirs,) = (network_instructions(plan, "m4", name) for name in ("fast", "cmsis"))
    assert ours < theirs
    assert ours / work(plan) <= TARGETS.get(layer, np.inf)


def test_instructions_are_counted(tmp_path: Path) -> None:
    import unicorn

    source = tmp_path / "loop.c"
    source.write_text(
        "int loop(int n) { volatile int sum = 0; for (int i = 0; i < n; ++i) sum += i * n;"
        " return sum; }"
    )
    firmware = Firmware(compile_elf([source], "m4"), "m4")
    executed = []
    firmware._uc.hook_add(unicorn.UC_HOOK_CODE, lambda *where: executed.append(where))
    call = firmware.call("loop", 1000)
    assert call.result == 1000 * 999 * 500
    assert call.instructions == len(executed) > 1000


def test_a_loop_without_end_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "ever.c"
    source.write_text('void ever(void) { for (;;) __asm__ volatile(""); }')
    firmware = Firmware(compile_elf([source], "m7"), "m7")
    monkeypatch.setattr(emulate, "_LONGEST", 10_000)
    with pytest.raises(TimeoutError, match="ever did not end within 10,000 instructions"):
        firmware.call("ever")


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RuntimeMissing, match="apt-get install gcc-arm-none-eabi"):
        compile_elf([], "m4")


def test_wrappers_compile_without_warnings() -> None:
    strict = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror"]
    folders = ["kernels/cmsis", *(f"../build/cmsis-nn/{name}" for name in ("Include", "Core"))]
    foreign = [f"-isystem{ROOT}/firmware/src/{folder}" for folder in folders]
    flags = [*CPUS["m4"], *emulate.FLAGS, *strict, *foreign, f"-I{ROOT}/firmware/src"]
    for source in sorted((ROOT / "firmware/src/kernels/cmsis").glob("*.c")):
        subprocess.run([emulate.COMPILER, *flags, "-fsyntax-only", str(source)], check=True)
