"""A model for somebody's own words, by the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.artefact import Artefact, Manifest
from kws.decide import Decision
from kws.spec import FrontEnd
from kws_train.config import parse_experiment, resolved
from kws_train.synthesise import synthesise
from kws_train.train import main

RATE = FrontEnd().sample_rate
WORDS = {"lights": 24, "music": 24, "door": 60, "window": 90}
NETWORK = {
    "precision": "int8",
    "padding": "valid",
    "layers": [
        {"kind": "conv", "filters": 8, "kernel": [3, 38], "stride": [1, 38]},
        {"kind": "pool", "kernel": [4, 1]},
        {"kind": "dense", "filters": 16},
    ],
}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder a word, of synthesised speech at another rate."""
    root = tmp_path_factory.mktemp("recordings")
    for word, count in WORDS.items():
        (root / word).mkdir()
        for number, wave in enumerate(synthesise(word, count, 22_050)):
            soundfile.write(root / word / f"{number}.flac", wave, 22_050)
    return root


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    """An untrained network, as a model."""
    from kws_train.quantise import export
    from kws_train.trainer import build

    experiment = parse_experiment({"description": "a test's", "network": NETWORK}, "test")
    values = {k: v for k, v in resolved(experiment).items() if k != "front_end"}
    folder = tmp_path_factory.mktemp("models") / "base"
    manifest = Manifest(
        name="base",
        labels=experiment.labels,
        front_end=experiment.front_end,
        decision=Decision(smoothing=4, threshold=0.5, refractory=40, hop=4),
        provenance={"experiment": values},
    )
    Artefact.save(folder, manifest, export(experiment, build(experiment, 1)))
    return Artefact.load(folder)  # with lists, as JSON has them


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training of seconds."""
    monkeypatch.setattr("kws_train.finetune.STEPS", 100)
    monkeypatch.setattr("kws_train.finetune.VERSIONS", 60)
    monkeypatch.setattr("kws_train.finetune.TUNING_HOURS", 0.02)


def train(folder: Path, recordings: Path, base: Artefact, *more: str) -> int:
    places = [f"--{place}={folder / place}" for place in ("cache", "models")]
    return main([f"--from={base.folder}", f"--data={recordings}", *places, *more])


@pytest.mark.train
def test_from_folders_of_recordings_to_a_model(
    recordings: Path, base: Artefact, quick: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):  # a second one takes the place of the first
        assert train(tmp_path, recordings, base, "--words=lights, music", "--name=room") == 0
    said = capfd.readouterr()
    for word in ("lights", "music", "_unknown_"):
        assert f"  {word}" in said.err
    for noise in ("tensorflow", "WARNING", "Warning", "cuda"):
        assert noise not in said.err
    artefact = Artefact.load(tmp_path / "models" / "room")
    assert artefact.manifest.labels == ("lights", "music", "_unknown_", "_silence_")
    assert artefact.manifest.decision.hop == 4
    assert "decision" in artefact.manifest.provenance
    assert artefact.manifest.provenance["started_from"]["name"] == "base"
    assert not list((tmp_path / "cache").glob("words-*"))

    # one's own model can be trained on from, too
    assert train(tmp_path, recordings, artefact, "--words=door", "--name=doors") == 0
    assert Artefact.load(tmp_path / "models" / "doors").manifest.labels[0] == "door"


@pytest.mark.train
def test_the_new_network_begins_as_the_old_one_hears(
    recordings: Path, base: Artefact, tmp_path: Path
) -> None:
    from kws_train import network
    from kws_train.corpus import Corpus
    from kws_train.finetune import start_from
    from kws_train.trainer import as_input, build
    from kws_train.unfold import unfold

    experiment, old = unfold(base)
    spec = experiment.front_end
    rng = np.random.default_rng(0)
    shape = (400, spec.columns + 2 * experiment.augment.margin, spec.coefficients)
    versions = np.clip(rng.normal(0, 32, shape), -128, 127).astype(np.int8)
    none = np.zeros(0, np.intp)
    data = Corpus(**dict.fromkeys(Corpus.__dataclass_fields__, none) | {"versions": versions})
    new = build(experiment, 3)
    start_from(old, new, data, experiment)
    windows = as_input(versions[:, : spec.columns], experiment)
    heard = [
        network.keras.Model(model.input, model.get_layer("dense2_code").output)(windows).numpy()
        for model in (old, new)
    ]
    assert np.array_equal(*heard)


@pytest.mark.train
def test_an_interrupted_training_leaves_no_model(
    recordings: Path, base: Artefact, quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kws_train.finetune._decide", interrupt)
    assert train(tmp_path, recordings, base, "--words=lights,music") == 130
    assert not (tmp_path / "models").exists()
    assert not list((tmp_path / "cache").glob("words-*"))


@pytest.mark.train
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--words=lights,lamp"], "lamp 0; expected at least 20"),
        (["--words=lights", "--name=../x"], "expected a folder's name"),
        (["--words=lights", "--name=taken"], "name another with --name"),
        (["--words=lights", "--negatives=/nowhere"], "/nowhere is not a folder"),
        (["--words=lights", "--from=st-float"], "expected one of 8 bits"),
    ],
)
def test_what_is_wrong_is_one_line(
    recordings: Path,
    base: Artefact,
    tmp_path: Path,
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "models" / "taken").mkdir(parents=True)
    assert train(tmp_path, recordings, base, *options) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("kws-train: ")
    assert message in line


def test_an_experiment_or_words_but_not_both(capsys: pytest.CaptureFixture[str]) -> None:
    for options in ([], ["st-int8", "--words=a"], ["--words=_a"]):
        with pytest.raises(SystemExit):
            main([*options, "--data=x"])
        assert capsys.readouterr().err.count("\n") == 1
