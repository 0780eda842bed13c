from __future__ import annotations

import base64
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clips import validation_windows
from kws import fixed_point
from kws.artefact import Artefact, list_models
from kws.errors import ArtefactError
from kws.golden import Golden
from kws.graph import Graph, Node
from kws_train.export_tflite import Builder, Quant
from networks import ORACLES, cut, paper_network, random_batch, random_float, random_int8

INT32 = st.integers(-(2**31), 2**31 - 1)
CLIPS = 1000
CASES = json.loads((Path(__file__).parent / "vectors" / "networks.json").read_text())["cases"]


# -- gemmlowp's definitions, word for word, in Python's integers -----------------------------------
def truncated(a: int, b: int) -> int:
    return abs(a) // b * (1 if a >= 0 else -1)


def doubling_high_mul(a: int, b: int) -> int:
    nudge = 2**30 if a * b >= 0 else 1 - 2**30
    return truncated(a * b + nudge, 2**31)


def rounding_divide_by_pot(x: int, exponent: int) -> int:
    mask = 2**exponent - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if (x & mask) > threshold else 0)


@given(INT32, st.integers(-(2**31) + 1, 2**31 - 1))
def test_high_multiply_is_gemmlowps(a, b):
    assert fixed_point.high_multiply(np.array([a]), b) == doubling_high_mul(a, b)


@given(INT32, st.integers(0, 31))
def test_divide_by_power_is_gemmlowps(x, exponent):
    assert fixed_point.divide_by_power(np.array([x]), exponent) == rounding_divide_by_pot(
        x, exponent
    )


@given(st.floats(2.0**-30, 2.0**20))
def test_multipliers_are_the_nearest(real):
    multiplier, shift = map(int, fixed_point.quantise_multiplier(real))
    assert 2**30 <= multiplier < 2**31
    step = Fraction(2) ** (shift - 31)
    assert abs(multiplier * step - Fraction(real)) <= step / 2


def test_multipliers_carry_and_vanish():
    just_below = np.nextafter(1.0, 0.0)
    assert fixed_point.quantise_multiplier(just_below) == (2**30, 1)
    assert fixed_point.quantise_multiplier(2.0**-40) == (0, 0)


@given(st.lists(st.integers(-128, 127), min_size=1, max_size=40), st.floats(1e-4, 2.0))
def test_softmax_is_near_the_true_one(codes, scale):
    x = np.array(codes, np.int8)
    powers = np.exp(scale * (x - x.max().astype(float)))
    true = 256 * powers / powers.sum() - 128
    assert np.abs(fixed_point.softmax(x, scale) - np.minimum(true, 127)).max() <= 1


# -- whole networks against the interpreters -------------------------------------------------------
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), share=st.floats(0, 1, allow_subnormal=False))
def test_int8_networks_equal_the_reference(seed, share):
    rng = np.random.default_rng(seed)
    graph = random_int8(rng)
    batch = random_batch(graph, rng, 4)
    for nodes in {1 + int(share * (len(graph.nodes) - 1)), len(graph.nodes)}:
        model = cut(graph, nodes)
        for run in ORACLES.values():
            np.testing.assert_array_equal(Golden(model).infer(batch), run(model, batch))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_int8_networks_equal_the_vectors(case):
    """What TFLite Micro computed elsewhere, for machines that it has no package for."""
    golden = Golden(base64.b64decode(case["model"]))
    values = golden.run(np.array(case["inputs"], np.int8))
    *_, before, last = golden.graph.nodes
    np.testing.assert_array_equal(values[before.outputs[0]], case["logits"])
    np.testing.assert_array_equal(values[last.outputs[0]], case["posteriors"])


@pytest.mark.parametrize("seed", range(15))
def test_float_networks_equal_the_reference(seed):
    rng = np.random.default_rng(seed)
    graph = random_float(rng)
    batch = random_batch(graph, rng, 4)
    for nodes in range(1, len(graph.nodes) + 1):
        model = cut(graph, nodes)
        golden = Golden(model)
        for run in oracles_of(golden).values():
            np.testing.assert_array_equal(golden.infer(batch), run(model, batch))


def oracles_of(golden: Golden) -> dict:
    """Those that have all of a model's operators: tflite-runtime's reference has no ELU."""
    elu = any(node.op == "ELU" for node in golden.graph.nodes)
    return {name: run for name, run in ORACLES.items() if name != "tflite_runtime" or not elu}


def test_int8_without_and_with_the_float_shortcut():
    """Sums beyond 2^24, which float32 cannot hold, and sums of one dense layer below them."""
    rng = np.random.default_rng(2)
    for magnitude in (127, 1):
        builder = Builder((1, 4, 4, 300), Quant(0.05, -128))
        weights = (magnitude * rng.choice([-1, 1], (6, 4800))).astype(np.int8)
        weights[0] = np.abs(weights[0])
        scale = 1 / (magnitude * 2000)
        x = builder.dense(
            builder.input, weights, rng.integers(-999, 999, 6), weight_scale=scale, out=Quant(1, 0)
        )
        model = builder.finish(x, "large sums")
        batch = rng.integers(-128, 128, (20, 4, 4, 300)).astype(np.int8)
        batch[0] = 127
        for run in ORACLES.values():
            np.testing.assert_array_equal(Golden(model).infer(batch), run(model, batch))


def test_a_batch_is_its_windows():
    model = paper_network(np.random.default_rng(0), quantised=True)
    golden = Golden(model)
    batch = random_batch(golden.graph, np.random.default_rng(1), 3)[..., 0]
    together = golden.infer(batch)
    assert together.shape == (3, 10)
    assert together.dtype == np.int8
    np.testing.assert_array_equal(np.stack([golden.infer(window) for window in batch]), together)
    assert golden.infer(batch[:0]).shape == (0, 10)


def test_run_gives_every_activation():
    golden = Golden(random_int8(np.random.default_rng(4)))
    values = golden.run(random_batch(golden.graph, np.random.default_rng(1), 2))
    activations = [i for i, t in enumerate(golden.graph.tensors) if t.data is None]
    assert sorted(values) == sorted(activations)
    for index in activations:
        assert values[index].shape == (2, *golden.graph.tensors[index].shape[1:])
        assert values[index].dtype == golden.graph.tensors[index].dtype


def test_unknown_operators_are_refused():
    builder = Builder((1, 2, 2, 1), Quant(1, 0))
    graph = builder.graph(builder.max_pool(builder.input, (1, 1)), "")
    other = Graph("", graph.tensors, (Node("TANH", (0,), (1,)),), (0,), (1,))
    with pytest.raises(ArtefactError, match="TANH of int8"):
        Golden(other)


# -- the models that are committed -----------------------------------------------------------------
@pytest.mark.parametrize("name", list_models())
def test_committed_models_equal_the_reference(name):
    model = Artefact.load(name).model
    golden = Golden(model)
    batch = random_batch(golden.graph, np.random.default_rng(0), 20)
    batch[10:] //= 4
    for run in oracles_of(golden).values():
        np.testing.assert_array_equal(golden.infer(batch), run(model, batch))


@pytest.mark.data
@pytest.mark.parametrize("name", list_models())
def test_committed_models_equal_the_reference_on_speech(name, data):
    artefact = Artefact.load(name)
    golden = Golden(artefact.model)
    batch = validation_windows(data, artefact.manifest.front_end, CLIPS)
    assert len(batch) == CLIPS
    outputs = golden.infer(batch)
    # tflite-runtime, where it can, for all of them: it is the faster of the two
    for count, run in zip((CLIPS, 100), reversed(oracles_of(golden).values()), strict=False):
        expected = run(artefact.model, batch[:count, ..., np.newaxis])
        np.testing.assert_array_equal(outputs[:count], expected)


# -- what TensorFlow's own converter makes ---------------------------------------------------------
@pytest.mark.train
@pytest.mark.parametrize("per_channel", [True, False])
def test_converted_networks_equal_the_reference(per_channel):
    import tensorflow as tf

    keras = tf.keras
    keras.utils.set_random_seed(1)
    relu6 = keras.layers.Activation(tf.nn.relu6)
    x = inputs = keras.Input((21, 14, 1), batch_size=1)
    x = relu6(keras.layers.Conv2D(8, 3, strides=(2, 1), padding="same")(x))
    y = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    x = keras.layers.Add()([x, y])
    x = keras.layers.ZeroPadding2D(((1, 0), (0, 1)))(keras.layers.AveragePooling2D(2)(x))
    x = keras.layers.MaxPooling2D(2)(keras.layers.Conv2D(12, 2, dilation_rate=2)(x))
    x = keras.layers.Dense(16, activation="relu")(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, keras.layers.Softmax()(keras.layers.Dense(10)(x)))
    rng = np.random.default_rng(0)

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [rng.normal(0, 1, (1, 21, 14, 1)).astype(np.float32)] for _ in range(5)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converter._experimental_disable_per_channel_quantization_for_dense_layers = not per_channel
    converted = converter.convert()
    golden = Golden(converted)
    batch = random_batch(golden.graph, rng, 50)
    for run in ORACLES.values():
        np.testing.assert_array_equal(golden.infer(batch), run(converted, batch))
