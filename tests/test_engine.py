from __future__ import annotations

import dataclasses
import importlib.util
import sys

import numpy as np
import pytest

from kws import engine as module
from kws.artefact import Artefact
from kws.engine import TfliteEngine, open_engine
from kws.errors import ArtefactError, RuntimeMissing
from tiny_model import SPEC, tiny_model


def test_posteriors_are_a_distribution(tiny: Artefact) -> None:
    engine = open_engine(tiny)
    window = np.random.default_rng(1).integers(-128, 128, (20, 38)).astype(np.int8)
    posteriors = engine.infer(window)
    assert posteriors.dtype == np.int8
    assert posteriors.shape == (5,)
    assert abs(int((posteriors.astype(int) + 128).sum()) - 256) <= 3


def test_inferences_do_not_depend_on_the_one_before(tiny: Artefact) -> None:
    engine = open_engine(tiny)
    windows = np.random.default_rng(2).integers(-128, 128, (9, 20, 38)).astype(np.int8)
    there = [engine.infer(w) for w in windows]
    back = [engine.infer(w) for w in windows[::-1]]
    np.testing.assert_array_equal(there, back[::-1])


@pytest.mark.parametrize(
    "change", [{"columns": 21}, {"step": 1 / 16}, {"mels": 41, "coefficients": 37}]
)
def test_network_of_another_front_end(tiny: Artefact, change: dict[str, float]) -> None:
    if "coefficients" in change:
        change |= {"mean": (0.0,) * 37, "deviation": (1.0,) * 37}
    spec = dataclasses.replace(tiny.manifest.front_end, **change)
    manifest = dataclasses.replace(tiny.manifest, front_end=spec)
    with pytest.raises(ArtefactError, match="the network's input"):
        open_engine(dataclasses.replace(tiny, manifest=manifest))


def test_network_of_other_labels(tiny: Artefact) -> None:
    manifest = dataclasses.replace(tiny.manifest, labels=("yes", "no"))
    with pytest.raises(ArtefactError, match=r"the network's output.*\(1, 5\).*\(1, 2\)"):
        open_engine(dataclasses.replace(tiny, manifest=manifest))


def test_something_else_than_a_network() -> None:
    with pytest.raises(ArtefactError, match="the interpreter refuses the network"):
        TfliteEngine(b"no network at all")


def installed(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: object() if name in packages else None
    )


def test_no_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    with pytest.raises(RuntimeMissing, match=r"no TensorFlow Lite interpreter.*: pip install \S"):
        TfliteEngine(tiny_model(SPEC, 2, seed=0))


def test_interpreter_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "ai_edge_litert")
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(RuntimeMissing, match=r"ai_edge_litert.interpreter does not load.*pip"):
        TfliteEngine(tiny_model(SPEC, 2, seed=0))


def test_numpy_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "tflite_runtime")
    monkeypatch.setattr(module.np, "__version__", "2.1.0")
    with pytest.raises(RuntimeMissing, match=r"does not fit numpy 2.1.0: pip install 'numpy<2'"):
        TfliteEngine(tiny_model(SPEC, 2, seed=0))
