"""Training on streams: what they are made of, a network along them, and where words lie."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from clips import BRIEFLY, RATE, write_archive
from kws.artefact import Artefact
from kws.graph import read_graph
from kws.stream import stream_plan
from kws_train.config import ConfigError, Layer, read_experiment
from kws_train.train import main
from kws_train.trainer import build, load_trained

pytestmark = pytest.mark.train
LABELS = ("yes", "no", "_unknown_", "_silence_")
CLIPS = f"""
description = "A small network for a test"
labels = {json.dumps(LABELS)}
[front_end]
columns = 20
[network]
precision = "int8"
padding = "valid"
layers = [
    {{ kind = "bands", filters = 6 }},
    {{ kind = "conv", filters = 4, kernel = [3, 6], stride = [2, 1] }},
    {{ kind = "pool", kernel = [2, 1] }},
    {{ kind = "dense", filters = 6 }},
]
[augment]
copies = 2
room = 0.5
channel = 3.0
{BRIEFLY}"""
# in float and with a residual layer
WIDE = (
    CLIPS.replace('precision = "int8"\n', "")
    .replace("labels", "publish = false\nlabels", 1)
    .replace(
        '{ kind = "pool"',
        '{ kind = "residual", filters = 6, kernel = [2, 1] },\n    { kind = "pool"',
    )
)


def along_streams(clips: str, rows: int, train: str) -> str:
    """An experiment that goes on from one of clips, whose pool puts out so many rows.

    Its windows are three of that one's, 4 columns apart.
    """
    return (
        clips.replace("columns = 20", "columns = 28")
        .replace(
            '{ kind = "dense", filters = 6 }',
            f'{{ kind = "conv", filters = 6, kernel = [{rows}, 1] }},\n'
            '    { kind = "depthwise", filters = 6, kernel = [3, 1] }',
        )
        .replace("batch = 4", f"batch = 4\nstreams = true\n{train}")
    )


TEACHER = along_streams(WIDE, 3, 'initial = "wide"')
STREAMS = along_streams(CLIPS, 4, 'initial = "clips"\nteacher = ["teacher"]\ndistil = 0.5')
EXPERIMENTS = {"clips": CLIPS, "wide": WIDE, "teacher": TEACHER, "streams": STREAMS}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs and models of all experiments, on an archive of synthesised words."""
    from kws_train import on_streams, scenes, stream_corpus, versions

    root = tmp_path_factory.mktemp("streams")
    archive, speech = root / "archive", root / "speech"
    noise = write_archive(archive, ("yes", "no", "cat"), seconds=20)
    speech.mkdir()
    soundfile.write(speech / "read.flac", noise, RATE)
    for name, text in EXPERIMENTS.items():
        (root / f"{name}.toml").write_text(text)
    places = [f"--{place}={root / place}" for place in ("runs", "cache", "models", "speech")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scenes, "REFLECTIONS", 1)
        patch.setattr(versions, "ROOMS", 2)
        patch.setattr(stream_corpus, "TOGETHER", 3)
        patch.setattr(stream_corpus, "KNOWN", 4)
        for name in ("JOINED", "NOISE", "READ"):
            patch.setattr(stream_corpus, name, 1)
        patch.setattr(on_streams, "STEPS", 3)
        assert main([str(root / "streams.toml"), f"--data={archive}", *places]) == 0
    return root


def test_streams_are_made_of_words_and_of_what_has_none(trained: Path) -> None:
    (folder,) = (trained / "cache").glob("streams-*")
    columns, ends, words, spoken = (
        np.load(folder / f"{name}.npy") for name in ("columns", "ends", "words", "spoken")
    )
    # of each kind three at a time, sentences and the recording of 20 s in four versions
    assert np.diff(ends, prepend=0).tolist() == [4 * 3, 3, 3, 3 * 4, 1 * 4]
    assert columns.shape == (ends[-1], 750, 38)
    assert len(words) == len(spoken) == 12
    said = words >= 0
    assert said.any(axis=1).all()
    assert set(words[said]) == {0, 1}  # other words are none of a stream's commands
    lengths = (spoken[..., 1] - spoken[..., 0])[said] / RATE
    assert lengths.min() > 0.2
    assert lengths.max() < 2
    gaps = (spoken[:, 1:, 0] - spoken[:, :-1, 1])[said[:, 1:]] / RATE
    assert gaps.min() > 0.79
    sound = columns[:, :, 1:].astype(float).std(axis=(1, 2))
    assert (sound > 1).all()


def test_what_is_only_started_or_learned_from_is_not_published(trained: Path) -> None:
    assert {path.name for path in (trained / "runs").iterdir()} == set(EXPERIMENTS)
    assert [path.name for path in (trained / "models").iterdir()] == ["streams"]


def test_outputs_lie_as_far_apart_as_the_detectors(trained: Path) -> None:
    from kws_train import along

    experiment, _ = load_trained(trained / "runs" / "streams")
    artefact = Artefact.load(trained / "models" / "streams")
    plan = stream_plan(read_graph(artefact.model))
    assert (plan.columns, plan.stride) == (28, along.stride(experiment.network)) == (28, 4)


@pytest.mark.parametrize("name", ["streams", "teacher"])
def test_a_network_says_along_a_stream_what_its_windows_say(trained: Path, name: str) -> None:
    from kws_train import along, network
    from kws_train.trainer import as_input, predict

    experiment, model = load_trained(trained / "runs" / name)
    stream = np.random.default_rng(2).integers(-60, 60, (2, 63, 38)).astype(np.int8)
    said = along.outputs(experiment.network, model, as_input(stream, experiment)).numpy()
    windows = np.stack([stream[:, i : i + 28] for i in range(0, 33, 4)], axis=1)
    expected = predict(model, windows.reshape(-1, 28, 38), experiment)
    assert said.shape == (2, 10, 4)  # the last one has no window of its own
    said = said[:, :9]
    # a sum in another order may round to the next code
    assert np.abs(said.reshape(-1, 4) - expected).max() <= network.LOGIT_STEP
    assert np.isclose(said.reshape(-1, 4), expected, atol=1e-4).mean() > 0.9


def test_what_teachers_say_is_kept_by_output(trained: Path) -> None:
    from kws_train import distil
    from kws_train.stream_corpus import StreamCorpus
    from kws_train.trainer import predict

    (folder,) = (trained / "cache").glob("streams-*")
    streams = StreamCorpus(*(np.load(folder / f"{name}.npy") for name in StreamCorpus._fields))
    experiment, _ = load_trained(trained / "runs" / "streams")
    options, cache = experiment.train, trained / "cache"
    assert len(list(cache.glob("posteriors-teacher-*"))) == 1
    told = distil.lessons_along(trained / "runs", cache, options.teacher, streams, experiment)
    assert len(list(cache.glob("posteriors-teacher-*"))) == 1  # asked once
    assert told.shape == (len(streams.columns), (750 - 28) // 4 + 1, len(LABELS))
    assert np.abs(told.astype(float).sum(-1) - 1).max() < 0.01
    teacher, model = load_trained(trained / "runs" / "teacher")
    window = streams.columns[5:6, 4 * 7 : 4 * 7 + 28]
    logits = predict(model, window, teacher)[0] / options.temperature
    expected = np.exp(logits) / np.exp(logits).sum()
    slower = replace(
        experiment.network, layers=(*experiment.network.layers, Layer("pool", 0, (2, 1)))
    )
    other = replace(experiment, network=slower)
    with pytest.raises(ConfigError, match="teacher speaks every 4 columns; expected every 8"):
        distil.lessons_along(trained / "runs", cache, options.teacher, streams, other)
    assert told[5, 7].astype(float) == pytest.approx(expected, abs=2e-3)


def test_all_layers_are_trained_and_begin_as_those_of_clips(trained: Path) -> None:
    from kws_train.transfer import transfer

    _, clips = load_trained(trained / "runs" / "clips")
    experiment, after = load_trained(trained / "runs" / "streams")
    for name in ("bands0", "conv1", "labels"):
        old, new = clips.get_layer(name).kernel.numpy(), after.get_layer(name).kernel.numpy()
        assert (old != new).any()
        assert np.abs(old - new).max() < 0.1
    begun = build(experiment, len(json.loads((trained / "runs/clips/words.json").read_text())))
    transfer(clips, begun)
    dense, conv = clips.get_layer("dense3").kernel.numpy(), begun.get_layer("conv3").kernel.numpy()
    assert (dense == conv.reshape(dense.shape)).all()


@pytest.mark.parametrize(("before", "name"), [("clips", "streams"), ("wide", "teacher")])
def test_a_convolution_says_what_the_dense_layer_said(
    trained: Path, before: str, name: str
) -> None:
    """The convolution in a dense layer's place, with a layer behind it that passes it on."""
    from kws_train import network
    from kws_train.trainer import predict
    from kws_train.transfer import transfer

    old, clips = load_trained(trained / "runs" / before)
    experiment, _ = load_trained(trained / "runs" / name)
    begun = build(experiment, len(json.loads((trained / "runs/clips/words.json").read_text())))
    transfer(clips, begun)
    kernel = np.zeros((3, 1, 6, 1), np.float32)
    kernel[-1] = 0.5
    depthwise = f"depthwise{len(experiment.network.layers) - 1}"
    begun.get_layer(depthwise).set_weights([kernel])
    norm = begun.get_layer(f"{depthwise}_norm")
    _, shift, mean, variance = norm.get_weights()
    norm.set_weights([2 * np.sqrt(variance + norm.epsilon), shift, mean, variance])
    windows = np.random.default_rng(3).integers(-60, 60, (20, 28, 38)).astype(np.int8)
    found = predict(begun, windows, experiment)
    expected = predict(clips, windows[:, 8:], old)
    assert np.abs(found - expected).max() <= network.LOGIT_STEP
    assert np.isclose(found, expected, atol=1e-4).mean() > 0.9


def test_outputs_learn_commands_and_that_there_is_none() -> None:
    """The cost is least where an output agrees, however it parts what is no command."""
    from kws_train.on_streams import learned

    commands = np.array([1, 1, 0, 0], np.float32)
    soft = np.array([[[0.5, 0.2, 0.1, 0.2]]], np.float16)

    def cost(*posteriors: float) -> float:
        return float(learned(2 * np.log([[posteriors]], dtype=np.float32), soft, commands, 2.0))

    least = cost(0.5, 0.2, 0.1, 0.2)
    entropy = -(0.5 * np.log(0.5) + 0.2 * np.log(0.2) + 0.3 * np.log(0.3))
    assert least == pytest.approx(4 * entropy, rel=1e-3)
    assert cost(0.5, 0.2, 0.25, 0.05) == pytest.approx(least, rel=1e-5)
    assert cost(0.4, 0.3, 0.1, 0.2) > least + 0.01
    assert cost(0.6, 0.2, 0.1, 0.1) > least + 0.01


def test_streams_of_noise_alone_are_marked_in_a_batch(trained: Path) -> None:
    from kws_train.on_streams import BATCH, StreamSampler
    from kws_train.stream_corpus import StreamCorpus

    (folder,) = (trained / "cache").glob("streams-*")
    streams = StreamCorpus(*(np.load(folder / f"{name}.npy") for name in StreamCorpus._fields))
    experiment, _ = load_trained(trained / "runs" / "streams")
    batches = list(StreamSampler(streams, experiment, stride=4).epoch(0))
    noise = [columns.tobytes() for columns in streams.columns[streams.ends[1] : streams.ends[2]]]
    for batch in batches:
        marked = [columns.tobytes() in noise for columns in batch.columns]
        assert batch.silent.tolist() == marked
        assert len(marked) == 2 * BATCH
    assert 0 < sum(batch.silent.sum() for batch in batches) < len(batches) * BATCH


def test_noise_alone_is_told_from_what_is_said() -> None:
    from kws_train.on_streams import RARE, apart

    silent = np.array([1, 0], np.float32)
    logits = np.zeros((2, 3, 2), np.float32)
    assert float(apart(logits, silent)) == pytest.approx(np.log(2) * (RARE + 1) / 2)
    logits[0, :, 1] = logits[1, :, 0] = 9
    assert float(apart(logits, silent)) < 1e-3
    assert float(apart(logits, 1 - silent)) > 8


def test_streams_are_of_the_clips_that_training_began_with(tmp_path: Path) -> None:
    from kws_train.train import on_clips

    for name, text in EXPERIMENTS.items():
        (tmp_path / f"{name}.toml").write_text(text)
    more = tmp_path / "more.toml"
    more.write_text(STREAMS.replace('"clips"', '"streams"'))
    assert on_clips(more, read_experiment(more)) == read_experiment(tmp_path / "clips.toml")


def test_words_lie_where_they_end(trained: Path) -> None:
    from kws_train import on_streams

    experiment, _ = load_trained(trained / "runs" / "streams")
    spec = experiment.front_end
    words = np.array([[1, 0, -1]], np.int32)
    spoken = np.array([[[2 * RATE, 3 * RATE], [0, 100], [0, 0]]], np.int32)
    found, places, middle, free = on_streams.placed(words, spoken, spec, 4)
    ends = 0.016 * (28 + 4 * np.arange(free.shape[1])) + 0.016
    assert free.shape[1] == (750 - 28) // 4 + 1
    assert found.tolist() == [[1, -1, -1]]  # nothing is put out so soon
    at = places[0, 0][places[0, 0] >= 0]
    assert ends[at[0] - 1] < 2 + on_streams.FIRST <= ends[at[0]]
    assert ends[at[-1]] <= 3 + on_streams.LAST < ends[at[-1] + 1]
    assert np.abs(ends[middle[0, 0]] - spec.samples / RATE / 2 - 2.5) <= 0.032
    heard = (ends >= 2) & (ends <= 3 + on_streams.AFTER)
    heard |= ends <= 100 / RATE + on_streams.AFTER
    assert (free[0] == 0).tolist() == heard.tolist()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('["yes", "no", "_unknown_"', '["no", "yes", "_unknown_"', "expected those of clips"),
        ('["yes", "no", "_unknown_", "_silence_"]', '["yes", "no"]', "expected those of clips"),
        ('initial = "clips"\n', "", "expected train.initial"),
        ('initial = "clips"', 'initial = "other"', "from itself"),
        ('padding = "valid"', 'padding = "same"', "pad"),
        ('kind = "depthwise"', 'kind = "separable"', "layer 4 is 'separable'; expected bands"),
    ],
)
def test_what_cannot_be_trained_on_streams_is_one_line(
    trained: Path, old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = STREAMS.replace(old, new).replace("labels", "publish = false\nlabels", 1)
    (trained / "other.toml").write_text(other)
    places = [f"--{place}={trained / place}" for place in ("runs", "cache", "models", "speech")]
    capsys.readouterr()
    assert main([str(trained / "other.toml"), f"--data={trained / 'archive'}", *places]) == 1
    (line,) = (x for x in capsys.readouterr().err.splitlines() if x.startswith("kws-train:"))
    assert message in line


def test_streams_need_labels_for_what_is_no_word(trained: Path) -> None:
    from kws_train.on_streams import OnStreams

    experiment, _ = load_trained(trained / "runs" / "streams")
    nothing: Any = None
    with pytest.raises(ConfigError, match="expected _unknown_ and _silence_ too"):
        OnStreams(replace(experiment, labels=("yes", "no")), nothing, trained, nothing)
