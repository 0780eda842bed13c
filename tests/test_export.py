from __future__ import annotations

import numpy as np
import pytest

from kws.graph import read_graph
from kws_train.export_tflite import Builder, ExportError, Quant
from kws_train.write_tflite import write_graph
from networks import INTERPRETERS, paper_network, random_float, random_int8

STEP = Quant(0.1, 0)


@pytest.mark.parametrize("make", [random_int8, random_float])
def test_the_same_layers_give_the_same_bytes(make):
    one, other = (write_graph(make(np.random.default_rng(5))) for _ in range(2))
    assert one == other


def weighted(builder: Builder, rng: np.random.Generator):
    """A network with every kind of weights, and the arrays that went into it."""
    conv = rng.integers(-128, 128, (5, 3, 2, 1)).astype(np.int8)
    depthwise = rng.integers(-128, 128, (1, 2, 2, 10)).astype(np.int8)
    dense = rng.choice([-1, 1], (7, 10 * 9 * 6)).astype(np.int8)
    scales = [rng.uniform(1e-4, 1e-2, n).astype(np.float32) for n in (5, 10, 1)]
    biases = [rng.integers(-(2**20), 2**20, n).astype(np.int32) for n in (5, 10, 7)]
    x = builder.conv(builder.input, conv, biases[0], weight_scale=scales[0], out=STEP)
    x = builder.depthwise(x, depthwise, biases[1], weight_scale=scales[1], out=STEP)
    x = builder.dense(x, dense, biases[2], weight_scale=scales[2], out=Quant(0.3, 4))
    return builder.finish(builder.softmax(x), "weights"), (conv, depthwise, dense), scales, biases


def test_weights_biases_and_scales_are_those_given():
    rng = np.random.default_rng(3)
    model, weights, scales, biases = weighted(Builder((1, 9, 6, 1), Quant(1 / 32, 0)), rng)
    graph = read_graph(model)
    layers = [node for node in graph.nodes if len(node.inputs) == 3]
    assert len(layers) == 3
    steps = [np.float32(1 / 32), np.float32(0.1), np.float32(0.1)]
    for node, codes, scale, bias, step in zip(layers, weights, scales, biases, steps, strict=True):
        _, w, b = (graph.tensors[i] for i in node.inputs)
        np.testing.assert_array_equal(w.data, codes)
        np.testing.assert_array_equal(w.scales, scale)
        np.testing.assert_array_equal(b.data, bias)
        np.testing.assert_array_equal(b.scales, step * scale)
        assert not w.zero_points.any()
        assert not b.zero_points.any()


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_interpreters_read_the_same(interpreter):
    builder = Builder((1, 9, 6, 1), Quant(1 / 32, 0))
    model, *_ = weighted(builder, np.random.default_rng(3))
    lite = INTERPRETERS[interpreter](model)
    graph = read_graph(model)
    details = {d["index"]: d for d in lite.get_tensor_details()}
    for index, tensor in enumerate(graph.tensors):
        assert tuple(details[index]["shape"]) == tensor.shape
        assert np.dtype(details[index]["dtype"]).name == tensor.dtype
        found = details[index]["quantization_parameters"]
        # LiteRT repeats a dense layer's one scale for each of its units
        count = len(found["scales"])
        np.testing.assert_array_equal(found["scales"], np.broadcast_to(tensor.scales, count))
        np.testing.assert_array_equal(found["zero_points"], tensor.zero_points)
        if tensor.data is not None:
            np.testing.assert_array_equal(lite.get_tensor(index), tensor.data)
            if len(tensor.scales) > 1:
                assert found["quantized_dimension"] == tensor.axis
    (source,), (result,) = lite.get_input_details(), lite.get_output_details()
    assert source["quantization"] == (np.float32(1 / 32), 0)
    assert result["quantization"] == (1 / 256, -128)


@pytest.mark.parametrize("interpreter", INTERPRETERS)
@pytest.mark.parametrize("quantised", [True, False])
def test_interpreters_run_the_papers_network(interpreter, quantised):
    lite = INTERPRETERS[interpreter](paper_network(np.random.default_rng(0), quantised))
    (source,), (result,) = lite.get_input_details(), lite.get_output_details()
    lite.set_tensor(source["index"], np.ones(source["shape"], np.int8))
    lite.invoke()
    posteriors = lite.get_tensor(result["index"]).astype(int) + 128
    assert posteriors.shape == (1, 10)
    assert abs(posteriors.sum() - 256) <= 10


def test_constants_are_aligned():
    model = paper_network(np.random.default_rng(0), quantised=True)
    for tensor in read_graph(model).tensors:
        if tensor.data is not None and tensor.data.size > 64:
            assert model.index(tensor.data.tobytes()) % 16 == 0


def test_the_file_says_what_it_is():
    builder = Builder((1, 4, 4, 1), STEP)
    graph = read_graph(builder.finish(builder.max_pool(builder.input, (2, 2)), "a network"))
    assert graph.description == "a network"


CODES = np.ones((2, 3, 3, 1), np.int8)


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        (CODES, {"out": STEP}, "no scale"),
        (CODES, {"weight_scale": 0.1}, "without a scale; expected `out`"),
        (CODES.astype(float), {"weight_scale": 0.1, "out": STEP}, "float64 weights"),
        (CODES, {"weight_scale": [0.1] * 3, "out": STEP}, "2 positive"),
        (CODES, {"weight_scale": [0.1, -1], "out": STEP}, "positive"),
        (CODES[:, :, :, 0], {"weight_scale": 0.1, "out": STEP}, "channels, height"),
        (CODES, {"weight_scale": 0.1, "out": STEP, "padding": "FULL"}, "'FULL'"),
        (np.ones((2, 9, 3, 1), np.int8), {"padding": "VALID"}, "does not fit"),
    ],
)
def test_layers_that_do_not_fit_are_refused(weights, options, message):
    builder = Builder((1, 8, 8, 1), STEP)
    with pytest.raises(ExportError, match=message):
        builder.conv(builder.input, weights, None, **options)


def test_biases_that_do_not_fit_are_refused():
    builder = Builder((1, 8, 8, 1), STEP)
    for bias, message in ((np.zeros(3), "biases"), (np.full(2, 2**31 - 1), "below 2\\^31")):
        with pytest.raises(ExportError, match=message):
            builder.conv(builder.input, CODES, bias, weight_scale=0.1, out=STEP)


def test_float_layers_are_for_float_tensors():
    builder = Builder((1, 8, 8, 1), STEP)
    with pytest.raises(ExportError, match="dequantize"):
        builder.elu(builder.input)
    with pytest.raises(ExportError, match="dequantize"):
        builder.scale_shift(builder.input, [1.0], [0.0])
    with pytest.raises(ExportError, match="another count"):
        builder.reshape(builder.input, (1, 65))
    with pytest.raises(ExportError, match="expected one"):
        builder.dense(builder.input, np.ones((2, 64), np.int8), None, weight_scale=[1, 2], out=STEP)
