"""Plots: small, readable as PNG, and the same bytes for the same figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kws.errors import KwsError
from kws_train import plots
from kws_train.intervals import Rate, Share

LABELS = ["yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"]
KILOBYTES = 1000
RANDOM = np.random.default_rng(5)
MATRIX = RANDOM.integers(0, 9, (10, 10)) + 150 * np.eye(10, dtype=np.int64)
FALLING = np.sort(RANDOM.random(255))[::-1]
POINTS = [(Rate(int(2000 * x**4), 2.0), Share(int(1500 * (1 - x)), 1500)) for x in FALLING]
CURVES = "epoch,rate,loss,accuracy,validation_accuracy\n" + "".join(
    f"{epoch},0.001,{3 / epoch:.4f},{1 - 1 / epoch:.4f},{1 - 0.8 / epoch:.4f}\n"
    for epoch in range(1, 61)
)


def _learning_curves(png: Path) -> None:
    table = png.with_suffix(".csv")
    table.write_text(CURVES)
    plots.learning_curves(table, png)


DRAWN: dict[str, Callable[[Path], None]] = {
    "learning": _learning_curves,
    "confusion": lambda png: plots.confusion(LABELS, MATRIX, png),
    "clip-det": lambda png: plots.clip_det(
        {label: (FALLING * scale, 1 - FALLING) for scale, label in enumerate(LABELS, 1)}, png
    ),
    "stream-det": lambda png: plots.stream_det(
        dict.fromkeys(("silence", "20 dB", "5 dB"), POINTS),
        dict.fromkeys(("silence", "20 dB", "5 dB"), POINTS[99]),
        png,
    ),
    "noise": lambda png: plots.accuracies(
        {
            "white": {"clean": Share(1500, 1574), "5 dB": Share(1400, 1574)},
            "pink": {"clean": Share(1500, 1574), "5 dB": Share(0, 1574)},
        },
        "speech to noise",
        png,
    ),
    "loudness": lambda png: plots.accuracies(
        {"clips": {"0 dB": Share(1500, 1574), "-40 dB": Share(1400, 1574)}}, "peak", png
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_plot(name: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    for png in (first, second):
        DRAWN[name](png)
    data = first.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert 5 * KILOBYTES < len(data) < 100 * KILOBYTES
    assert data == second.read_bytes()
    assert b"matplotlib" not in data


def test_labels_without_clips_have_no_row(tmp_path: Path) -> None:
    matrix = MATRIX.copy()
    matrix[3] = 0
    plots.confusion(LABELS, matrix, tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").is_file()


@pytest.mark.parametrize("text", [None, "", "epoch,loss\n1,2\n", CURVES + "61,x,,,\n"])
def test_what_is_not_a_training_is_refused(text: str | None, tmp_path: Path) -> None:
    table = tmp_path / "curves.csv"
    if text is not None:
        table.write_text(text)
    with pytest.raises(KwsError, match=r"curves\.csv: not the curves of a training"):
        plots.learning_curves(table, tmp_path / "curves.png")
