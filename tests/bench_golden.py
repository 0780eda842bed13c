"""Where the interpreter's default kernels differ from the golden model, on committed models."""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from clips import validation_windows
from conftest import DATA
from kws.artefact import Artefact, list_models
from kws_train.arithmetic import difference, interpreter


def main(argv: list[str] | None = None) -> int:
    """Print a line a model: how many posteriors differ, by how much, and how many words."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help="names; all committed models unless given")
    parser.add_argument("--clips", type=int, default=1000, help="of the validation set")
    args = parser.parse_args(argv)
    for name in args.models or list_models():
        artefact = Artefact.load(name)
        spec = artefact.manifest.front_end
        if DATA.is_dir():
            windows, source = validation_windows(DATA, spec, args.clips), "validation clips"
        else:
            shape = (args.clips, spec.columns, spec.coefficients)
            noise = np.random.default_rng(0).normal(0, 32, shape)
            windows, source = np.clip(noise, -128, 127).astype(np.int8), "windows of noise"
        start = time.perf_counter()
        found = difference(artefact, windows)
        seconds = time.perf_counter() - start
        print(f"{name} on {interpreter()}, {source}: {found} ({seconds:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
