"""Plots as PNG: learning curves, confusion matrix, DET, accuracy in noise and by loudness."""

from __future__ import annotations

import csv
import importlib
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.errors import KwsError, RuntimeMissing
from kws_train.intervals import Rate, Share

_DPI = 110
_STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
}
_BLUE, _ORANGE, _GREY = "#2b6cb0", "#dd6b20", "#a0aec0"
_LEAST = 1e-3  # where a logarithmic axis of shares ends: below it there are hardly any clips

Floats = NDArray[np.float64]
Curve = tuple[Floats, Floats]  # false accepts, false rejects
Point = tuple[Rate, Share]  # the same of streams, with intervals
Points = Sequence[Point]


def need_matplotlib() -> None:
    """Raise `RuntimeMissing` unless plots can be drawn."""
    if importlib.util.find_spec("matplotlib") is None:
        raise RuntimeMissing(
            "plots need matplotlib, which is not installed: pip install matplotlib"
        )


def learning_curves(curves: Path, png: Path) -> None:
    """Loss and accuracies by epoch, from a training's curves.csv."""
    try:
        with curves.open(newline="") as file:
            rows = list(csv.DictReader(file))
        columns = {name: [float(row[name]) for row in rows] for name in rows[0]}
        epochs, loss = columns["epoch"], columns["loss"]
        accuracies = {
            "training, augmented": columns["accuracy"],
            "validation": columns["validation_accuracy"],
        }
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise KwsError(
            f"{curves}: not the curves of a training ({error}); kws-train writes them"
        ) from error
    with _figure(png, (7.2, 2.9), 2) as (left, right):
        left.plot(epochs, loss, color=_BLUE)
        left.set(xlabel="epoch", ylabel="training loss")
        for (name, values), colour in zip(accuracies.items(), (_GREY, _BLUE), strict=True):
            right.plot(epochs, [100 * value for value in values], color=colour, label=name)
        right.set(xlabel="epoch", ylabel="accuracy, %")
        right.legend(loc="lower right")


def confusion(labels: Sequence[str], matrix: NDArray[np.intp], png: Path) -> None:
    """Shares of each spoken label's clips (a row) by label heard, with their numbers."""
    spoken = [index for index in range(len(labels)) if matrix[index].sum()]
    counts = matrix[spoken]
    shares = counts / counts.sum(axis=1, keepdims=True)
    with _figure(png, (5.6, 5.0)) as (axes,):
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.grid(visible=False)
        axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
        axes.set_yticks(range(len(spoken)), [labels[index] for index in spoken])
        axes.set(xlabel="heard", ylabel="spoken")
        for (row, column), count in np.ndenumerate(counts):
            if count:
                ink = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, str(count), ha="center", va="center", color=ink, fontsize=8)


def clip_det(curves: Mapping[str, Curve], png: Path) -> None:
    """False rejects against false accepts over clips, a line a label and their mean.

    Shares below 0.1 % are drawn there. Detection error trade-off: Martin et al., 1997.
    """
    with _figure(png, (5.2, 4.4)) as (axes,):
        for accepts, rejects in curves.values():
            axes.plot(*_visible(accepts, rejects), color=_GREY, linewidth=0.7)
        mean = [np.mean([curve[side] for curve in curves.values()], axis=0) for side in (0, 1)]
        axes.plot(*_visible(*mean), color=_BLUE, label=f"mean of {len(curves)} labels")
        axes.plot([], [], color=_GREY, linewidth=0.7, label="one label")
        axes.set(xscale="log", yscale="log", xlim=(100 * _LEAST, 100), ylim=(100 * _LEAST, 100))
        axes.set_xticks(ticks := [0.1, 1, 10, 100], ticks)
        axes.set_yticks(ticks, ticks)
        axes.set(xlabel="false accepts, % of other clips", ylabel="false rejects, % of its clips")
        axes.legend(loc="upper right")


def stream_det(curves: Mapping[str, Points], here: Mapping[str, Point], png: Path) -> None:
    """False rejects against false accepts per hour, a line a condition, with 95 % bands.

    The bands are those of the false rejects (Wilson). `here` is where the model's own threshold
    puts it, with the intervals of both.
    """
    shades = ("#1a365d", "#2b6cb0", "#4299e1", "#90cdf4", _ORANGE, _GREY)
    least = 100 * _LEAST
    with _figure(png, (6.2, 4.4)) as (axes,):
        for (name, points), colour in zip(curves.items(), shades, strict=False):
            rates = [rate.value for rate, _ in points]
            low, middle, high = (
                [max(100 * value, least) for value in values]
                for values in zip(*(_ends(share) for _, share in points), strict=True)
            )
            axes.plot(rates, middle, color=colour, label=name)
            axes.fill_between(rates, low, high, color=colour, alpha=0.15, linewidth=0)
            rate, share = here[name]
            (left, x, right), (below, y, above) = _ends(rate), _ends(share)
            across = [[x - left], [right - x]]
            along = [[100 * (y - below)], [100 * (above - y)]]
            axes.errorbar(
                x, max(100 * y, least), along, across, color=colour, marker="o", markersize=4
            )
        axes.set_xscale("symlog", linthresh=1)
        axes.set_yscale("log")
        axes.set(xlim=(0, None), ylim=(0.5, 100))
        axes.set_yticks(ticks := [0.5, 1, 2, 5, 10, 20, 50, 100], ticks)
        axes.set(xlabel="false accepts per hour", ylabel="false rejects, %")
        axes.legend(loc="upper right")


def accuracies(lines: Mapping[str, Mapping[str, Share]], what: str, png: Path) -> None:
    """Accuracies by condition, a line each, with 95 % intervals; all have the same conditions."""
    shades = (_BLUE, _ORANGE, "#2f855a", "#805ad5", "#b83280", _GREY)
    with _figure(png, (5.6, 3.6)) as (axes,):
        conditions = list(next(iter(lines.values())))
        for number, (name, shares) in enumerate(lines.items()):
            values = [100 * share.value for share in shares.values()]
            ends = np.array([share.interval for share in shares.values()]).T * 100
            place = np.arange(len(values)) + 0.05 * number  # beside each other
            axes.errorbar(
                place,
                values,
                np.abs(ends - values),
                color=shades[number % len(shades)],
                marker="o",
                markersize=3,
                capsize=2,
                label=name,
            )
        axes.set_xticks(range(len(conditions)), conditions)
        axes.set(ylabel="accuracy over the commands, %", xlabel=what)
        if len(lines) > 1:
            axes.legend(loc="lower left")


def pareto(table: Path, png: Path) -> None:
    """Accuracy of networks against instructions and memory, from a table of `search`.

    A line joins those that no other beats in both.
    """
    with table.open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: -float(row["accuracy"]))
    with _figure(png, (10.0, 4.2), 2) as both:
        for axes, field, unit in zip(
            both,
            ("instructions", "arena"),
            ("instructions a column on a Cortex-M4", "bytes of activations"),
            strict=True,
        ):
            front: list[tuple[float, float]] = []
            for row in rows:
                price, accuracy = float(row[field]), 100 * float(row["accuracy"])
                if not front or price < front[-1][0]:
                    front.append((price, accuracy))
                axes.plot(price, accuracy, "o", color=_BLUE, markersize=4)
                axes.annotate(
                    row["network"],
                    (price, accuracy),
                    (4, 3),
                    fontsize=6,
                    textcoords="offset points",
                )
            axes.plot(*zip(*front, strict=True), color=_ORANGE, linewidth=1)
            axes.set(xlabel=unit, ylabel="validation accuracy, %")
            axes.margins(x=0.2)


def _ends(measured: Rate | Share) -> tuple[float, float, float]:
    """Low end, value and high end."""
    low, high = measured.interval
    return low, measured.value, high


def _visible(accepts: Floats, rejects: Floats) -> Curve:
    """Shares as percent, none below what the axes show."""
    return np.maximum(100 * accepts, 100 * _LEAST), np.maximum(100 * rejects, 100 * _LEAST)


@contextmanager
def _figure(png: Path, inches: tuple[float, float], axes: int = 1) -> Iterator[Any]:
    """A figure of some axes side by side, saved at the end; equal data give equal bytes."""
    need_matplotlib()
    matplotlib = importlib.import_module("matplotlib")
    figure_class = importlib.import_module("matplotlib.figure").Figure
    with matplotlib.rc_context(_STYLE):
        figure = figure_class(figsize=inches, dpi=_DPI, layout="constrained")
        yield figure.subplots(1, axes, squeeze=False)[0]
        png.parent.mkdir(parents=True, exist_ok=True)
        # the version of matplotlib would make the bytes differ
        figure.savefig(png, format="png", metadata={"Software": None})
