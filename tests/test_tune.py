"""Choosing a decision: the best net score, on validation speakers and training's noise alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from kws.artefact import Artefact
from kws.spotter import Spotter
from kws_train import noise, spotting, streams, tune
from kws_train.data import NOISE
from kws_train.spotting import Trace
from kws_train.streams import Spoken, Stream
from tiny_model import DECISION, SPEC, tiny_artefact

RATE = SPEC.sample_rate
COLUMNS = 600


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, speech: dict[str, NDArray[np.int16]]) -> Path:
    """Two speakers of yes, no and seven; the one who uses flite is the validation set."""
    root = tmp_path_factory.mktemp("archive")
    for name, wave in speech.items():
        word, speaker = name.split("-", 1)
        (root / word).mkdir(exist_ok=True)
        soundfile.write(root / word / f"{speaker}_nohash_0.wav", wave, RATE, "PCM_16")
    listed = (f"{name.split('-')[0]}/flite_nohash_0.wav" for name in speech if "flite" in name)
    (root / "validation_list.txt").write_text("\n".join(listed))
    (root / NOISE).mkdir()
    hiss = np.random.default_rng(4).normal(0, 900, 5 * RATE).astype(np.int16)
    soundfile.write(root / NOISE / "hiss.wav", hiss, RATE, "PCM_16")
    return root


def _trace(*bumps: tuple[int, int, int, int]) -> Trace:
    """Posteriors with some labels raised: label, first column, last column, code."""
    codes = np.full((COLUMNS, 2), -128, np.int8)
    for label, first, last, code in bumps:
        codes[first:last, label] = code - 128
    seconds = (SPEC.window + (COLUMNS - 1) * SPEC.hop) / RATE
    return Trace(SPEC, ("yes", "no"), np.arange(COLUMNS), codes, seconds)


def _stream() -> Stream:
    """yes around column 100, no around column 300."""
    spoken = [Spoken(w, c * SPEC.hop, (c + 60) * SPEC.hop) for w, c in (("yes", 80), ("no", 280))]
    return Stream(np.zeros(COLUMNS * SPEC.hop + SPEC.window, np.int16), tuple(spoken))


def test_a_short_false_peak_asks_for_a_longer_mean_or_a_higher_threshold() -> None:
    trace = _trace((0, 100, 140, 240), (1, 300, 340, 240), (1, 200, 206, 250))
    choice = tune.choose_decision([(_stream(), trace)])
    assert (choice.score.hits, choice.score.wrong, choice.score.false_alarms) == (2, 0, 0)
    heard = spotting.smooth(trace, choice.decision.smoothing).detections(choice.decision)
    assert [detection.keyword for detection in heard] == ["yes", "no"]


def test_a_false_alarm_weighs_as_much_as_a_hit() -> None:
    """A weak no comes with two weak false alarms: it is not worth them, unless they cost little."""
    weak = [(1, start, start + 40, 200) for start in (200, 300, 500)]
    pair = [(_stream(), _trace((0, 100, 140, 250), *weak))]
    dear = tune.choose_decision(pair).score
    assert (dear.hits, dear.false_alarms) == (1, 0)
    cheap = tune.choose_decision(pair, cost=0.25).score
    assert (cheap.hits, cheap.false_alarms) == (2, 2)


def test_streams_are_of_validation_speakers_and_training_noise(
    tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artefact = tiny_artefact(tmp_path / "tiny")
    beds = []
    monkeypatch.setattr(
        streams, "bed", lambda noises, *rest: beds.append(noises) or noise.bed(noises, *rest)
    )
    made = tune.validation_streams(artefact, archive, 10)
    assert len(made) == len(streams.SNRS_DB)
    assert {spoken.word for spoken in made[0].spoken} == {"yes", "no"}
    assert len(made[0].spoken) == 2
    seconds = len(made[0].samples) / RATE
    assert seconds > 6 * streams.GAP[0]  # four other words are between them
    assert [[len(wave) for wave in bed] for bed in beds] == [[4 * RATE]] * 3


@pytest.mark.parametrize(("asked", "hop"), [([], 2), (["--hop", "4"], 4)])
def test_the_command_writes_what_it_chose(
    tmp_path: Path,
    archive: Path,
    capsys: pytest.CaptureFixture[str],
    asked: list[str],
    hop: int,
) -> None:
    artefact = tiny_artefact(tmp_path / "tiny")
    figures = {"test": {"clips": 1}, "streams": {}, "read_speech": {}}
    manifest = replace(artefact.manifest, figures=figures, decision=replace(DECISION, hop=2))
    Artefact.save(artefact.folder, manifest, artefact.model)
    argv = [str(artefact.folder), "--data", str(archive), "--words", "3", *asked]
    assert tune.main(argv) == 0
    tuned = Artefact.load(artefact.folder).manifest
    assert tuned.decision.hop == hop
    assert tuned.decision.smoothing in {columns // hop for columns in tune.SMOOTHING}
    assert tuned.figures == {"test": {"clips": 1}}  # the others were of another decision
    assert tuned.provenance["decision"]["words"] == 2 * len(streams.SNRS_DB)
    assert f"--words 3 --cost 1 --hop {hop}" in tuned.provenance["decision"]["command"]
    out = capsys.readouterr().out
    assert f"mean of {tuned.decision.smoothing} inferences" in out
    list(Spotter(Artefact.load(artefact.folder)).feed(np.zeros(RATE, np.int16)))


def test_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    artefact = tiny_artefact(tmp_path / "tiny")
    assert tune.main([str(artefact.folder), "--data", str(tmp_path / "absent")]) == 1
    err = capsys.readouterr().err
    assert err.startswith("python -m kws_train.tune: ")
    assert err.count("\n") == 1
