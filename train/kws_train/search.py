"""python -m kws_train.search: networks that stream, their accuracy against what they cost."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from kws.command import Parser, run
from kws.emulated_network import network_instructions
from kws.graph import flash_bytes, read_graph
from kws.stream import stream_plan
from kws_train import plots
from kws_train.config import Experiment, Layer, NetworkConfig, read_experiment
from kws_train.corpus import corpus
from kws_train.distil import lessons
from kws_train.evaluate import count
from kws_train.extras import TRAINING, need
from kws_train.quantise import export
from kws_train.train import EXPERIMENTS
from kws_train.trainer import Trainer, build

BASE = EXPERIMENTS / "commands-narrow-start.toml"
COLUMNS = 61  # of the windows that they are compared in
BANDS = 40
TABLE, PLOT = "search.csv", "search.png"
FIELDS = ("network", "accuracy", "flash", "arena", "stride", "macs", "instructions")
Layers = tuple[Layer, ...]
console = Console(stderr=True)


def family(coefficients: int) -> Iterator[tuple[str, Layers]]:
    """The networks that are compared, by name: width, kernel and strides in time.

    Some read a column's coefficients at once and go on over time alone, after Choi et al. (arXiv
    1904.03814): `plain` convolutions and pools, or `separable` blocks as in MatchboxNet (Majumdar
    and Ginsburg, arXiv 2004.08531). The `spectral` ones turn the coefficients into bands again,
    and begin with kernels over time and frequency.
    """

    def first(width: int, stride: int) -> Layer:
        return Layer("conv", width, (3, coefficients), (stride, coefficients))

    def over_time(one: int, two: int, three: int, units: int) -> Layers:
        return (
            Layer("pool", kernel=(2, 1)),
            Layer("conv", one, (5, 1)),
            Layer("conv", two, (4, 1)),
            Layer("pool", kernel=(2, 1)),
            Layer("conv", three, (3, 1)),
            Layer("dense", units),
        )

    def spectral(one: int, two: int, three: int, stride: int = 1) -> Layers:
        return (
            Layer("bands", BANDS),
            Layer("conv", one, (3, 5), (1, 2)),
            Layer("conv", two, (3, 3), (stride, 2)),
            Layer("conv", three, (3, 8)),
        )

    yield "plain", (first(32, 1), Layer("conv", 40, (8, 1)), *over_time(48, 48, 64, 40))
    early, late = Layer("separable", 64, (5, 1)), Layer("separable", 80, (3, 1))
    between = Layer("separable", 80, (3, 1), (2, 1))
    yield "separable", (first(64, 2), *[early] * 3, between, *[late] * 2, Layer("dense", 48))
    tail = over_time(48, 48, 56, 32)
    yield "spectral 12-16-36", spectral(12, 16, 36) + tail
    yield "spectral 16-24-36", spectral(16, 24, 36) + over_time(40, 40, 48, 32)
    yield "spectral 8-12-32", spectral(8, 12, 32) + tail
    yield "spectral 16-24-36, stride 2", (*spectral(16, 24, 36, 2), *over_time(40, 40, 48, 48)[1:])
    blocks = (Layer("separable", 48, (5, 1)), Layer("separable", 64, (5, 1)))
    yield (
        "spectral 16-24-48, separable",
        (*spectral(16, 24, 48), tail[0], *blocks, tail[3], Layer("separable", 96, (3, 1)), tail[5]),
    )


def cost(experiment: Experiment, layers: Layers) -> dict[str, float]:
    """Flash and arena in bytes; MACs and instructions of a Cortex-M4 a column, as a stream.

    The weights are random but the same each time: some instructions depend on them.
    """
    import tensorflow as tf

    tf.keras.utils.set_random_seed(0)
    network = NetworkConfig(layers, "int8", padding="valid")
    untrained = replace(experiment, network=network)
    graph = read_graph(export(untrained, build(untrained, 1)))
    plan = stream_plan(graph)
    return {
        "flash": flash_bytes(graph),
        "arena": plan.arena,
        "stride": plan.stride,
        "macs": round(sum(step.macs for step in plan.steps) / plan.stride),
        "instructions": round(sum(network_instructions(plan)) / plan.stride),
    }


def base() -> Experiment:
    """What all networks have in common."""
    experiment = read_experiment(BASE)
    return replace(experiment, front_end=replace(experiment.front_end, columns=COLUMNS))


def search(options: argparse.Namespace) -> None:
    """Train each network for some epochs in float, and write the table and the plot."""
    common = base()
    common = replace(common, train=replace(common.train, epochs=options.epochs))
    data = corpus(options.data, options.cache, common)
    told = lessons(options.runs, options.cache, common.train.teacher, data, common)
    rows = []
    for name, layers in family(common.front_end.coefficients):
        network = NetworkConfig(layers, padding="valid")
        folder = options.runs / "search" / name.replace(", ", "-").replace(" ", "_")
        accuracy = Trainer(replace(common, network=network), data, folder, told).run()
        rows.append({"network": name, "accuracy": round(accuracy, 4), **cost(common, layers)})
        console.print(rows[-1], soft_wrap=True)
        options.out.mkdir(parents=True, exist_ok=True)
        with (options.out / TABLE).open("w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            writer.writerows(rows)
    plots.pareto(options.out / TABLE, options.out / PLOT)


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser(prog="python -m kws_train.search", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="Speech Commands' folder")
    parser.add_argument("--epochs", type=count, default=6, help="default: %(default)s")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where trainings are kept")
    parser.add_argument("--cache", type=Path, default=Path(".cache"), help="where columns are kept")
    parser.add_argument("--out", type=Path, default=EXPERIMENTS, help="for the table and plot")
    options = parser.parse_args(argv)

    def work() -> None:
        need(*TRAINING)
        plots.need_matplotlib()
        search(options)

    return run(parser.prog, work)


if __name__ == "__main__":
    sys.exit(main())
