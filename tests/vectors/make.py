"""Write mfcc.json, the front-end's golden vectors: python tests/vectors/make.py."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from kws import __version__  # noqa: E402
from kws.mfcc import Mfcc  # noqa: E402
from kws.tables import tables  # noqa: E402
from twins import SPECS, Wave, extremes  # noqa: E402


def waves(length: int) -> dict[str, Wave]:
    """Short inputs that use all of the integers' range."""
    n = np.arange(length)
    random = np.random.default_rng(1)
    chirp = np.sin(2 * np.pi * (0.01 + 0.2 * n / length) * n)
    chosen = ("silence", "minimum", "square 2", "square 74", "click")
    return {
        "noise": random.integers(-3_000, 3_000, length).astype(np.int16),
        "faint noise": random.integers(-2, 3, length).astype(np.int16),
        "chirp": np.rint(32_767 * chirp).astype(np.int16),
        **{name: extremes(length)[name] for name in chosen},
    }


def main() -> None:
    """Write the file, with the versions of what computed it."""
    cases = []
    for name, spec in SPECS.items():
        for kind, wave in waves(spec.window + spec.hop).items():
            cases.append(
                {
                    "name": f"{name}, {kind}",
                    "front_end": spec.to_json(),
                    "tables_sha256": tables(spec).digest,
                    "samples": wave.tolist(),
                    "columns": Mfcc(spec).clip(wave).tolist(),
                }
            )
    made_by = {
        "script": "tests/vectors/make.py",
        "kws": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    text = f'{{"made_by":{json.dumps(made_by)},\n"cases":[\n{lines}\n]}}\n'
    (FOLDER / "mfcc.json").write_text(text)


if __name__ == "__main__":
    main()
