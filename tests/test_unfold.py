"""A .tflite read back into Keras."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kws.artefact import Artefact, list_models
from kws.errors import ArtefactError

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


def test_norms_calibrated_on_recordings_compute_the_same() -> None:
    from kws_train.train import predict
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
