"""Instructions per multiply-accumulate of each backend's kernels, on emulated Cortex-M at -O2."""

from __future__ import annotations

import argparse
import sys

from kernel_shapes import SHAPES, work
from kws.emulate import CPUS
from kws.emulated_network import network_instructions
from kws.plan import window_plan

BACKENDS = {"cmsis": "CMSIS-NN", "fast": "ours", "portable": "portable"}


def main(argv: list[str] | None = None) -> int:
    """Print a line a layer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("layers", nargs="*", help="what their names hold; all unless given")
    args = parser.parse_args(argv)
    print(__doc__.rstrip("."))
    columns = [(cpu, backend) for cpu in CPUS for backend in BACKENDS]
    print(f"{'':34}" + "".join(f"{cpu.upper() + ' ' + BACKENDS[b]:>13}" for cpu, b in columns))
    for name, make in SHAPES.items():
        if args.layers and not any(part in name for part in args.layers):
            continue
        plan = window_plan(make())
        figures = [network_instructions(plan, *column)[0] / work(plan) for column in columns]
        print(f"{name:34}" + "".join(f"{figure:13.2f}" for figure in figures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
