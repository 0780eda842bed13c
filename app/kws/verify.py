"""kws-verify: run a model's C code beside the model itself, and count the values that differ."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from kws.command import Parser, run
from kws.emulate import CPUS
from kws.errors import MismatchError
from kws.verification import BOARD_KERNELS, HOST, RUNS, Report, verify

KERNELS = ("portable", "cmsis", "fast", "simd")


def main(argv: list[str] | None = None) -> int:
    """0 where nothing differs; 1 where something does, or a tool that it takes is missing."""
    parser = Parser(prog="kws-verify", description=__doc__)
    parser.add_argument("model", metavar="NAME|FILE.tflite", help="a model, or a network alone")
    parser.add_argument(
        "--runs", type=int, default=RUNS, metavar="N", help=f"inputs (default: {RUNS})"
    )
    parser.add_argument(
        "--stream", action="store_true", help="column by column, against whole windows"
    )
    parser.add_argument(
        "--cpu", choices=(HOST, *CPUS), default=HOST, help="this machine, or an emulated Cortex-M"
    )
    parser.add_argument(
        "--kernels",
        choices=KERNELS,
        help=f"default: {BOARD_KERNELS} on Cortex-M, on the host those of `make host`",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    args = parser.parse_args(argv)
    if args.runs < 1:
        parser.error(f"--runs {args.runs}; expected at least 1")
    if args.cpu != HOST and args.kernels == "simd":
        parser.error(f"--kernels simd on {args.cpu}; expected portable, cmsis or fast")

    def work() -> None:
        report = verify(args.model, args.runs, args.stream, args.cpu, args.kernels, _track)
        print(json.dumps(asdict(report)) if args.json else text(report))
        for found in report.comparisons:
            if found.differ:
                raise MismatchError(
                    f"{found.differ:,} of {found.values:,} values differ from "
                    f"{found.reference}; {found.first}"
                )

    return run(parser.prog, work)


def text(report: Report) -> str:
    """The report as a table and lines."""
    counted = report.layers[0].instructions is not None
    rows = [["layer", "kernel", "flash", "MACs", "instructions", "per MAC"]]
    rows += [
        _row(one.name, one.kernel, one.flash, one.macs, one.instructions) for one in report.layers
    ]
    macs = sum(one.macs for one in report.layers)
    total = sum(one.instructions or 0 for one in report.layers)
    flash = sum(one.flash for one in report.layers)
    rows.append(_row("an output", "", flash, macs, total if counted else None))
    kept = range(6 if counted else 4)
    widths = [max(len(row[i]) for row in rows) for i in kept]
    lines = [
        "  ".join(f"{row[i]:<{widths[i]}}" if i < 2 else f"{row[i]:>{widths[i]}}" for i in kept)
        for row in rows
    ]
    where = "on this machine" if report.cpu == HOST else f"on an emulated Cortex-{report.cpu}"
    how = f"a stream, an output every {report.stride} columns" if report.stride else "whole windows"
    lines.insert(0, f"{report.model}, {how}, kernels {report.kernels}, {where.replace('-m', '-M')}")
    lines += [
        f"{name:<5} " + ", ".join(f"{part} {size:,} bytes" for part, size in parts.items())
        for name, parts in (("flash", report.flash), ("RAM", report.ram))
    ]
    if report.column_instructions is not None:
        lines.append(f"front-end: {report.column_instructions:,} instructions a column")
    lines += [
        f"differ from {one.reference}: {one.differ} of {one.values:,} values"
        for one in report.comparisons
    ]
    if report.micro:
        lines.append(f"TFLite Micro's interpreter: {report.micro}")
    return "\n".join(line.rstrip() for line in lines)


def _row(name: str, kernel: str, flash: int, macs: int, instructions: int | None) -> list[str]:
    each = f"{instructions / macs:.2f}" if instructions and macs else ""
    done = "" if instructions is None else f"{instructions:,}"
    return [name, kernel, f"{flash:,}", f"{macs:,}", done, each]


def _track(items: Sequence[Any], title: str) -> Iterable[Any]:
    """A bar on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(items, title, console=console, transient=True, disable=not sys.stderr.isatty())


if __name__ == "__main__":
    sys.exit(main())
