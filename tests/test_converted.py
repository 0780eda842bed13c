"""Networks as TensorFlow's converter makes them: C, golden model and interpreters agree."""

from __future__ import annotations

import numpy as np
import pytest

import kws_train  # noqa: F401 (first: it chooses the Keras that TensorFlow loads)
from kws.errors import ArtefactError
from kws.golden import Golden
from kws.graph import Graph, read_graph
from kws.native_network import NativeNetwork
from kws.plan import window_plan
from kws.stream import stream_plan
from networks import ORACLES

NAMES = (
    "ds_cnn",
    "residual",
    "bottleneck",
    "valid_strides",
    "padded",
    "dilated",
    "multiplied",
    "temporal",
    "rows",
)


def windows(graph: Graph, rng: np.random.Generator) -> np.ndarray:
    """Random ones of many levels, and both ends of the range."""
    shape = graph.tensors[graph.inputs[0]].shape
    levels = rng.uniform(-128, 128, (20, 1, shape[2], 1))
    batch = levels + rng.normal(0, 60, (20, *shape[1:]))
    batch[0], batch[1] = -128, 127
    return np.clip(np.rint(batch), -128, 127).astype(np.int8)


@pytest.mark.train
@pytest.mark.parametrize("batch", [1, None], ids=["batch of one", "open batch"])
@pytest.mark.parametrize("name", NAMES)
def test_converted_networks(name: str, batch: int | None) -> None:
    import converted

    rng = np.random.default_rng(0)
    make = getattr(converted, name)
    model = converted.convert(make, batch, rng)
    graph = read_graph(model)
    inputs = windows(graph, rng)
    native = NativeNetwork(window_plan(graph))
    outputs = np.stack([native.infer(window) for window in inputs])
    assert len(np.unique(outputs, axis=0)) > 5
    np.testing.assert_array_equal(outputs, Golden(graph).infer(inputs))
    # TFLite Micro takes shapes as they are in the file; the older interpreter settles open ones,
    # but multiplies rows by a matrix with a scale a channel otherwise
    oracle = "tflite_micro" if batch else "tflite_runtime"
    if oracle in ORACLES:
        np.testing.assert_array_equal(outputs, ORACLES[oracle](model, inputs))
    if not converted.NETWORKS[make]:
        with pytest.raises(ArtefactError, match="cannot stream"):
            stream_plan(graph)
        return
    plan = stream_plan(graph)
    stream = NativeNetwork(plan)
    for window, expected in zip(inputs, outputs, strict=True):
        stream.reset()
        pushed = [stream.push(column) for column in window]
        assert pushed[-1] is not None
        assert pushed[-1].tolist() == expected.tolist()
