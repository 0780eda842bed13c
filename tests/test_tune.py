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
from kws_train import background, material, negatives, noise, spotting, streams, tune
from kws_train.data import NOISE
from kws_train.noise import Wave
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


def _heard_nothing(*bumps: tuple[int, int, int, int]) -> list[tuple[str, Trace]]:
    """Ten minutes of negative material, with some false peaks in the first of sixty traces."""
    return [("words", _trace(*(bumps if i == 0 else ()))) for i in range(60)]


def test_a_short_false_peak_asks_for_a_longer_mean_or_a_higher_threshold() -> None:
    trace = _trace((0, 100, 140, 240), (1, 300, 340, 240))
    negative = _heard_nothing((1, 200, 206, 250))
    choice = tune.choose_decision([(_stream(), trace)], negative)
    assert (choice.score.hits, choice.score.wrong, choice.score.false_alarms) == (2, 0, 0)
    heard = spotting.smooth(trace, choice.decision.smoothing).detections(choice.decision)
    assert [detection.keyword for detection in heard] == ["yes", "no"]
    assert choice.accepts["words"].count == 0
    assert choice.accepts["words"].hours == pytest.approx(60 * trace.seconds / 3600)


def test_each_word_has_its_own_threshold_and_the_target_decides() -> None:
    """A weak no is not worth three false accepts in ten minutes, unless many are allowed."""
    pair = [(_stream(), _trace((0, 100, 140, 150), (1, 300, 340, 200)))]
    negative = _heard_nothing(*((1, start, start + 40, 230) for start in (50, 250, 450)))
    strict = tune.choose_decision(pair, negative, target=3.0)
    assert strict.score.hits == 1
    threshold = strict.decision.threshold
    assert isinstance(threshold, dict)
    assert threshold["yes"] <= 150 / 256 < 230 / 256 < threshold["no"]
    assert strict.accepts["words"].count == 0
    assert strict.expected <= 3.0
    loose = tune.choose_decision(pair, negative, target=40.0)
    assert (loose.score.hits, loose.accepts["words"].count) == (2, 3)
    assert list(loose.others) == list(tune.OTHERS)


def test_a_hit_is_not_worth_two_false_alarms(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long mean tells no from a false peak, but needs a threshold that a drone of yes passes."""
    drone = (0, 400, 580, 200)
    pair = [(_stream(), _trace((0, 100, 130, 250), (1, 300, 340, 200), drone))]
    negative = _heard_nothing((1, 200, 210, 250))
    scores = {}
    for lengths in ((4,), (40,), (4, 40)):
        monkeypatch.setattr(tune, "SMOOTHING", lengths)
        choice = tune.choose_decision(pair, negative, target=3.0)
        scores[lengths] = choice.decision.smoothing, choice.score.hits, choice.score.false_alarms
    assert scores == {(4,): (4, 1, 0), (40,): (40, 2, 2), (4, 40): (4, 1, 0)}


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[list[Wave]]:
    """The recordings that tracks of noise are made of, each time."""
    found: list[list[Wave]] = []
    tracks = background.tracks
    monkeypatch.setattr(
        background, "tracks", lambda waves, *rest: found.append(waves) or tracks(waves, *rest)
    )
    return found


def test_streams_are_of_validation_speakers_and_training_noise(
    tmp_path: Path, archive: Path, heard: list[list[Wave]], monkeypatch: pytest.MonkeyPatch
) -> None:
    artefact = tiny_artefact(tmp_path / "tiny")
    beds = []
    monkeypatch.setattr(
        streams, "bed", lambda noises, *rest: beds.append(noises) or noise.bed(noises, *rest)
    )
    made = material.validation_streams(
        artefact, archive, material.tuning_noises(artefact, archive), 10
    )
    assert len(made) == len(streams.SNRS_DB)
    assert {spoken.word for spoken in made[0].spoken} == {"yes", "no"}
    assert len(made[0].spoken) == 2
    seconds = len(made[0].samples) / RATE
    assert seconds > 6 * streams.GAP[0]  # four other words are between them
    assert [[len(wave) for wave in recordings] for recordings in heard] == [[4 * RATE]]
    assert [len(bed) for bed in beds] == [material.TRACKS] * 3


def test_negative_material_is_of_other_words_and_training_noise(
    tmp_path: Path, archive: Path, heard: list[list[Wave]], monkeypatch: pytest.MonkeyPatch
) -> None:
    artefact = tiny_artefact(tmp_path / "tiny")
    asked, join = [], negatives.joined_words
    monkeypatch.setattr(
        negatives,
        "joined_words",
        lambda clips, noises, *rest: asked.append((clips, noises)) or join(clips, noises, *rest),
    )
    made = list(
        material.negative_material(
            artefact, archive, material.tuning_noises(artefact, archive), 0.1
        )
    )
    kinds = [kind for kind, _ in made]
    assert kinds[:2] == ["joined words"] * 2
    assert set(kinds) >= {"joined words", "noise alone"}
    seconds = sum(len(wave) for kind, wave in made if kind == "joined words") / RATE
    assert seconds == pytest.approx(360)
    assert not np.array_equal(made[0][1][:RATE], made[1][1][:RATE])
    assert [[len(wave) for wave in recordings] for recordings in heard] == [[4 * RATE]]
    for clips, noises in asked:
        assert len(clips) == 4  # flite's words but yes and no
        assert len(noises) == material.TRACKS


def test_recorded_speech_counts_as_what_has_no_command(
    tmp_path: Path, archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artefact = tiny_artefact(tmp_path / "tiny")
    (tmp_path / "read" / "aloud").mkdir(parents=True)
    murmur = np.random.default_rng(6).normal(0, 900, 310 * RATE).astype(np.int16)
    soundfile.write(tmp_path / "read" / "aloud" / "a.flac", murmur, RATE, "PCM_16")
    cut = list(material.recorded_speech(tmp_path / "read", RATE))
    assert np.array_equal(np.concatenate([wave for _, wave in cut]), murmur)
    assert [len(wave) / RATE for _, wave in cut] == [300, 10]
    argv = [str(artefact.folder), "--data", str(archive), "--words", "2", "--hours", "0.01"]
    assert tune.main([*argv, "--speech", str(tmp_path / "read")]) == 0
    made = Artefact.load(artefact.folder).manifest.provenance["decision"]
    assert made["command"].endswith("--speech DIR")
    assert made["false_accepts"]["recorded speech"]["hours"] == pytest.approx(310 / 3600, abs=1e-3)
    assert "recorded speech" in capsys.readouterr().out
    assert tune.main([*argv, "--speech", str(tmp_path / "nowhere")]) == 1
    assert (
        "nowhere: no recordings; expected speech, whatever is said in it" in capsys.readouterr().err
    )


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
    argv = [str(artefact.folder), "--data", str(archive), "--words", "3", "--hours", "0.02", *asked]
    assert tune.main(argv) == 0
    tuned = Artefact.load(artefact.folder).manifest
    assert tuned.decision.hop == hop
    assert tuned.decision.smoothing in {columns // hop for columns in tune.SMOOTHING}
    assert tuned.figures == {"test": {"clips": 1}}  # the others were of another decision
    assert tuned.provenance["decision"]["words"] == 2 * len(streams.SNRS_DB)
    assert set(tuned.decision.threshold) == {"yes", "no", "up", "down"}
    made = tuned.provenance["decision"]
    assert made["command"].startswith(f"kws-tune tiny --data DIR --target 1 --hop {hop} --words 3")
    assert made["target"] == 1
    assert made["false_accepts"]["joined words"]["hours"] == pytest.approx(0.02)
    out = capsys.readouterr().out
    assert f"mean of {tuned.decision.smoothing} inferences" in out
    list(Spotter(Artefact.load(artefact.folder)).feed(np.zeros(RATE, np.int16)))


def test_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    artefact = tiny_artefact(tmp_path / "tiny")
    assert tune.main([str(artefact.folder), "--data", str(tmp_path / "absent")]) == 1
    err = capsys.readouterr().err
    assert err.startswith("kws-tune: ")
    assert err.count("\n") == 1
