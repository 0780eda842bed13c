"""What teachers say: asked once, in the middle of each version, and heard where they are right."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kws_train import trainer
from kws_train.config import ConfigError, Experiment, parse_experiment, resolved
from kws_train.corpus import Corpus
from kws_train.distil import lessons

LABELS = ("yes", "no", "_unknown_", "_silence_")
EXPERIMENT = parse_experiment(
    {
        "description": "a test's",
        "publish": False,
        "labels": list(LABELS),
        "network": {"layers": [{"kind": "dense", "filters": 4}]},
    },
    "test",
)
COLUMNS, MARGIN = EXPERIMENT.front_end.columns, EXPERIMENT.augment.margin
ROWS = COLUMNS + 2 * MARGIN
# yes, no, unknown, silence, another word; two versions of the last clip but one
WORDS, CLIPS = [0, 1, 2, 3, 4, 0], [0, 1, 2, 3, 4, 4, 5]
ANSWERS = np.array([0, 1, 2, 3, 2, 2, 0])  # of the versions, as labels
MADE = [2, 3]


def corpus() -> Corpus:
    """Versions in which each row has its number."""
    none = np.zeros(0, np.int8)
    rows = np.arange(ROWS, dtype=np.int8)[:, None]
    shape = (len(CLIPS), ROWS, EXPERIMENT.front_end.coefficients)
    values = {
        "key": "key",
        "names": (*LABELS, "cat"),
        "versions": np.broadcast_to(rows, shape),
        "clips": np.array(CLIPS),
        "words": np.array(WORDS),
    }
    return Corpus(**dict.fromkeys(Corpus.__dataclass_fields__, none) | values)


class Teachers:
    """Trainings that say the same logits to every window, and remember the windows' rows."""

    def __init__(self, folder: Path) -> None:
        self.runs, self.cache = folder / "runs", folder
        self.heard: list[list[int]] = []

    def add(self, name: str, logits: list[float], experiment: Experiment) -> None:
        folder = self.runs / name
        folder.mkdir(parents=True)
        (folder / trainer.EXPERIMENT).write_text(json.dumps(resolved(experiment)))
        (folder / trainer.WEIGHTS).write_bytes(json.dumps(logits).encode())

    def load(self, run: Path) -> tuple[None, list[float]]:
        return None, json.loads((run / trainer.WEIGHTS).read_bytes())

    def predict(
        self, logits: list[float], windows: np.ndarray, experiment: Experiment
    ) -> np.ndarray:
        assert windows.shape[1] == experiment.front_end.columns
        self.heard.append(windows[0, :, 0].tolist())
        return np.tile(np.array(logits, np.float32), (len(windows), 1))

    def ask(self, *names: str, heat: float = 1.0) -> np.ndarray:
        options = replace(EXPERIMENT.train, temperature=heat)
        experiment = replace(EXPERIMENT, train=options)
        return lessons(self.runs, self.cache, names, corpus(), experiment)


@pytest.fixture
def teachers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Teachers:
    made = Teachers(tmp_path)
    monkeypatch.setattr(trainer, "load_trained", made.load)
    monkeypatch.setattr(trainer, "predict", made.predict)
    return made


def hearing(columns: int) -> Experiment:
    return replace(EXPERIMENT, front_end=replace(EXPERIMENT.front_end, columns=columns))


def softmax(logits: list[float], heat: float = 1.0) -> np.ndarray:
    power = np.exp(np.array(logits) / heat)
    return power / power.sum()


def check(told: np.ndarray, said: np.ndarray) -> None:
    """Where `said` has the right answer on top and a word is a real one it is told, else that."""
    right = np.equal(ANSWERS, said.argmax())
    right[MADE] = False
    expected = np.where(right[:, None], said, np.eye(len(LABELS))[ANSWERS])
    np.testing.assert_allclose(told, expected, atol=1e-3)


@pytest.mark.parametrize("heat", [1.0, 2.0])
def test_words_are_what_the_teacher_says_and_scenes_what_they_were_made_to_be(
    teachers: Teachers, heat: float
) -> None:
    logits = [3.0, 1.0, 0.0, -1.0]
    teachers.add("one", logits, EXPERIMENT)
    told = teachers.ask("one", heat=heat)
    assert told.dtype == np.float16
    assert told.shape == (len(CLIPS), len(LABELS))
    check(told, softmax(logits, heat))


@pytest.mark.parametrize("label", range(len(LABELS)))
def test_a_teacher_is_heard_where_it_is_right(teachers: Teachers, label: int) -> None:
    logits = [0.0] * len(LABELS)
    logits[label] = 1.0
    teachers.add("one", logits, EXPERIMENT)
    told = teachers.ask("one")
    check(told, softmax(logits))
    heard = np.setdiff1d(np.flatnonzero(np.equal(ANSWERS, label)), MADE)
    assert (told[heard] < 1).all()


def test_teachers_are_averaged(teachers: Teachers) -> None:
    one, two = [3.0, 1.0, 0.0, -1.0], [-2.0, 4.0, 0.0, 1.0]
    teachers.add("one", one, EXPERIMENT)
    teachers.add("two", two, EXPERIMENT)
    expected = (softmax(one) + softmax(two)) / 2
    check(teachers.ask("one", "two"), expected)


@pytest.mark.parametrize("more", [-2 * MARGIN, -6, 0, 6, 2 * MARGIN])
def test_a_window_of_any_length_is_heard_in_the_middle(teachers: Teachers, more: int) -> None:
    teachers.add("one", [0.0] * len(LABELS), hearing(COLUMNS + more))
    teachers.ask("one")
    first = MARGIN - more // 2
    assert teachers.heard == [list(range(first, ROWS - first))]


def test_what_a_teacher_said_is_kept_until_it_is_trained_anew(teachers: Teachers) -> None:
    teachers.add("one", [3.0, 1.0, 0.0, -1.0], EXPERIMENT)
    told = teachers.ask("one")
    assert np.array_equal(teachers.ask("one"), told)
    assert len(teachers.heard) == 1
    (teachers.runs / "one" / trainer.WEIGHTS).write_text("[1, 0, 0, 0]")
    check(teachers.ask("one"), softmax([1.0, 0.0, 0.0, 0.0]))
    assert len(teachers.heard) == 2


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (replace(EXPERIMENT, labels=LABELS[::-1]), "other labels or another front-end"),
        (
            replace(EXPERIMENT, front_end=replace(EXPERIMENT.front_end, hop=128)),
            "other labels or another front-end",
        ),
        (hearing(ROWS + 1), f"hears {ROWS + 1} columns, a version has {ROWS}"),
    ],
)
def test_a_teacher_that_cannot_be_asked_is_named(
    teachers: Teachers, other: Experiment, message: str
) -> None:
    teachers.add("one", [0.0] * len(LABELS), other)
    with pytest.raises(ConfigError, match=f"one.*{message}"):
        teachers.ask("one")
