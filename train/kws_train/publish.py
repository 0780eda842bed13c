"""A trained network as an artefact: model.tflite and its manifest."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace
from pathlib import Path
from typing import Any

from kws.artefact import Artefact, Manifest
from kws.decide import Decision
from kws.errors import ArtefactError, SpecError
from kws.graph import read_graph
from kws.stream import stream_plan
from kws_train.config import Experiment, resolved
from kws_train.corpus import Corpus
from kws_train.quantise import export

# until `kws-tune` fits it to validation streams; in columns
UNTUNED = Decision(smoothing=16, threshold=0.8, refractory=62)
PACKAGES = ("kws-listen", "tensorflow", "tf-keras", "qkeras", "numpy")


def publish(
    experiment: Experiment, model: Any, data: Corpus, accuracy: float, folder: Path
) -> Artefact:
    """Write the model into `folder`; a decision that was tuned for it before is kept.

    accuracy is that on the validation clips before export: 0 to 1, the mean over words.
    """
    network = export(experiment, model)
    try:
        decision = Artefact.load(folder).manifest.decision
        decision.threshold_codes(experiment.labels)
    except (ArtefactError, SpecError):  # none before, or of other words
        decision = untuned(network)
    speech = " ARGS='--speech data/speech'" if data.pieces else ""
    provenance = {
        "description": experiment.description,
        "command": f"make train-{folder.name}{speech}",
        "data": "Speech Commands v0.01 and v0.02 (Warden, arXiv 1804.03209, CC BY 4.0)",
        "training_clips": data.recordings,
        "synthesised_clips": data.synthetic,
        "speech_pieces": data.pieces,
        "validation_clips": len(data.answers),
        "validation_accuracy": round(accuracy, 4),
        "packages": {name: _version(name) for name in PACKAGES},
        "experiment": {k: v for k, v in resolved(experiment).items() if k != "front_end"},
    }
    manifest = Manifest(
        name=folder.name,
        labels=experiment.labels,
        front_end=experiment.front_end,
        decision=decision,
        provenance=provenance,
    )
    return Artefact.save(folder, manifest, network)


def untuned(network: bytes) -> Decision:
    """A decision to begin with, at each output of a network that streams."""
    try:
        stride = stream_plan(read_graph(network)).stride
    except ArtefactError:
        return UNTUNED
    return replace(UNTUNED, hop=stride, smoothing=max(1, UNTUNED.smoothing // stride))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
