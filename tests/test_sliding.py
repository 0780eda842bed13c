"""One pass over a stream's columns equals the windows, and is taken where the network streams."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kws import native
from kws.artefact import Artefact
from kws.native_spotter import NativeSpotter
from kws_train import sliding, spotting
from kws_train.sliding import slide
from stream_model import STRIDE, stream_artefact
from tiny_model import SPEC
from twins import GoldenEngine


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    return stream_artefact(tmp_path_factory.mktemp("models") / "streams")


def at_hop(artefact: Artefact, hop: int) -> Artefact:
    decision = replace(artefact.manifest.decision, hop=hop)
    return replace(artefact, manifest=replace(artefact.manifest, decision=decision))


def random_columns(count: int, seed: int) -> NDArray[np.int8]:
    random = np.random.default_rng(seed)
    return random.integers(-128, 128, (count, SPEC.coefficients)).astype(np.int8)


@settings(max_examples=20, deadline=None)
@given(count=st.integers(0, 70), seed=st.integers(0, 9), hop=st.sampled_from([1, 2, 3, 4, 6]))
def test_equals_the_golden_model_on_each_window(
    streams: Artefact, count: int, seed: int, hop: int
) -> None:
    columns, artefact = random_columns(count, seed), at_hop(streams, hop)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sliding, "posteriors", _golden)
        last, said = slide(artefact, columns)
    assert last.tolist() == list(range(SPEC.columns - 1, count, hop))
    engine = GoldenEngine(artefact)
    expected = [engine.infer(columns[i - SPEC.columns + 1 : i + 1]) for i in last]
    assert said.tolist() == [codes.tolist() for codes in expected]


def _golden(artefact: Artefact, windows: NDArray[np.int8], _title: str) -> NDArray[np.int8]:
    assert artefact.manifest.decision.hop % STRIDE  # else the network is to stream
    engine, labels = GoldenEngine(artefact), len(artefact.manifest.labels)
    return np.array([engine.infer(w) for w in windows], np.int8).reshape(-1, labels)


def test_without_the_c_twin_it_is_windows(
    streams: Artefact, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = random_columns(90, 1)
    expected = slide(streams, columns)[1]
    monkeypatch.setattr(native, "available", lambda: False)
    asked = []
    monkeypatch.setattr(sliding, "posteriors", lambda *a: asked.append(a[1]) or _windows(*a))
    assert np.array_equal(slide(streams, columns)[1], expected)
    assert len(asked[0]) == len(expected)


def _windows(artefact: Artefact, windows: NDArray[np.int8], _title: str) -> NDArray[np.int8]:
    engine = GoldenEngine(artefact)
    return np.array([engine.infer(window) for window in windows], np.int8)


def test_a_recording_gives_the_native_engines_detections(
    streams: Artefact, talk: NDArray[np.int16]
) -> None:
    decision = streams.manifest.decision
    trace = spotting.record(streams, talk)
    heard = spotting.smooth(trace, decision.smoothing).detections(decision)
    assert heard
    assert heard == list(NativeSpotter(streams).feed(talk))
