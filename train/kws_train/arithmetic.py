"""python -m kws_train.arithmetic: how an interpreter differs from the golden arithmetic."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kws.artefact import Artefact, Manifest
from kws.command import Parser, run
from kws.golden import Golden
from kws_train import data
from kws_train.amend import amend
from kws_train.judge import Codes, clip_windows, posteriors, progress

FIGURES = "arithmetic"  # where they stand in a manifest
HEAD = "| interpreter | clips | posteriors that differ | by at most | words that differ |"
_INTERPRETERS = ("tflite_runtime", "ai_edge_litert")
_STEP = 64


@dataclass(frozen=True)
class Difference:
    """How the interpreter's posteriors differ from the golden ones.

    values   posteriors that differ, of `total`, by at most `largest` steps of 1/256
    words    clips on which another word is the likeliest, of `clips`
    """

    clips: int
    total: int
    values: int
    largest: int
    words: int

    def __str__(self) -> str:
        return (
            f"{self.values:,} of {self.total:,} posteriors differ, by at most {self.largest}/256; "
            f"the word on {self.words} of {self.clips:,} clips"
        )


def difference(artefact: Artefact, windows: Codes) -> Difference:
    """Compare the engine with the golden arithmetic on int8 [n, columns, coefficients]."""
    golden = Golden(artefact.model)
    parts = [np.zeros((0, len(artefact.manifest.labels)), np.int8)]
    with progress("Golden arithmetic", len(windows)) as advance:
        for start in range(0, len(windows), _STEP):
            parts.append(golden.infer(windows[start : start + _STEP]))
            advance(len(parts[-1]))
    expected = np.concatenate(parts).astype(np.int16)
    found = posteriors(artefact, windows, "The interpreter").astype(np.int16)
    gaps = np.abs(found - expected)
    return Difference(
        clips=len(windows),
        total=gaps.size,
        values=int(np.count_nonzero(gaps)),
        largest=int(gaps.max(initial=0)),
        words=int(np.count_nonzero(found.argmax(axis=1) != expected.argmax(axis=1))),
    )


def interpreter() -> str:
    """The package that the engine runs on, and where: known once an engine was opened."""
    package = next(name for name in _INTERPRETERS if f"{name}.interpreter" in sys.modules)
    project = package.replace("_", "-")
    return f"{project} {importlib.metadata.version(project)}, {platform.machine()}"


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser(prog="python -m kws_train.arithmetic", description=__doc__)
    parser.add_argument("model", help="a model's name or folder")
    parser.add_argument("--data", type=Path, required=True, help="a test set")
    options = parser.parse_args(argv)
    return run(parser.prog, lambda: _compare(options))


def _compare(options: argparse.Namespace) -> None:
    artefact = Artefact.load(options.model)
    _, windows, unreadable = clip_windows(artefact, data.test_set(options.data))
    found = difference(artefact, windows)
    if unreadable:
        sys.stderr.write(f"skipped: {len(unreadable)} clips that cannot be read\n")
    sys.stdout.write(f"{artefact.manifest.name} on {interpreter()}: {found}\n")
    keep(artefact, found)


def keep(artefact: Artefact, found: Difference) -> Artefact:
    """Write a difference into the manifest and the card, beside those of other interpreters."""

    def change(manifest: Manifest) -> Manifest:
        model = manifest.model_sha256
        known = manifest.figures.get(FIGURES, {})
        same = {name: values for name, values in known.items() if values["model_sha256"] == model}
        same[interpreter()] = {**asdict(found), "model_sha256": model}
        return replace(manifest, figures={**manifest.figures, FIGURES: dict(sorted(same.items()))})

    changed = amend(artefact, change)
    card = changed.folder / "README.md"
    if card.is_file():
        rows = "\n".join(table(changed.manifest.figures[FIGURES]))
        text = card.read_text(encoding="utf-8")
        head = re.escape(HEAD)
        text = re.sub(rf"^{head}\n(\|.*\n)*", lambda _: f"{rows}\n", text, flags=re.MULTILINE)
        card.write_text(text, encoding="utf-8")
    return changed


def table(figures: Mapping[str, Any]) -> Iterator[str]:
    """The differences of all interpreters as a table in Markdown."""
    yield HEAD
    yield "|---|---:|---:|---:|---:|"
    for name, found in figures.items():
        share = f"{found['values']:,} of {found['total']:,}"
        yield (
            f"| {name} | {found['clips']:,} | {share} | {found['largest']}/256 | {found['words']} |"
        )


if __name__ == "__main__":
    sys.exit(main())
