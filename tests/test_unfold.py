"""A .tflite read back into Keras."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kws.artefact import Artefact, Manifest, list_models
from kws.decide import Decision
from kws.errors import ArtefactError
from kws_train.config import parse_experiment, resolved

pytestmark = pytest.mark.train
QUANTISED = [
    name
    for name in list_models()
    if Artefact.load(name).manifest.provenance["experiment"]["network"]["precision"] == "int8"
]


@pytest.mark.parametrize("name", QUANTISED)
def test_a_model_read_back_exports_to_the_same_bytes(name: str) -> None:
    from kws_train.quantise import export
    from kws_train.unfold import unfold

    artefact = Artefact.load(name)
    assert export(*unfold(artefact)) == artefact.model


LAYERS = [
    {"kind": "conv", "filters": 8, "kernel": [3, 38], "stride": [1, 38]},
    {"kind": "depthwise", "filters": 8, "kernel": [3, 1]},
    {"kind": "separable", "filters": 8, "kernel": [5, 1]},
    {"kind": "separable", "filters": 12, "kernel": [3, 1], "stride": [2, 1]},
    {"kind": "residual", "filters": 12, "kernel": [3, 1]},
    {"kind": "residual", "filters": 16, "kernel": [3, 1]},
    {"kind": "pool", "kernel": [2, 1]},
    {"kind": "dense", "filters": 16, "weights": "binary"},
]


def test_every_kind_of_layer_is_read_back(tmp_path: Path) -> None:
    from kws_train.quantise import export
    from kws_train.trainer import build
    from kws_train.unfold import unfold

    network = {"precision": "int8", "padding": "valid", "layers": LAYERS}
    experiment = parse_experiment({"description": "a test's", "network": network}, "test")
    model = build(experiment, 3)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        values = [rng.uniform(-1, 1, w.shape) for w in layer.get_weights()]
        if layer.name.endswith("_norm"):
            values[0] = np.abs(values[0]) + 0.1
            values[3] = np.abs(values[3]) + 0.3
        layer.set_weights(values)
    kept = {k: v for k, v in resolved(experiment).items() if k != "front_end"}
    manifest = Manifest(
        name="all",
        labels=experiment.labels,
        front_end=experiment.front_end,
        decision=Decision(smoothing=4, threshold=0.5, refractory=40),
        provenance={"experiment": kept},
    )
    Artefact.save(tmp_path / "all", manifest, export(experiment, model))
    artefact = Artefact.load(tmp_path / "all")
    assert export(*unfold(artefact)) == artefact.model


def test_norms_calibrated_on_recordings_compute_the_same() -> None:
    from kws_train.trainer import predict
    from kws_train.unfold import calibrate, unfold

    experiment, model = unfold(Artefact.load("st-int8"))
    spec = experiment.front_end
    rng = np.random.default_rng(0)
    shape = (300, spec.columns, spec.coefficients)
    windows = np.clip(np.rint(rng.normal(0, 32, shape)), -128, 127).astype(np.int8)
    before = predict(model, windows, experiment)
    calibrate(model, windows[..., None].astype(np.float32) * spec.step)
    norm = model.get_layer("conv1_norm")
    _, _, mean, variance = norm.get_weights()
    assert np.abs(mean).max() > 0.1
    assert np.abs(variance - 1).max() > 0.1
    after = predict(model, windows, experiment)  # codes: what rounds otherwise differs by steps
    assert np.median(np.abs(after - before)) == 0
    assert (after.argmax(-1) == before.argmax(-1)).mean() > 0.9


def test_a_float_network_is_refused() -> None:
    from kws_train.unfold import unfold

    with pytest.raises(ArtefactError, match="expected one of 8 bits"):
        unfold(Artefact.load("st-float"))


def test_a_manifest_without_its_experiment_is_refused() -> None:
    from kws_train.unfold import unfold

    artefact = Artefact.load("st-int8")
    manifest = replace(artefact.manifest, provenance={})
    with pytest.raises(ArtefactError, match="a model that kws-train made"):
        unfold(replace(artefact, manifest=manifest))
