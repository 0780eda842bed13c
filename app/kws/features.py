"""kws-features: a recording's int8 columns, as a model sees them, in a .npy file."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from kws import __version__
from kws.artefact import DEFAULT_MODEL, Artefact
from kws.audio import read_audio
from kws.command import Parser, run
from kws.native import best_mfcc


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = Parser(prog="kws-features", description=__doc__)
    parser.add_argument("file", type=Path, help="a recording of any rate, channels and format")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npy", help="to write")
    parser.add_argument(
        "--model", default=DEFAULT_MODEL, help="name or folder (default: %(default)s)"
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    args = parser.parse_args(argv)
    return run(parser.prog, lambda: write_columns(args.file, args.out, args.model))


def write_columns(recording: Path, out: Path, model: str) -> None:
    """Write int8 [n, coefficients] to `out` and print its shape; raises `KwsError`."""
    spec = Artefact.load(model).manifest.front_end
    columns = best_mfcc(spec).clip(read_audio(recording, spec.sample_rate))
    with out.open("wb") as file:  # np.save would append .npy to another name
        np.save(file, columns)
    print(f"{out}: {columns.shape[0]} columns of {columns.shape[1]} values")


if __name__ == "__main__":
    sys.exit(main())
