"""From the .tflite of a quantised network back to Keras: the inverse of quantise.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.artefact import Artefact
from kws.errors import ArtefactError
from kws.graph import Graph, Node, read_graph
from kws_train import network
from kws_train.config import ConfigError, Experiment, parse_experiment
from kws_train.quantise import WEIGHT_STEP, export, is_binary

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def experiment_of(artefact: Artefact) -> Experiment:
    """The experiment that a model was trained by, from its manifest.

    Raises `ArtefactError` where the manifest has none, or one of another version.
    """
    manifest, where = artefact.manifest, f"{artefact.folder}: provenance.experiment"
    values = manifest.provenance.get("experiment")
    if not isinstance(values, dict):
        raise ArtefactError(f"{where} is missing; expected a model that kws-train made")
    try:
        return parse_experiment(values | {"front_end": manifest.front_end.to_json()}, where)
    except ConfigError as error:
        raise ArtefactError(f"{error} (a model of another version of kws-train?)") from error


def unfold(artefact: Artefact) -> tuple[Experiment, Any]:
    """A model's experiment and its network in Keras, which exports to the same bytes.

    Norms get the mean 0 and the variance 1, since a .tflite has only what they come to:
    `calibrate` gives them those of recordings. The second head is untrained. Raises
    `ArtefactError` for a float network, and for a file that is not the experiment's.
    """
    experiment = experiment_of(artefact)
    if experiment.network.precision == "float":
        raise ArtefactError(
            f"{artefact.folder}: a float network; expected one of 8 bits to start from"
        )
    spec, labels = experiment.front_end, len(experiment.labels)
    model = network.build(experiment.network, spec, labels, 1)
    graph = read_graph(artefact.model)
    nodes = [node for node in graph.nodes if node.op in WEIGHTED]
    names = _order(experiment, model)
    if len(nodes) != len(names):
        raise ArtefactError(
            f"{artefact.folder}: {len(nodes)} layers with weights, its manifest's experiment has "
            f"{len(names)}: export the model again"
        )
    for name, node in zip(names, nodes, strict=True):
        try:
            _unfold_layer(graph, node, model.get_layer(name), model.get_layer(f"{name}_norm"))
        except ValueError as error:
            raise ArtefactError(f"{artefact.folder}: layer {name}: {error}") from error
    return experiment, model


def calibrate(model: Any, inputs: NDArray[np.float32]) -> None:
    """Give each norm the mean and variance of what it gets for `inputs`.

    Gains and shifts change with them, so that the network computes what it did: training it goes
    on as if it had never been a .tflite.
    """
    norms = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    watched = network.keras.Model(model.input, [norm.input for norm in norms])
    for norm, values in zip(norms, watched.predict(inputs, batch_size=256, verbose=0), strict=True):
        gain, shift, mean, variance = norm.get_weights()
        factor = gain / np.sqrt(variance + norm.epsilon)
        axes = tuple(range(values.ndim - 1))
        seen, spread = values.mean(axes, np.float64), values.var(axes, np.float64)
        shift = shift + (seen - mean) * factor
        norm.set_weights([factor * np.sqrt(spread + norm.epsilon), shift, seen, spread])


class _Asked:
    """A model that notes which layers are asked for."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.names: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def get_layer(self, name: str) -> Any:
        """The model's, and its name is kept."""
        self.names.append(name)
        return self.model.get_layer(name)


def _order(experiment: Experiment, model: Any) -> list[str]:
    """Names of the layers with weights in the order in which `export` writes them."""
    asked = _Asked(model)
    export(experiment, asked)
    return [name for name in asked.names if not name.endswith("_norm")]


def _unfold_layer(graph: Graph, node: Node, layer: Any, norm: Any) -> None:
    x, weights, bias = (graph.tensors[i] for i in node.inputs)
    if weights.data is None or bias.data is None or weights.dtype != "int8":
        raise ValueError(f"weights of type {weights.dtype}; expected int8 constants")
    step = 1.0 if is_binary(layer) else WEIGHT_STEP
    kernel = _keras_order(node.op, weights.data) * np.float32(step)
    factor = weights.scales.astype(np.float64) / step
    shift = bias.data * x.scale * weights.scales.astype(np.float64)
    values, (gain, *_) = [kernel], norm.get_weights()
    if layer.use_bias:  # the norm of a dense layer has one shift, its biases are one a unit
        values.append(shift / factor)
        shift = np.zeros_like(gain)
    layer.set_weights(values)
    norm.set_weights([factor, shift, np.zeros_like(gain), np.full_like(gain, 1 - norm.epsilon)])


def _keras_order(op: str, kernel: NDArray[np.int8]) -> NDArray[np.int8]:
    """The inverse of quantise.py's: OHWI to HWIO, 1HWC to HWC1, [out, in] to [in, out]."""
    return kernel.transpose(1, 2, 3, 0) if op != "FULLY_CONNECTED" else kernel.T
