"""Counts where the default interpreter differs from the golden model, on every committed model."""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from clips import validation_windows
from conftest import DATA
from kws.artefact import Artefact, list_models
from kws.engine import open_engine
from kws.golden import Golden


def main(argv: list[str] | None = None) -> int:
    """Print a line a model: share of other codes, largest difference, share of other decisions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help="names; all committed models unless given")
    parser.add_argument("--clips", type=int, default=1000, help="of the validation set")
    args = parser.parse_args(argv)
    for name in args.models or list_models():
        artefact = Artefact.load(name)
        golden, engine = Golden(artefact.model), open_engine(artefact)
        spec = artefact.manifest.front_end
        if DATA.is_dir():
            windows = validation_windows(DATA, spec, args.clips)
            source = "validation clips"
        else:
            rng = np.random.default_rng(0)
            shape = (args.clips, spec.columns, spec.coefficients)
            windows = np.clip(rng.normal(0, 32, shape), -128, 127).astype(np.int8)
            source = "windows of noise, for want of recordings"
        start = time.perf_counter()
        stated = golden.infer(windows).astype(int)
        seconds = time.perf_counter() - start
        computed = np.stack([engine.infer(window) for window in windows]).astype(int)
        codes = np.abs(stated - computed)
        decisions = stated.argmax(axis=1) != computed.argmax(axis=1)
        print(
            f"{name}: default interpreter against the golden model, {len(windows)} {source}: "
            f"{codes.astype(bool).mean():.3%} of the posteriors differ, by {codes.max()} of 256 "
            f"at most; {decisions.mean():.3%} of the decisions differ; the golden model took "
            f"{seconds:.1f} s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
