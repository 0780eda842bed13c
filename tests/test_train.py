"""From a small archive of synthesised speech to a model, by the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clips import BRIEFLY, write_archive
from kws.artefact import Artefact
from kws.engine import open_engine
from kws.graph import read_graph
from kws.spec import FrontEnd
from kws_train import clips, corpus, scenes, versions
from kws_train.augment import Augmentation
from kws_train.clips import Material, copies
from kws_train.config import Synthetic, Training, parse_experiment, read_experiment
from kws_train.corpus import Corpus
from kws_train.inventory import statistics
from kws_train.sampler import Sampler
from kws_train.train import main
from kws_train.trainer import learning_rate
from kws_train.versions import make_versions

RATE = FrontEnd().sample_rate
WORDS = ("yes", "no", "cat")
EXPERIMENT = (
    """
description = "A small network for a test"
labels = ["yes", "no"]
[network]
precision = "{precision}"
layers = [
    {{ kind = "conv", filters = 4, stride = [2, 2] }},
    {{ kind = "pool", kernel = [4, 4] }},
    {{ kind = "dense", filters = 8 }},
]
[augment]
copies = 2"""
    + BRIEFLY
)

HIDDEN = EXPERIMENT.format(precision="float").replace("[network]", "publish = false\n[network]")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten clips a word, the last of each for validation, and a noise."""
    root = tmp_path_factory.mktemp("archive")
    write_archive(root, WORDS)
    return root


def train(folder: Path, archive: Path, name: str, *options: str) -> int:
    places = [f"--{place}={folder / place}" for place in ("runs", "cache", "models")]
    return main([str(folder / f"{name}.toml"), f"--data={archive}", *places, *options])


@pytest.mark.train
def test_a_float_network_and_the_8_bit_one_that_starts_from_it(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.toml").write_text(HIDDEN)
    quantised = EXPERIMENT.format(precision="int8") + 'initial = "small"\nteacher = ["small"]\n'
    (tmp_path / "small8.toml").write_text(quantised + "distil = 0.5\n")
    assert train(tmp_path, archive, "small8") == 0  # trains what it needs first
    for name in ("small", "small8"):
        curves = (tmp_path / "runs" / name / "curves.csv").read_text().splitlines()
        assert len(curves) == 3
    assert not (tmp_path / "models" / "small").exists()
    artefact = Artefact.load(tmp_path / "models" / "small8")
    spec = artefact.manifest.front_end
    assert artefact.manifest.labels == ("yes", "no")
    assert artefact.manifest.provenance["training_clips"] == 27
    window = np.zeros((spec.columns, spec.coefficients), np.int8)
    assert open_engine(artefact).infer(window).shape == (2,)

    before = (tmp_path / "models" / "small8" / "model.tflite").read_bytes()
    assert train(tmp_path, archive, "small8") == 0  # nothing is left to do
    assert (tmp_path / "models" / "small8" / "model.tflite").read_bytes() == before

    last = curves[-1].split(",")[-1]
    assert artefact.manifest.provenance["validation_accuracy"] == float(last)

    assert train(tmp_path, archive, "small8", "--seed=2") == 0
    runs = {path.name for path in (tmp_path / "runs").iterdir()}
    assert runs == {"small", "small8", "small8-seed2"}
    other = tmp_path / "models" / "small8-seed2" / "model.tflite"
    assert other.read_bytes() != before

    changed = (tmp_path / "small.toml").read_text().replace("batch = 4", "batch = 5")
    (tmp_path / "small.toml").write_text(changed)
    capsys.readouterr()
    assert train(tmp_path, archive, "small") == 1
    assert "holds a training with other numbers" in " ".join(capsys.readouterr().err.split())


@pytest.mark.train
def test_a_network_that_streams_and_knows_other_words(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "ROOMS", 4)
    labels = ("yes", "no", "_unknown_", "_silence_")
    text = EXPERIMENT.format(precision="int8").replace('["yes", "no"]', json.dumps(labels))
    text = text.replace("[network]", '[network]\npadding = "valid"').replace(
        "copies = 2",
        "copies = 2\nwhole = true\nbeside = 0.5\nroom = 0.5\npartial = 0.5\njoined = 0.5\n"
        "tracks = 5",
    )
    text = text.replace("fill = 4", "fill = 4\nwords = 3")
    (tmp_path / "streams.toml").write_text(text)
    assert train(tmp_path, archive, "streams") == 0
    artefact = Artefact.load(tmp_path / "models" / "streams")
    assert artefact.manifest.labels == labels
    assert artefact.manifest.provenance["training_clips"] == 27
    assert artefact.manifest.provenance["validation_clips"] == 3
    assert all(node.options.padding == "VALID" for node in read_graph(artefact.model).nodes)


@pytest.mark.train
def test_a_teacher_that_hears_embeddings_and_speech_that_is_nothing(
    archive: Path, tmp_path: Path
) -> None:
    speech = tmp_path / "speech"
    speech.mkdir()
    read = np.random.default_rng(0).integers(-9_000, 9_000, 6 * RATE).astype(np.int16)
    soundfile.write(speech / "read.flac", read, RATE)
    labels = json.dumps(["yes", "no", "_unknown_"])
    student = EXPERIMENT.format(precision="int8").replace('["yes", "no"]', labels)
    (tmp_path / "student.toml").write_text(student + 'teacher = ["small"]\ndistil = 0.5\n')
    teacher = HIDDEN.replace('["yes", "no"]', labels).replace("kernel = [4, 4]", "kernel = [1, 4]")
    teacher = teacher.replace("[network]", 'hears = "embedding"\n[network]')
    teacher = teacher.replace("copies = 2", "copies = 2\ntime_masks = 0\nfrequency_masks = 0")
    (tmp_path / "small.toml").write_text(teacher)
    assert train(tmp_path, archive, "student", f"--speech={speech}") == 0
    kept = {path.name.split("-")[0] for path in (tmp_path / "cache").iterdir()}
    assert kept == {"versions", "embedded", "posteriors"}
    provenance = Artefact.load(tmp_path / "models" / "student").manifest.provenance
    length = Augmentation().samples(FrontEnd())
    assert provenance["training_clips"] == 27
    assert provenance["speech_pieces"] == -(-len(read) // length)


def test_speech_is_for_experiments_that_know_what_is_unknown(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.toml").write_text(HIDDEN)
    assert train(tmp_path, archive, "small", f"--speech={tmp_path}") == 1
    assert "'_unknown_', which is none of the labels" in " ".join(capsys.readouterr().err.split())
    labels = json.dumps(["yes", "no", "_unknown_"])
    (tmp_path / "small.toml").write_text(HIDDEN.replace('["yes", "no"]', labels))
    assert train(tmp_path, archive, "small", f"--speech={tmp_path / 'runs'}") == 1
    assert "runs: no recordings; expected speech" in " ".join(capsys.readouterr().err.split())


@pytest.mark.train
def test_a_missing_archive_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "small.toml").write_text(HIDDEN)
    assert train(tmp_path, tmp_path / "nowhere", "small") == 1
    assert capsys.readouterr().err.count("\n") == 1


def small_corpus(
    words: list[int], clips: list[int], names: tuple[str, ...] = ("yes", "no", "cat")
) -> Corpus:
    """Versions that are said from their beginning to their end."""
    spec, options = FrontEnd(), Augmentation()
    n, rows = len(clips), spec.columns + 2 * options.margin
    none = np.zeros(0, np.int8)
    return Corpus(
        key="key",
        names=names,
        versions=np.zeros((n, rows, spec.coefficients), np.int8),
        clips=np.array(clips),
        words=np.array(words),
        spoken=np.repeat(np.array([[0, options.samples(spec)]], np.int32), n, axis=0),
        recordings=len(words),
        synthetic=0,
        pieces=0,
        validation=none,
        answers=none,
        embeddings=lambda: none,
    )


def test_rare_words_are_drawn_as_often_and_others_at_their_share(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_text(HIDDEN + "balance = 1.0\nothers = 0.5\n")
    # clips: 3 of yes (one with many versions), 1 of no, 4 of cat
    words, clips = [0, 0, 0, 1, 2, 2, 2, 2], [0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7]
    sampler = Sampler(small_corpus(words, clips), read_experiment(path), None)
    chance = np.diff(sampler.cumulative, prepend=0.0)
    share = [chance[np.array(words)[clips] == word].sum() for word in range(3)]
    assert share == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    first = [batch.words.tolist() for batch in sampler.epoch(0)]
    assert first == [batch.words.tolist() for batch in sampler.epoch(0)]
    assert first != [batch.words.tolist() for batch in sampler.epoch(1)]


def test_only_windows_of_commands_stay_around_what_is_said(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    text = HIDDEN.replace('"no"]', '"_unknown_", "_silence_"]')
    path.write_text(text.replace("copies = 2", "copies = 2\nwhole = true"))
    names = ("yes", "_unknown_", "_silence_", "cat")
    data = small_corpus([3, 0, 1, 2, 0], [0, 0, 1, 2, 3, 4, 4], names)
    experiment = read_experiment(path)
    middle, shift = experiment.augment.margin, experiment.augment.shift
    fixed, free = (middle, middle), (middle - shift, middle + shift)
    found = [tuple(pair) for pair in Sampler(data, experiment, None).starts.tolist()]
    assert found == [free, free, fixed, free, free, fixed, fixed]

    experiment = replace(experiment, augment=replace(experiment.augment, whole=False))
    assert (Sampler(data, experiment, None).starts == free).all()


def test_rare_labels_get_more_versions(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_text(HIDDEN.replace('"no"]', '"no", "go"]'))
    words = np.repeat([0, 1, 2, 3], [30, 10, 1, 1])
    per_clip = copies(words, read_experiment(path))
    assert [int(per_clip[words == word][0]) for word in range(4)] == [2, 2, 10, 2]


@pytest.mark.parametrize(
    ("other_copies", "expected"), [(3, [4, 20, 3, 3, 3]), (0, [4, 20, 4, 4, 4])]
)
def test_what_is_no_command_has_versions_of_its_own_number(
    tmp_path: Path, other_copies: int, expected: list[int]
) -> None:
    path = tmp_path / "e.toml"
    path.write_text(HIDDEN.replace('"no"]', '"no", "_unknown_", "_silence_"]'))
    experiment = read_experiment(path)
    options = replace(experiment.augment, copies=4, other_copies=other_copies)
    words = np.repeat([0, 1, 2, 3, 4], [30, 2, 40, 30, 5])
    per_clip = copies(words, replace(experiment, augment=options))
    assert [int(per_clip[words == word][0]) for word in range(5)] == expected


STREAMS = parse_experiment(
    {
        "description": "a test's",
        "publish": False,
        "labels": ["yes", "_unknown_"],
        "network": {"layers": [{"kind": "dense", "filters": 4}]},
    },
    "test",
)


def test_versions_come_with_where_they_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, rate = STREAMS.front_end, STREAMS.front_end.sample_rate
    early, late = (np.zeros(rate, np.int16) for _ in range(2))
    early[1_000:4_000] = late[11_000:15_000] = 5_000
    noise = np.random.default_rng(0).integers(-9, 9, 5 * rate).astype(np.int16)
    clips = np.array([0, 0, 1])
    material = Material([early, late], [0, 2], clips, [noise], 2, 0)
    made, spoken = make_versions(material, STREAMS)
    assert made.dtype == np.int8
    assert made.shape == (3, spec.columns + 2 * STREAMS.augment.margin, spec.coefficients)
    assert spoken.dtype == np.int32
    assert (spoken[:, 0] < spoken[:, 1]).all()
    middle = STREAMS.augment.samples(spec) / 2
    assert (spoken[:2, 1] < middle).all()
    assert spoken[2, 0] > middle
    monkeypatch.setattr(versions, "BLOCK", 2)  # the last block is not full
    again = make_versions(material, STREAMS)
    assert np.array_equal(made, again[0])
    assert np.array_equal(spoken, again[1])


@pytest.mark.parametrize("name", corpus.SHAPING)
def test_other_code_makes_other_versions(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = corpus._key([], STREAMS)
    for path in Path(corpus.__file__).parent.glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(corpus, "__file__", str(tmp_path / "corpus.py"))
    assert corpus._key([], STREAMS) == before
    with (tmp_path / f"{name}.py").open("a") as file:
        file.write("changed = True\n")
    assert corpus._key([], STREAMS) != before


def test_phrases_are_one_speakers_or_of_all_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels' words are among those of a phrase: a command stands alone."""
    options = replace(STREAMS.augment, joined=2.0)
    experiment = replace(STREAMS, augment=options, synthetic=Synthetic())
    own = [np.full(4_000, value, np.int16) for value in (1, 2, 3)]
    others = [np.full(4_000, value, np.int16) for value in (4, 5)]
    voices = [[own[0], others[0]], [own[1], own[2], others[1]]]
    speakers = [{1, 4}, {2, 3, 5}]
    heard: list[set[int]] = []

    def phrase(waves: list[np.ndarray], length: int, *_more: object) -> np.ndarray:
        heard.append({int(value) for wave in waves for value in wave})
        return np.zeros(length, np.int16)

    monkeypatch.setattr(scenes, "phrase", phrase)
    for share in (1.0, 0.0):
        monkeypatch.setattr(clips, "ONE_SPEAKER", share)
        rng = np.random.default_rng(0)
        heard.clear()
        made = [
            wave
            for _ in range(5)
            for wave in clips._no_words(own, [*own, *others], voices, experiment, rng)
        ]
        assert len(made) == len(heard) == 5 * 2 * len(own)
        assert {len(wave) for wave in made} == {options.samples(experiment.front_end)}
        assert set.union(*heard) == {1, 2, 3, 4, 5}
        alone = [any(said <= speaker for speaker in speakers) for said in heard]
        assert all(alone) if share else not all(alone)


def test_the_rate_rises_and_falls() -> None:
    options = Training(epochs=10, rate=1.0, final_rate=0.1, warmup=1.0)
    rates = [learning_rate(options, step, 4) for step in range(40)]
    assert np.argmax(rates) in (3, 4)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)
    assert (np.diff(rates[4:]) < 0).all()


def test_the_front_ends_mean_is_that_of_speech(speech: dict[str, np.ndarray]) -> None:
    spec = FrontEnd()
    mean, deviation = statistics(list(speech.values()), spec)
    assert len(mean) == len(deviation) == spec.coefficients
    assert np.abs((np.array(mean) - spec.mean) / spec.deviation).max() < 3
