"""Experiment files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kws_train.config import ConfigError, Layer, Training, read_experiment, resolved

EXPERIMENTS = sorted((Path(__file__).parents[1] / "train" / "experiments").glob("*.toml"))
SMALL = """
description = "A small one"
publish = false
[network]
layers = [{ kind = "conv", filters = 8, kernel = [3, 3] }, { kind = "dense", filters = 4 }]
"""


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_what_is_kept_of_an_experiment_reads_back_the_same(path: Path, tmp_path: Path) -> None:
    experiment = read_experiment(path)
    kept = tmp_path / "experiment.json"
    kept.write_text(json.dumps(resolved(experiment)))
    assert read_experiment(kept) == experiment


def test_defaults_fill_what_is_not_said(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    experiment = read_experiment(path)
    assert experiment.network.layers == (Layer("conv", 8), Layer("dense", 4))
    assert len(experiment.labels) == 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SMALL + "[train]\nepoch = 3\n", "unknown key 'epoch'"),
        (SMALL + "[train]\nepochs = '3'\n", "epochs is '3'; expected a value of type int"),
        (SMALL + "[augment]\nspeed = [1.0]\n", "has 1 values; expected 2"),
        (SMALL.replace("[3, 3]", "3"), "kernel is 3; expected a list"),
        ("network = 1\ndescription = ''", "expected a table"),
        (SMALL + "[front_end]\nhop = 0\n", "hop is 0"),
        ("description =", "not TOML"),
        ("description = 'no network'", "network"),
    ],
)
def test_what_is_wrong_is_named(text: str, message: str, tmp_path: Path) -> None:
    from kws.errors import KwsError

    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(KwsError, match=message):
        read_experiment(path)


def test_clips_of_another_experiment(tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text('labels = ["yes"]\n' + SMALL + "[augment]\ncopies = 3\n[train]\nepochs = 7\n")
    second.write_text('clips = "first"\n' + SMALL)
    found = read_experiment(second)
    assert (found.labels, found.augment.copies) == (("yes",), 3)
    assert found.train == Training()  # is its own
    second.write_text('clips = "first"\nlabels = ["no"]\n' + SMALL)
    assert read_experiment(second).labels == ("no",)
    second.write_text('clips = "second"\n' + SMALL)
    with pytest.raises(ConfigError, match="clips is 'second', which has those of 'second'"):
        read_experiment(second)
    second.write_text('clips = "third"\n' + SMALL)
    with pytest.raises(ConfigError, match=r"third.toml: no such file"):
        read_experiment(second)


def test_an_experiment_goes_on_with_another(tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    small = SMALL.replace("[network]", "[network]\nprecision = 'int8'")
    first.write_text(small + "[augment]\ncopies = 3\n[train]\nepochs = 7\nrate = 0.5\n")
    second.write_text("description = 'longer'\n[train]\ninitial = 'first'\nepochs = 2\n")
    begun, found = read_experiment(first), read_experiment(second)
    train = Training(initial="first", epochs=2)
    assert found == replace(begun, description="longer", publish=True, train=train)
    third = tmp_path / "third.toml"
    third.write_text("description = 'yet longer'\n[train]\ninitial = 'second'\n")
    assert read_experiment(third).augment == begun.augment
    first.write_text("description = ''\n[train]\ninitial = 'third'\n")
    with pytest.raises(ConfigError, match=r"third.toml: starts from itself"):
        read_experiment(third)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_experiment(tmp_path / "none.toml")
