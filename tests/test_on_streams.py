"""Training on streams: the layers that it stands behind, and where words lie in what they say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.artefact import Artefact
from kws.golden import Golden
from kws.graph import read_graph
from kws.stream import stream_plan
from kws_train.synthesise import synthesise
from kws_train.train import load_trained, main

pytestmark = pytest.mark.train
RATE = 16_000
LABELS = ("yes", "no", "_unknown_", "_silence_")
CLIPS = f"""
description = "A small network for a test"
publish = false
labels = {json.dumps(LABELS)}
[front_end]
columns = 20
[network]
precision = "int8"
padding = "valid"
layers = [
    {{ kind = "conv", filters = 4, kernel = [3, 38], stride = [2, 1] }},
    {{ kind = "pool", kernel = [2, 1] }},
    {{ kind = "dense", filters = 6 }},
]
[augment]
copies = 2
[synthetic]
least = 1
fill = 4
[train]
epochs = 2
batch = 4
"""
# of 9 columns, the pool puts out 4 rows; three of those windows lie 4 columns apart
STREAMS = (
    CLIPS.replace("publish = false\n", "")
    .replace("columns = 20", "columns = 28")
    .replace(
        '{ kind = "dense", filters = 6 }',
        '{ kind = "conv", filters = 6, kernel = [4, 1] },\n'
        '    { kind = "depthwise", filters = 6, kernel = [3, 1] }',
    )
    .replace("batch = 4", 'initial = "clips"\nstreams = true')
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs and models of both experiments, on an archive of synthesised words."""
    from kws_train import on_streams

    root = tmp_path_factory.mktemp("streams")
    archive, speech = root / "archive", root / "speech"
    listed = []
    for word in ("yes", "no", "cat"):
        (archive / word).mkdir(parents=True)
        for number, wave in enumerate(synthesise(word, 10, RATE)):
            name = f"{word}/{word}{number}_nohash_0.wav"
            soundfile.write(archive / name, wave, RATE)
            listed += [name] if number == 9 else []
    (archive / "validation_list.txt").write_text("\n".join(listed))
    (archive / "_background_noise_").mkdir()
    noise = np.random.default_rng(0).integers(-900, 900, 5 * RATE).astype(np.int16)
    soundfile.write(archive / "_background_noise_" / "noise.wav", noise, RATE)
    speech.mkdir()
    soundfile.write(speech / "read.flac", np.tile(noise, 2), RATE)
    for name, text in (("clips", CLIPS), ("streams", STREAMS)):
        (root / f"{name}.toml").write_text(text)
    places = [f"--{place}={root / place}" for place in ("runs", "cache", "models", "speech")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_streams, "STRETCH", 20.0)
        patch.setattr(on_streams, "HOURS", dict.fromkeys(on_streams.HOURS, 40 / 3600))
        patch.setattr(on_streams, "TRACKS", 8)
        patch.setattr(on_streams, "LENGTH", 10)
        patch.setattr(on_streams, "STEPS", 6)
        assert main([str(root / "streams.toml"), f"--data={archive}", *places]) == 0
    return root


def test_the_layers_in_front_stay_as_they_are(trained: Path) -> None:
    _, before = load_trained(trained / "runs" / "clips")
    _, after = load_trained(trained / "runs" / "streams")
    assert (before.get_layer("conv0").kernel == after.get_layer("conv0").kernel).numpy().all()
    dense, conv = before.get_layer("dense2").kernel, after.get_layer("conv2").kernel
    assert (dense.numpy() == conv.numpy().reshape(dense.shape)).all()
    head = before.get_layer("labels").kernel != after.get_layer("labels").kernel
    assert head.numpy().any()


def test_a_window_hears_what_those_in_front_hear_one_after_another(trained: Path) -> None:
    """The codes behind the convolution are those of the dense layer, along a stream."""
    from kws_train.on_streams import _run, frozen

    experiment, model = load_trained(trained / "runs" / "clips")
    plan = frozen(experiment, model)
    artefact = Artefact.load(trained / "models" / "streams")
    spec = artefact.manifest.front_end
    assert (plan.columns, plan.stride) == (20, 4)
    wave = np.random.default_rng(1).integers(-9_000, 9_000, spec.samples).astype(np.int16)
    codes = _run(plan, spec, wave)
    assert codes.shape == (3, 6)

    from kws.native import best_mfcc

    graph = read_graph(artefact.model)
    (node,) = (node for node in graph.nodes if node.op == "DEPTHWISE_CONV_2D")
    cut = replace(graph, nodes=graph.nodes[: graph.nodes.index(node)], outputs=(node.inputs[0],))
    window = best_mfcc(spec).clip(wave)
    found = Golden(cut).run(window[None, ..., None])[node.inputs[0]]
    assert (
        np.abs(found.reshape(codes.shape).astype(int) - codes).max() <= 1
    )  # one rounds in float32
    assert stream_plan(graph).columns == spec.columns


def test_words_lie_where_they_end(trained: Path) -> None:
    from kws_train import on_streams
    from kws_train.streams import Spoken

    experiment, model = load_trained(trained / "runs" / "clips")
    plan = on_streams.frozen(experiment, model)
    codes = np.zeros((200, 6), np.int8)
    spoken = (Spoken("no", 2 * RATE, 3 * RATE), Spoken("cat", 5 * RATE, 6 * RATE))
    longer = replace(experiment, front_end=replace(experiment.front_end, columns=28))
    heard = on_streams._placed(codes, spoken, longer, plan, rows=3)
    ends = 0.016 * (28 + 4 * np.arange(198))
    assert heard.words.tolist() == [1]
    assert ends[heard.places.min()] >= 2 + on_streams.FIRST
    assert 3 < ends[heard.places.max()] <= 3 + on_streams.LAST
    assert abs(ends[heard.centred[0]] - (2.5 + 20 * 0.016 / 2)) <= 0.032
    assert (heard.inside == ((ends >= 2) & (ends <= 3 + on_streams.AFTER))).all()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (', "_silence_"', "", "expected _unknown_ and _silence_ too"),
        (
            'kind = "depthwise", filters = 6, kernel',
            'kind = "conv", filters = 6, kernel',
            "depthwise",
        ),
    ],
)
def test_what_cannot_be_trained_on_streams_is_one_line(
    trained: Path, old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (trained / "clips.toml").write_text(CLIPS)
    (trained / "other.toml").write_text(STREAMS.replace(old, new))
    places = [f"--{place}={trained / place}" for place in ("runs", "cache", "models", "speech")]
    capsys.readouterr()
    assert main([str(trained / "other.toml"), f"--data={trained / 'archive'}", *places]) == 1
    assert message in " ".join(capsys.readouterr().err.split())
