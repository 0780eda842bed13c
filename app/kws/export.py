"""kws-export: a model, or any int8 .tflite, as C sources for firmware/src."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from kws.artefact import DEFAULT_MODEL, read_model
from kws.c_sources import front_end_sources, model_sources, network_sources, step_bytes
from kws.command import Parser, run
from kws.errors import ArtefactError
from kws.graph import Graph, read_graph
from kws.native import ARRAYS
from kws.plan import ARENA_STEP, Plan, round_up, window_plan
from kws.spec import FrontEnd
from kws.stream import stream_plan
from kws.tables import tables


def main(argv: list[str] | None = None) -> int:
    """Write or check the sources; 1 where the model cannot be exported or they are not current."""
    parser = Parser(prog="kws-export", description=__doc__)
    parser.add_argument(
        "model",
        nargs="?",
        default=DEFAULT_MODEL,
        metavar="NAME|FILE.tflite",
        help=f"a model's name or folder, or a network alone (default: {DEFAULT_MODEL})",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--stream", action="store_const", const=True, help="column by column, or an error"
    )
    how.add_argument(
        "--window",
        dest="stream",
        action="store_const",
        const=False,
        help="a whole window at once (default: a stream where the network can)",
    )
    parser.add_argument("--check", action="store_true", help="compare with the files, write none")
    args = parser.parse_args(argv)
    return run(parser.prog, lambda: _export(args.model, args.out, args.stream, args.check))


def export(model: str, stream: bool | None = None) -> tuple[Plan, dict[str, str]]:
    """The plan of a model or a .tflite file, and the C sources by file name.

    `stream` None takes a stream where the network can and its outputs fall on the model's hop.
    Raises `ArtefactError` where the model is damaged or not one that the kernels can run.
    """
    data, manifest = read_model(model)
    graph = read_graph(data)
    if manifest is None:
        plan = choose_plan(graph, stream)
        return plan, network_sources(plan, _source(Path(model).name, data))
    spec, labels = manifest.front_end, len(manifest.labels)
    plan = choose_plan(graph, stream, manifest.decision.hop)
    shapes = [graph.tensors[i[0]].shape for i in (graph.inputs, graph.outputs)]
    into, out = plan.buffers[plan.input], plan.buffers[plan.output]
    if (into.row_bytes, graph.tensors[graph.inputs[0]].nbytes, out.row_bytes * out.rows) != (
        spec.coefficients,
        spec.columns * spec.coefficients,
        labels,
    ):
        raise ArtefactError(
            f"the network goes from {shapes[0]} to {shapes[1]}; expected {spec.columns} columns "
            f"of {spec.coefficients} and {labels} labels"
        )
    source = _source(f"models/{manifest.name}", data)
    memory = memory_bytes(plan, spec, labels, manifest.decision.smoothing)
    sources = front_end_sources(spec, source) | model_sources(plan, manifest, memory, source)
    return plan, sources


def choose_plan(graph: Graph, stream: bool | None = None, hop: int | None = None) -> Plan:
    """A window's plan, a stream's, or for `stream` None the stream's where there is one.

    `hop` is what a stream's stride has to divide. Raises `ArtefactError` where there is no plan.
    """
    if stream is False:
        return window_plan(graph)
    try:
        plan = stream_plan(graph)
    except ArtefactError:
        if stream:
            raise
        return window_plan(graph)
    if hop is not None and hop % plan.stride:
        if stream:
            raise ArtefactError(
                f"a stream with an output every {plan.stride} columns at a hop of {hop}; expected "
                "a hop that is a multiple: change the manifest's decision or leave out --stream"
            )
        return window_plan(graph)
    return plan


def memory_bytes(plan: Plan, spec: FrontEnd, labels: int, smoothing: int) -> int:
    """What kws_memory of firmware/src/setup.c counts: each stage's memory, aligned."""
    stages = (
        plan.arena,
        4 * spec.window,
        4 * labels,
        2 * spec.window,
        smoothing * labels,
        0 if plan.stride else spec.columns * spec.coefficients,
        spec.coefficients,
    )
    return sum(round_up(size, ARENA_STEP) for size in stages)


def _export(model: str, out: Path, stream: bool | None, check: bool) -> None:
    plan, sources = export(model, stream)
    for name, text in sources.items():
        path = out / name
        if not check:
            out.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            raise ArtefactError(f"{path} is not what {model} gives; export it again")
    if not check:
        print(_table(plan, model))


def _table(plan: Plan, model: str) -> str:
    """Layers, their kernels and constants; what the whole takes."""
    rows = [("layer", "kernel", "MACs", "flash")]
    rows += [(s.name, s.kernel, f"{s.macs:,}", f"{step_bytes(s):,}") for s in plan.steps]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    lines = [
        f"{name:<{widths[0]}}  {kernel:<{widths[1]}}  {macs:>11}  {flash:>9}"
        for name, kernel, macs, flash in rows
    ]
    flash = sum(map(step_bytes, plan.steps))
    how = f"a stream, an output every {plan.stride} columns" if plan.stride else "whole windows"
    lines.append(f"{how}: constants {flash:,} bytes, arena {plan.arena:,} bytes")
    manifest = read_model(model)[1]
    if manifest is not None:
        t = tables(manifest.front_end)
        size = sum(getattr(t, name).nbytes for name in ARRAYS.values())
        lines.append(f"front-end tables {size:,} bytes")
    return "\n".join(lines)


def _source(name: str, model: bytes) -> str:
    return f"{name} (sha256 {hashlib.sha256(model).hexdigest()[:16]})"


if __name__ == "__main__":
    sys.exit(main())
