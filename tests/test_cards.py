"""Model cards: every figure with its command, plots, and the manifest's figures."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from kws.artefact import Artefact, list_models
from kws.errors import ArtefactError
from kws.golden import Golden
from kws.spotter import Spotter
from kws_train import arithmetic, card_text, cards, evaluate, robustness
from kws_train.data import NOISE
from tiny_model import DECISION, SPEC, tiny_artefact

RATE = SPEC.sample_rate
PROVENANCE = {
    "description": "A tiny network",
    "command": "make train-tiny",
    "data": "Speech Commands",
    "training_clips": 20993,
    "synthesised_clips": 500,
    "speech_pieces": 1234,
    "validation_clips": 1700,
    "validation_accuracy": 0.9512,
    "packages": {"numpy": "1.26"},
    "decision": {
        "command": "kws-tune tiny --data DIR",
        "target": 1.0,
        "words": 240,
        "hit_rate": 0.9,
        "wrong_rate": 0.01,
        "false_alarms_per_hour": 12.0,
        "expected_false_accepts_per_hour": 0.95,
        "false_accepts": {"joined words": {"count": 1, "hours": 1.0}},
    },
}
PLOTS = {
    *("learning.png", "confusion.png", "det.png", "noise.png", "loudness.png", "streams.png"),
}


@pytest.fixture(scope="module")
def material(
    tmp_path_factory: pytest.TempPathFactory, speech: dict[str, NDArray[np.int16]]
) -> Path:
    """A test set, an archive with other speakers, read speech and learning curves."""
    root = tmp_path_factory.mktemp("material")

    def write(path: Path, samples: NDArray[np.int16]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, RATE, "PCM_16")

    for name, wave in speech.items():
        word, voice = name.split("-", 1)
        if word in ("yes", "no", "seven"):
            folder, stem = ("_unknown_", "seven_") if word == "seven" else (word, "")
            write(root / "tests" / folder / f"{stem}{voice}_nohash_0.wav", wave)
            speaker = "rayen" if word == "no" else f"other-{voice}"
            write(root / "archive" / word / f"{speaker}_nohash_{len(voice)}.wav", wave)
    hiss = np.random.default_rng(4).normal(0, 900, 5 * RATE).astype(np.int16)
    write(root / "archive" / NOISE / "hiss.wav", hiss)
    write(root / "read" / "1" / "1-2-0000.wav", speech["seven-flite"])
    (root / "read" / "1" / "1-2.trans.txt").write_text("1-2-0000 SEVEN\n")
    (root / "curves.csv").write_text(
        "epoch,rate,loss,accuracy,validation_accuracy\n1,0.1,2,0.5,0.6\n2,0.1,1,0.7,0.8\n"
    )
    return root


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, material: Path) -> Artefact:
    """The model with its card, by the command line."""
    artefact = tiny_artefact(tmp_path_factory.mktemp("models") / "tiny")
    manifest = replace(artefact.manifest, provenance=PROVENANCE)
    Artefact.save(artefact.folder, manifest, artefact.model)
    assert cards.main(_argv(artefact, material)) == 0
    return Artefact.load(artefact.folder)


def _argv(artefact: Artefact, material: Path) -> list[str]:
    return [
        *(str(artefact.folder), "--data", str(material / "tests")),
        *("--noise", str(material / "archive"), "--librispeech", str(material / "read")),
        *("--curves", str(material / "curves.csv"), "--words", "4", "--hours", "0.5"),
        *("--noise-hours", "0.01"),
    ]


def test_plots_are_there_and_shown(written: Artefact) -> None:
    text = (written.folder / "README.md").read_text()
    assert set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)) == PLOTS
    for name in PLOTS:
        data = (written.folder / name).read_bytes()
        assert data.startswith(b"\x89PNG")
        assert len(data) < 100_000


def test_the_card_holds_what_the_commands_print(
    written: Artefact, material: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (written.folder / "README.md").read_text()
    for command in re.findall(r"^    kws-eval (.*)$", text, re.MULTILINE):
        argv = command.replace("data/", f"{material}/").split()
        argv[argv.index("--model") + 1] = str(written.folder)
        assert evaluate.main(argv) == 0
        assert f"```\n{capsys.readouterr().out}```" in text


def test_what_the_card_says(written: Artefact) -> None:
    whole = (written.folder / "README.md").read_text()
    assert whole.startswith("# tiny\n\nA tiny network.\n")
    text = " ".join(whole.split())
    assert "There is no class for anything else" in text
    assert "1,234 pieces of running speech, which is no command," in text
    assert "500 more clips were spoken by the synthesisers" in text
    assert "2 of the recordings are not Speech Commands but from rayenabid406" in text
    assert "95.12 %" in text
    assert "No speaker of the test clips" in text
    assert "| FULLY_CONNECTED | 5 | int8 | 3,805 | 3,800 | 3,824 |" in text
    assert "| **3,805** | **3,800** | **3,824** |" in text
    assert "kws-tune tiny --data DIR" in text
    assert "false accepts were 1 in 1.00 h of joined words, where 0.95 per hour" in text
    assert "posteriors that differ" in text


def test_no_path_of_this_machine(written: Artefact, material: Path) -> None:
    for name in ("README.md", "manifest.json"):
        text = (written.folder / name).read_text()
        assert str(material) not in text
        assert "/tmp" not in text
        assert str(Path.home()) not in text


def test_figures_of_the_manifest(written: Artefact) -> None:
    figures = written.manifest.figures
    costs = ["flash_bytes", "ram_bytes", "macs"]
    streams = ["streams", "read_speech", "mixed_noise"]
    assert list(figures) == ["test", "noise", "loudness", *costs, "arithmetic", *streams]
    assert set(figures["noise"]["closed_set"]) == {"recorded", *robustness.MADE}
    assert figures["noise"]["closed_set"]["white"]["clean"] == figures["test"]["closed_set"]
    assert list(figures["loudness"]["closed_set"]["clips"])[-1] == "-40 dB"
    assert figures["test"]["clips"] == 4
    assert figures["test"]["command"].startswith("kws-eval --model tiny --data data/tests")
    assert set(figures["streams"]) == {"command", "silence", "20 dB", "10 dB", "5 dB"}
    (found,) = figures["arithmetic"].values()
    assert found["model_sha256"] == written.manifest.model_sha256
    json.dumps(figures, allow_nan=False)
    list(Spotter(written).feed(np.zeros(RATE, np.int16)))


def test_a_card_of_less(tmp_path: Path, material: Path) -> None:
    """No archive, no read speech, no training, no tuning: said, not invented."""
    artefact = tiny_artefact(tmp_path / "tiny")
    assert (
        cards.main([str(artefact.folder), "--data", str(material / "tests"), "--words", "2"]) == 0
    )
    text = (artefact.folder / "README.md").read_text()
    assert text.startswith("# tiny\n\nA keyword spotter.\n")
    assert "set by hand" in text
    assert "read speech," not in text
    assert "Trained on" not in text
    assert "learning.png" not in text
    assert "kws-eval --model tiny --data data/tests\n" in text


def test_a_decision_tuned_without_a_target(written: Artefact) -> None:
    """As the models of version 0.1 were: what is known is told, without a command of today."""
    tuned = dict(written.manifest.provenance["decision"])
    for name in ("target", "false_accepts", "expected_false_accepts_per_hour"):
        del tuned[name]
    provenance = {**written.manifest.provenance, "decision": tuned}
    lines = " ".join(card_text._tuned(replace(written.manifest, provenance=provenance)))
    assert "90.0 % hits on 240 words" in lines
    assert "kws-tune" not in lines


def test_figures_of_other_interpreters_are_kept(written: Artefact, tmp_path: Path) -> None:
    found = arithmetic.Difference(clips=2, total=10, values=1, largest=1, words=0)
    manifest = written.manifest
    other = {**manifest.figures["arithmetic"], "elsewhere 1.0, arm": {"model_sha256": "another"}}
    figures = {**manifest.figures, "arithmetic": other}
    copy = Artefact.save(tmp_path / "copy", replace(manifest, figures=figures), written.model)
    kept = arithmetic.keep(copy, found).manifest.figures["arithmetic"]
    assert list(kept) == [arithmetic.interpreter()]  # the other was of another network
    assert kept[arithmetic.interpreter()]["values"] == 1


def test_the_card_gets_the_differences_of_another_interpreter(
    written: Artefact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Artefact.save(tmp_path / "copy", written.manifest, written.model)
    before = (written.folder / "README.md").read_text()
    (copy.folder / "README.md").write_text(before)
    monkeypatch.setattr(arithmetic, "interpreter", lambda: "elsewhere 1.0, arm")
    found = arithmetic.Difference(clips=1234, total=10, values=7, largest=3, words=2)
    for _ in range(2):  # the second time it takes the place of the first
        arithmetic.keep(copy, found)
    rows = (copy.folder / "README.md").read_text().splitlines()
    added = "| elsewhere 1.0, arm | 1,234 | 7 of 10 | 3/256 | 2 |"
    assert rows.count(added) == 1
    assert [row for row in rows if row != added] == before.splitlines()


@pytest.mark.parametrize("what", ["model", "decision"])
def test_figures_of_another_model_are_not_kept(tmp_path: Path, what: str) -> None:
    """Another program may write the folder while a measurement goes on."""
    measured = tiny_artefact(tmp_path / "tiny")
    if what == "model":
        now = tiny_artefact(tmp_path / "tiny", seed=2)
    else:
        manifest = replace(measured.manifest, decision=replace(DECISION, smoothing=9))
        now = Artefact.save(measured.folder, manifest, measured.model)
    found = arithmetic.Difference(clips=2, total=10, values=1, largest=1, words=0)
    with pytest.raises(ArtefactError, match=f"its {what}.* changed while it was being measured"):
        arithmetic.keep(measured, found)
    assert Artefact.load(measured.folder) == now


def test_difference(written: Artefact, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = (100, SPEC.columns, SPEC.coefficients)
    windows = np.random.default_rng(1).integers(-128, 128, shape, np.int8)
    golden = Golden(written.model).infer(windows)
    moved = golden.copy()
    moved[3, 0] ^= 2
    moved[4] = np.roll(moved[4], 1)
    monkeypatch.setattr(arithmetic, "posteriors", lambda *_: moved)
    found = arithmetic.difference(written, windows)
    assert (found.clips, found.total) == (100, 500)
    assert found.values == int((golden != moved).sum())
    assert found.largest == int(np.abs(golden.astype(int) - moved).max())
    assert found.words == int((golden.argmax(1) != moved.argmax(1)).sum()) >= 1


def test_the_command_compares_with_the_golden_arithmetic(
    written: Artefact, material: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert arithmetic.main([str(written.folder), "--data", str(material / "tests")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("tiny on ")
    assert "of 30 posteriors differ" in out


@pytest.mark.parametrize(
    "argv", [["--data", "absent"], ["--data", "tests", "--curves", "absent.csv"]]
)
def test_errors_are_one_line(
    tmp_path: Path, material: Path, capsys: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    artefact = tiny_artefact(tmp_path / "tiny")
    argv = [arg if arg.startswith("--") else str(material / arg) for arg in argv]
    assert cards.main([str(artefact.folder), *argv, "--words", "1"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("python -m kws_train.cards: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", list_models())
def test_cards_tell_the_decision_in_use(name: str) -> None:
    artefact = Artefact.load(name)
    card = (artefact.folder / "README.md").read_text(encoding="utf-8")
    made, spec = artefact.manifest.decision, artefact.manifest.front_end
    assert (
        f"| decision | mean of {made.smoothing} inferences, one every {made.hop} columns; "
        f"threshold {made.threshold_text()}, {made.refractory} columns from one detection to the "
        "next |\n"
    ) in card
    assert (
        f"\n{name}: mean of {made.smoothing} inferences, threshold {made.threshold_text('g')}, "
        f"refractory {made.refractory} columns, an inference every {made.hop} of "
        f"{1000 * spec.hop_seconds:g} ms\n"
    ) in card
