"""kws-export: its C is current, builds, and computes what the golden model computes."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kws import export
from kws.artefact import Artefact, Manifest
from kws.golden import Golden
from kws.graph import Graph
from kws.plan import window_plan
from kws.stream import stream_plan
from kws_train.write_tflite import write_graph
from networks import random_int8
from stream_networks import random_stream
from tiny_model import DECISION, tiny_artefact
from twins import ROOT, c_library

FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror"]
FLAGS += [f"-I{ROOT}/firmware/include", f"-I{ROOT}/firmware/src"]
COMPILERS = {"cc": ["-O1"], "clang": ["-O1"], "arm-none-eabi-gcc": ["-mcpu=cortex-m4", "-mthumb"]}

# Reads inputs from stdin, writes each output to stdout.
NETWORK = """
#include <stdio.h>
#include "kws_model.h"
static uint64_t arena[KWS_ARENA_BYTES / 8];
KWS_CHECK_ARENA(arena);
int main(void)
{
    static int8_t input[KWS_INPUT_BYTES];
    struct kws_network network;
    if (kws_network_init(&network, &kws_plan, arena, sizeof arena) != KWS_OK) {
        return 1;
    }
    while (fread(input, 1, sizeof input, stdin) == sizeof input) {
        if (KWS_STRIDE > 0) {
            kws_network_push(&network, input);
        } else {
            int8_t *to = kws_network_input(&network);
            for (size_t i = 0; i < sizeof input; ++i) {
                to[i] = input[i];
            }
            kws_network_start(&network);
        }
        while (kws_network_work(&network) == KWS_NOT_READY) {
        }
        const int8_t *output = kws_network_output(&network);
        if (output) {
            fwrite(output, 1, KWS_OUTPUT_BYTES, stdout);
        }
    }
    return 0;
}
"""
# Tells what the model needs, and its labels.
MODEL = """
#include <stdio.h>
#include "kws_model.h"
int main(void)
{
    printf("%u %d\\n", (unsigned)kws_memory(&kws_model), KWS_MEMORY_BYTES);
    for (unsigned i = 0; i < KWS_LABELS; ++i) {
        printf("%d %s\\n", kws_model.thresholds[i], kws_model.labels[i]);
    }
    return 0;
}
"""


def build(folder: Path, program: str) -> Path:
    """A program over the exported sources and the library."""
    c_library()
    source, binary = folder / "program.c", folder / "program"
    source.write_text(program)
    library = f"{ROOT}/firmware/build"
    sources = [str(path) for path in sorted(folder.glob("*.c"))]
    link = [f"-L{library}", "-lkws", f"-Wl,-rpath,{library}", "-o", str(binary)]
    subprocess.run(["cc", *FLAGS, f"-I{folder}", *sources, *link], check=True)
    return binary


def exported(graph: Graph, folder: Path, *arguments: str) -> Path:
    """The folder with the C sources of a network."""
    model = folder / "net.tflite"
    model.write_bytes(write_graph(graph))
    out = folder / "c"
    assert export.main([str(model), "--out", str(out), *arguments]) == 0
    return out


def fails(capsys: pytest.CaptureFixture, *arguments: str) -> str:
    """The one line that a failing export prints."""
    assert export.main(list(arguments)) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


# -- what is committed -----------------------------------------------------------------------------
def test_committed_sources_are_current() -> None:
    assert export.main(["--out", str(ROOT / "firmware/generated"), "--check"]) == 0


def test_check_says_what_is_not_current(
    tmp_path: Path, tiny: Artefact, capsys: pytest.CaptureFixture
) -> None:
    arguments = [str(tiny.folder), "--out", str(tmp_path)]
    fails(capsys, *arguments, "--check")
    assert export.main(arguments) == 0
    assert export.main([*arguments, "--check"]) == 0
    for name in ("frontend.c", "frontend.h", "kws_model.c", "kws_model.h"):
        source = tmp_path / name
        text = source.read_text()
        source.write_text(text.replace("1", "2", 1))
        assert str(source) in fails(capsys, *arguments, "--check")
        source.write_text(text)


# -- networks --------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(3))
def test_windows_equal_the_golden_model(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    graph = random_int8(rng)
    program = build(exported(graph, tmp_path, "--window"), NETWORK)
    batch = rng.integers(-128, 128, (5, *graph.tensors[graph.inputs[0]].shape[1:])).astype(np.int8)
    done = subprocess.run([program], input=batch.tobytes(), capture_output=True, check=True)
    assert done.stdout == Golden(graph).infer(batch).tobytes()


@pytest.mark.parametrize("seed", range(3))
def test_streams_equal_the_golden_model(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    graph = random_stream(rng)
    program = build(exported(graph, tmp_path), NETWORK)
    shape, stride = graph.tensors[graph.inputs[0]].shape, stream_plan(graph).stride
    columns = rng.integers(-128, 128, (shape[1] + 4 * stride, *shape[2:])).astype(np.int8)
    done = subprocess.run([program], input=columns.tobytes(), capture_output=True, check=True)
    windows = np.stack([columns[i * stride : i * stride + shape[1]] for i in range(5)])
    assert done.stdout == Golden(graph).infer(windows).tobytes()


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("make", [random_int8, random_stream])
def test_compilers_have_nothing_to_say(compiler: str, make: object, tmp_path: Path) -> None:
    graph = make(np.random.default_rng(1))
    folder = exported(graph, tmp_path)
    source, target = str(folder / "kws_model.c"), str(tmp_path / "model.o")
    subprocess.run([compiler, *COMPILERS[compiler], *FLAGS, "-c", source, "-o", target], check=True)


def test_the_build_stops_at_an_arena_that_is_too_small(tmp_path: Path) -> None:
    folder = exported(random_stream(np.random.default_rng(1)), tmp_path)
    small = tmp_path / "small.c"
    small.write_text(
        '#include "kws_model.h"\nstatic char arena[KWS_ARENA_BYTES - 1];\n'
        "KWS_CHECK_ARENA(arena);\nint main(void)\n{\n    return arena[0];\n}\n"
    )
    command = ["cc", *FLAGS, f"-I{folder}", "-c", str(small), "-o", str(tmp_path / "small.o")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "kws_arena_is_too_small" in done.stderr
    small.write_text(small.read_text().replace(" - 1", ""))
    subprocess.run(command, check=True)


def test_the_same_network_gives_the_same_text(tmp_path: Path) -> None:
    graph = random_int8(np.random.default_rng(2))
    texts = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        folder = exported(graph, tmp_path / name)
        texts.append([path.read_text() for path in sorted(folder.iterdir())])
    assert texts[0] == texts[1]
    assert "from net.tflite" in texts[0][0]


def test_each_layer_says_what_it_is(tmp_path: Path) -> None:
    graph = random_int8(np.random.default_rng(2))
    text = (exported(graph, tmp_path, "--window") / "kws_model.c").read_text()
    found = re.findall(r"^/\* \d+: (\S+), (\w+) to ", text, re.MULTILINE)
    assert found == [(step.name, step.op) for step in window_plan(graph).steps]


# -- models ----------------------------------------------------------------------------------------
def streaming(folder: Path, hop: int) -> tuple[Artefact, int]:
    """A model of a network that can stream with a stride above one."""
    for seed in range(1_000):
        graph = random_stream(np.random.default_rng(seed))
        _, columns, coefficients, depth = graph.tensors[graph.inputs[0]].shape
        labels = graph.tensors[graph.outputs[0]].shape[-1]
        stride = stream_plan(graph).stride
        if stride > 1 and depth == 1 and labels > 1:
            break
    front_end = replace(
        tiny_artefact(folder).manifest.front_end,
        columns=columns,
        coefficients=coefficients,
        mean=(90.0,) * coefficients,
        deviation=(20.0,) * coefficients,
    )
    manifest = Manifest(
        name=folder.name,
        labels=tuple(f"word {i}" for i in range(labels)),
        front_end=front_end,
        decision=replace(DECISION, hop=hop * stride if hop else 1),
    )
    return Artefact.save(folder, manifest, write_graph(graph)), stride


@pytest.mark.parametrize("hop", [1, 2])
def test_a_model_streams_where_its_hop_allows(hop: int, tmp_path: Path) -> None:
    artefact, stride = streaming(tmp_path / "streaming", hop)
    plan, _ = export.export(str(artefact.folder))
    assert plan.stride == stride
    assert export.export(str(artefact.folder), stream=False)[0].stride == 0


def test_a_hop_between_outputs_takes_windows(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    artefact, stride = streaming(tmp_path / "streaming", hop=0)
    assert export.export(str(artefact.folder))[0].stride == 0
    error = fails(capsys, str(artefact.folder), "--out", str(tmp_path / "out"), "--stream")
    assert f"every {stride} columns at a hop of 1" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("stream", [False, True])
def test_memory_and_labels(stream: bool, tmp_path: Path) -> None:
    artefact = streaming(tmp_path / "model", 1)[0] if stream else tiny_artefact(tmp_path / "model")
    labels = (
        "yes",
        'say "no" \\ now',
        "ça va?",
        "_unknown_",
        "a",
        "b",
        "c",
        "d",
        "e",
        "f",
        "g",
        "h",
    )
    count = len(artefact.manifest.labels)
    words = [label for label in labels[:count] if not label.startswith("_")]
    threshold = {word: (i + 1) / 8 for i, word in enumerate(words)}
    decision = replace(artefact.manifest.decision, threshold=threshold)
    manifest = replace(artefact.manifest, labels=labels[:count], decision=decision)
    Artefact.save(artefact.folder, manifest, artefact.model)
    out = tmp_path / "c"
    assert export.main([str(artefact.folder), "--out", str(out)]) == 0
    lines = subprocess.run([build(out, MODEL)], capture_output=True, text=True).stdout.splitlines()
    counted, stated = lines[0].split()
    assert counted == stated != "0"
    codes = [round(256 * threshold.get(label, 0)) for label in labels[:count]]
    assert lines[1:] == [f"{c} {label}" for c, label in zip(codes, labels[:count], strict=True)]


def test_a_model_that_does_not_fit_its_manifest(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    artefact = tiny_artefact(tmp_path / "tiny")
    manifest = replace(artefact.manifest, labels=("yes", "no"))
    Artefact.save(artefact.folder, manifest, artefact.model)
    assert "and 2 labels" in fails(capsys, str(artefact.folder), "--out", str(tmp_path / "out"))


def test_what_cannot_be_exported(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = ["--out", str(tmp_path / "out")]
    assert "no-such.tflite" in fails(capsys, str(tmp_path / "no-such.tflite"), *out)
    assert "no model 'nothing'" in fails(capsys, "nothing", *out)
    assert "node 0 DEQUANTIZE" in fails(capsys, "st-float", *out)
    assert "cannot stream" in fails(capsys, "st-int8", *out, "--stream")
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"no model at all")
    assert "not a .tflite" in fails(capsys, str(broken), *out)


def test_the_table(tmp_path: Path, tiny: Artefact, capsys: pytest.CaptureFixture) -> None:
    assert export.main([str(tiny.folder), "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    plan = export.export(str(tiny.folder))[0]
    assert [line.split()[:2] for line in lines[1 : 1 + len(plan.steps)]] == [
        [step.name, step.kernel] for step in plan.steps
    ]
    assert f"arena {plan.arena:,} bytes" in lines[-2]
