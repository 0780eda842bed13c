"""What is trained is what is exported, layer by layer."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kws.golden import Golden
from kws.graph import Node, read_graph
from kws.spec import FrontEnd
from kws_train.config import Experiment, Layer, NetworkConfig

pytestmark = pytest.mark.train

SPEC = replace(FrontEnd(), columns=15)
LAYERS = (
    Layer("bands", 20),
    Layer("conv", 6),
    Layer("pool", kernel=(2, 2)),
    Layer("depthwise"),
    Layer("conv", 8, kernel=(1, 1), stride=(2, 1)),
    Layer("residual", 10),
    Layer("residual", 10),
    Layer("separable", 10, kernel=(3, 1), weights="binary"),
    Layer("separable", 9, kernel=(3, 1)),
    Layer("dense", 12, weights="binary"),
    Layer("dense", 7),
)
INT8 = Experiment("8-bit", NetworkConfig(LAYERS, "int8"), front_end=SPEC)
FLOAT = Experiment(
    "float",
    NetworkConfig(
        (Layer("conv", 4), Layer("pool"), Layer("norm"), Layer("dense", 6)), "float", "elu"
    ),
    front_end=SPEC,
)


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.integers(-128, 128, (64, SPEC.columns, SPEC.coefficients)).astype(np.int8)


def trained(experiment: Experiment, windows: np.ndarray) -> Any:
    """A network with weights and norms as a training could leave them."""
    import tensorflow as tf

    from kws_train import network
    from kws_train.trainer import as_input

    tf.keras.utils.set_random_seed(3)
    model = network.build(experiment.network, SPEC, len(experiment.labels), 20)
    for _ in range(60):  # lets the norms' moving averages follow
        model(as_input(windows, experiment), training=True)
    rng = np.random.default_rng(4)
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            gain, shift, mean, variance = layer.get_weights()
            gain *= rng.uniform(0.5, 1.5, gain.shape).astype(np.float32)
            shift += rng.normal(0, 0.3, shift.shape).astype(np.float32)
            layer.set_weights([gain, shift, mean, variance])
    return model


@pytest.fixture(scope="module")
def model(windows: np.ndarray) -> Any:
    return trained(INT8, windows)


@pytest.fixture(scope="module")
def exported(model: Any) -> bytes:
    from kws_train.quantise import export

    return export(INT8, model)


def weighted(exported: bytes) -> list[Node]:
    names = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    return [node for node in read_graph(exported).nodes if node.op in names]


def quantised(model: Any) -> list[Any]:
    """The layers with weights in the order of the network, which is that of their names."""
    kinds = ("QConv2D", "QDense", "QDepthwiseConv2D")
    found = [layer for layer in model.layers if type(layer).__name__ in kinds]
    number = re.compile(r"\d+")
    return sorted(
        found, key=lambda each: (int((number.findall(each.name) or [len(found)])[0]), each.name)
    )


def test_weights_scales_and_biases_are_the_trained_ones(model: Any, exported: bytes) -> None:
    graph = read_graph(exported)
    nodes, layers = weighted(exported), quantised(model)
    assert len(nodes) == len(layers) == 16
    for node, layer in zip(nodes, layers, strict=True):
        x, weights, bias = (graph.tensors[i] for i in node.inputs)
        depthwise = node.op == "DEPTHWISE_CONV_2D"
        quantiser = (
            layer.depthwise_quantizer_internal if depthwise else layer.kernel_quantizer_internal
        )
        values = np.array(quantiser(layer.depthwise_kernel if depthwise else layer.kernel))
        values = values.transpose(3, 0, 1, 2) if depthwise else np.moveaxis(values, -1, 0)
        step = 1.0 if set(np.unique(values)) == {-1.0, 1.0} else 1 / 128
        assert (weights.data * step == values).all()

        norm = model.get_layer(f"{layer.name}_norm")
        gain, shift, mean, variance = (v.astype(np.float64) for v in norm.get_weights())
        factor = gain / np.sqrt(variance + norm.epsilon)
        assert (weights.scales == (factor * step).astype(np.float32)).all()
        inner = layer.get_weights()[1] if node.op == "FULLY_CONNECTED" else 0.0
        expected = ((inner - mean) * factor + shift) / (x.scale * weights.scales.astype(np.float64))
        assert (bias.data == np.rint(expected)).all()


def test_a_binary_layer_is_two_valued(exported: bytes) -> None:
    graph = read_graph(exported)
    dense = [graph.tensors[n.inputs[1]].data for n in weighted(exported)[-3:]]
    assert set(np.unique(dense[0])) == {-1, 1}
    assert len(np.unique(dense[1])) > 2


def test_each_layer_computes_what_it_computed_in_training(
    model: Any, exported: bytes, windows: np.ndarray
) -> None:
    graph = read_graph(exported)
    values = Golden(exported).run(windows)
    for node, layer in zip(weighted(exported), quantised(model), strict=True):
        x, y = graph.tensors[node.inputs[0]], graph.tensors[node.outputs[0]]
        value = ((values[node.inputs[0]].astype(np.float32) - x.zero_point) * x.scale).astype("f4")
        value = layer(value)
        norm = model.get_layer(f"{layer.name}_norm")
        shape = value.shape
        value = norm(value[..., None] if norm.gamma.shape[0] == 1 else value, training=False)
        step = y.scale
        exact = np.reshape(value, shape) / step
        value = model.get_layer(f"{layer.name}_code")(np.reshape(value, shape))
        off = np.abs(values[node.outputs[0]].astype(int) - y.zero_point - np.rint(value / step))
        assert off.max() <= 1  # a sum midway between two codes may be rounded to either:
        # rounding the bias moves it by half of the bias's step, TFLite's first rounding by one
        midway = np.abs(exact - np.floor(exact) - 0.5)
        slack = 1.5 * x.scale * graph.tensors[node.inputs[1]].scales / step + 1e-3
        assert np.all((off == 0) | (midway <= slack))


def test_a_shortcut_is_added_exactly(exported: bytes, windows: np.ndarray) -> None:
    graph = read_graph(exported)
    values = Golden(exported).run(windows)
    sums = [node for node in graph.nodes if node.op == "ADD"]
    assert len(sums) == 3
    for node in sums:
        a, b, y = (graph.tensors[i] for i in (*node.inputs, node.outputs[0]))
        real = sum(
            t.scale * (values[i].astype(int) - t.zero_point)
            for i, t in zip(node.inputs, (a, b), strict=True)
        )
        code = np.clip(real / y.scale + y.zero_point, y.zero_point, 127)
        assert (values[node.outputs[0]] == code).all()


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_blocks_stream_where_nothing_is_padded(padding: str, windows: np.ndarray) -> None:
    from kws.errors import ArtefactError
    from kws.stream import stream_plan
    from kws_train.quantise import export

    layers = (
        Layer("bands", 9),
        Layer("conv", 6, kernel=(3, 9)),
        Layer("separable", 6, kernel=(3, 1)),
        Layer("residual", 8, kernel=(3, 1)),
        Layer("average"),
        Layer("dense", 7),
    )
    experiment = replace(INT8, network=NetworkConfig(layers, "int8", padding=padding))
    graph = read_graph(export(experiment, trained(experiment, windows)))
    if padding == "valid":
        assert stream_plan(graph).stride == 1
    else:
        with pytest.raises(ArtefactError, match="pads time"):
            stream_plan(graph)


def test_float_networks_export_too(windows: np.ndarray) -> None:
    from kws_train.quantise import export
    from kws_train.trainer import predict

    model = trained(FLOAT, windows)
    logits = predict(model, windows, FLOAT).astype(np.float64)
    posteriors = np.exp(logits - logits.max(axis=1, keepdims=True))
    posteriors /= posteriors.sum(axis=1, keepdims=True)
    codes = np.clip(np.rint(posteriors * 256) - 128, -128, 127)
    found = Golden(export(FLOAT, model)).infer(windows)
    assert np.abs(found - codes).max() <= 1


def test_the_same_network_gives_the_same_bytes(model: Any, exported: bytes) -> None:
    from kws_train.quantise import export

    assert export(INT8, model) == exported


def test_a_float_network_fills_the_quantisers_range(windows: np.ndarray) -> None:
    from kws_train import network
    from kws_train.trainer import predict
    from kws_train.transfer import transfer

    layers = tuple(replace(layer, weights="") for layer in LAYERS)
    before = replace(INT8, network=NetworkConfig(layers, "float"), publish=False)
    after = replace(INT8, network=NetworkConfig(layers, "int8"))
    source = trained(before, windows)
    target = network.build(after.network, SPEC, len(after.labels), 20)
    transfer(source, target)
    for layer in quantised(target):
        assert np.abs(layer.get_weights()[0]).max() == pytest.approx(1.0, abs=1e-4)
    a, b = (predict(m, windows, e) for m, e in ((source, before), (target, after)))
    assert np.corrcoef(a.reshape(-1), b.reshape(-1))[0, 1] > 0.98


def test_a_layer_of_another_shape_begins_anew(model: Any) -> None:
    from kws_train import network
    from kws_train.transfer import transfer

    wider = replace(INT8.network, layers=(*LAYERS[:-1], Layer("dense", 9)))
    target = network.build(wider, SPEC, len(INT8.labels), 20)
    own = {layer.name: layer.get_weights() for layer in target.layers}
    transfer(model, target)
    source = {layer.name: layer.get_weights() for layer in model.layers}
    last = f"dense{len(LAYERS) - 1}"
    anew = {last, f"{last}_norm", "labels", "labels_norm", "words"}
    for layer in target.layers:
        expected = own if layer.name in anew else source
        for value, weight in zip(layer.get_weights(), expected[layer.name], strict=True):
            np.testing.assert_array_equal(value, weight)


@pytest.mark.parametrize(
    ("frequencies", "kernel", "stride"),
    [(38, 38, 38), (40, 5, 2), (18, 3, 2), (8, 8, 1), (9, 3, 1), (9, 4, 2), (12, 2, 3), (1, 1, 1)],
)
def test_folding_leaves_sums_and_gradients(frequencies: int, kernel: int, stride: int) -> None:
    import qkeras
    import tensorflow as tf

    from kws_train.network import WEIGHTS, QConv2D

    rng = np.random.default_rng(frequencies)
    x = tf.constant(rng.integers(0, 256, (2, 7, frequencies, 3)), tf.float32)
    options = {"strides": (1, stride), "use_bias": False, "kernel_quantizer": WEIGHTS["int8"]}
    plain, folded = (kind(5, (3, kernel), **options) for kind in (qkeras.QConv2D, QConv2D))
    plain.build(x.shape)
    folded.build(x.shape)
    folded.set_weights(plain.get_weights())
    values = []
    for layer in (plain, folded):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            total = tf.reduce_sum(y**2)
        values.append([y, *tape.gradient(total, [x, layer.kernel])])
    for expected, value in zip(*values, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-3, atol=1e-2)
