"""The networks that were compared, and the table that was kept."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from kws_train import plots

EXPERIMENTS = Path(__file__).resolve().parents[1] / "train" / "experiments"
TABLE = EXPERIMENTS / "search.csv"


def rows() -> list[dict[str, str]]:
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_draws(tmp_path: Path) -> None:
    plots.pareto(TABLE, tmp_path / "search.png")
    assert (tmp_path / "search.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.train
def test_the_table_is_of_these_networks() -> None:
    from kws_train.config import read_experiment
    from kws_train.search import BASE, base, cost, family

    experiment, common = read_experiment(BASE), base()
    networks = dict(family(common.front_end.coefficients))
    assert [*networks] == [row["network"] for row in rows()]
    chosen = "spectral 12-16-36"
    *first, last, dense = networks[chosen]
    taken = replace(last, filters=experiment.network.layers[-2].filters)
    assert experiment.network.layers == (*first, taken, dense)
    assert taken.filters < last.filters  # its window is longer
    found = cost(common, networks[chosen])
    row = next(row for row in rows() if row["network"] == chosen)
    for name in ("flash", "arena", "stride", "macs"):
        assert found[name] == float(row[name])
    # kernels may become faster than they were, not slower
    assert found["instructions"] <= float(row["instructions"])
