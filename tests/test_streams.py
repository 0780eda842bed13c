"""Streams: how they are spliced, how detections are scored, and that one pass is the spotter."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kws.artefact import Artefact
from kws.decide import Detection
from kws.smooth import Smoother
from kws.spotter import Spotter
from kws_train import evaluate, streams, sweep
from kws_train import noise as background
from kws_train.data import NOISE, DataError
from kws_train.spotting import Score, Trace, record, score, smooth
from kws_train.stream_judge import THRESHOLDS, Recordings, judge_streams
from kws_train.stream_report import report
from kws_train.streams import Spoken, Stream
from tiny_model import DECISION, SPEC, tiny_artefact

RATE = SPEC.sample_rate
Wave = NDArray[np.int16]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    return tiny_artefact(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def noise() -> list[Wave]:
    random = np.random.default_rng(8)
    return [random.normal(0, level, 3 * RATE).astype(np.int16) for level in (30, 3000)]


@pytest.fixture(scope="module")
def material(
    tmp_path_factory: pytest.TempPathFactory, speech: dict[str, Wave], noise: list[Wave]
) -> Path:
    """A test set (words), an archive's noise (archive) and read speech (read)."""
    root = tmp_path_factory.mktemp("material")

    def write(path: Path, samples: Wave) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, RATE, "PCM_16")

    for name, wave in speech.items():
        word = name.split("-")[0]
        if word in ("yes", "no", "left"):
            write(root / "words" / word / f"{name}_nohash_0.wav", wave)
    for number, wave in enumerate(noise):
        write(root / "archive" / NOISE / f"{number}.wav", wave)
        write(root / "noises" / f"{number}.wav", wave)
    for speaker in ("12", "34"):
        lines = []
        for number, words in enumerate([("seven", "yes", "go"), ("stop", "no"), ("left", "go")]):
            name = f"{speaker}-7-{number:04}"
            read = np.concatenate([speech[f"{word}-espeak-ng"] for word in words])
            write(root / "read" / speaker / f"{name}.flac", read)
            lines.append(f"{name} {' '.join(words).upper()}")
        lines.append(f"{speaker}-7-0099 NOT HERE")
        (root / "read" / speaker / f"{speaker}-7.trans.txt").write_text("\n".join(lines))
    return root


# splicing


def test_words_lie_where_they_are_said_to(speech: dict[str, Wave]) -> None:
    words = [("yes", speech["yes-flite"]), ("no", speech["no-flite"])] * 5
    stream = streams.splice(words, RATE)
    low, high = (gap * RATE for gap in streams.GAP)
    edges = [0, *(edge for s in stream.spoken for edge in (s.start, s.end)), len(stream.samples)]
    gaps = np.diff(edges)[::2]
    assert [s.word for s in stream.spoken] == [word for word, _ in words]
    assert (gaps >= low - 1).all()
    assert (gaps <= high + 1).all()
    assert len(set(gaps.tolist())) > 5
    silent = np.ones(len(stream.samples), bool)
    for spoken, (_, wave) in zip(stream.spoken, words, strict=True):
        silent[spoken.start : spoken.end] = False
        placed = stream.samples[spoken.start : spoken.end]
        assert background.level_db(placed, RATE) == pytest.approx(streams.LEVEL_DB, abs=0.1)
        assert np.corrcoef(placed, wave)[0, 1] > 0.999
    assert not stream.samples[silent].any()


def test_every_condition_has_the_words_at_the_same_times(
    speech: dict[str, Wave], noise: list[Wave]
) -> None:
    words = [("yes", speech["yes-flite"])] * 3
    quiet = streams.splice(words, RATE)
    loud = streams.splice(words, RATE, noise, 5.0)
    assert quiet.spoken == loud.spoken
    assert np.array_equal(loud.samples, streams.splice(words, RATE, noise, 5.0).samples)
    other = streams.splice(words, RATE, noise, 5.0, seed=2)
    assert other.spoken != loud.spoken


@pytest.mark.parametrize("snr_db", [20.0, 10.0, 5.0])
def test_the_noise_lies_below_the_words(noise: list[Wave], snr_db: float) -> None:
    """Both recordings, one of them a hundred times as loud as the other."""
    stream = streams.splice([("yes", np.zeros(RATE, np.int16))] * 9, RATE, noise, snr_db)
    levels = [background.level_db(part, RATE) for part in np.array_split(stream.samples, 20)]
    assert levels == pytest.approx([streams.LEVEL_DB - snr_db] * 20, abs=0.5)


def test_a_clip_in_noise(speech: dict[str, Wave], noise: list[Wave]) -> None:
    wave, rng = speech["yes-flite"], np.random.default_rng(1)
    mixed = background.in_noise(wave, RATE, noise, 10.0, rng)
    added = (mixed.astype(np.int32) - wave).astype(np.int16)
    level = background.level_db(wave, RATE)
    assert background.level_db(added, RATE) == pytest.approx(level - 10, abs=0.5)


def test_no_noise_is_refused() -> None:
    with pytest.raises(DataError, match="no background noise"):
        streams.splice([("yes", np.ones(9, np.int16))], RATE, [], 5.0)


def test_only_the_part_that_training_never_hears(material: Path, noise: list[Wave]) -> None:
    for folder in (material / "archive", material / "archive" / NOISE):
        judged = background.read_noises([folder], RATE)
        assert [len(wave) for wave in judged] == [len(wave) // 5 for wave in noise]
        assert np.array_equal(judged[0], noise[0][-len(judged[0]) :])
    whole = background.read_noises([material / "noises", material / "noises"], RATE)
    assert [len(wave) for wave in whole] == 2 * [len(wave) for wave in noise]
    with pytest.raises(DataError, match="read: no background noise"):
        background.read_noises([material / "archive", material / "nothing" / "read"], RATE)


# read speech


def test_read_speech_is_cut_evenly(material: Path) -> None:
    whole = list(streams.librispeech(material / "read", RATE, 1.0))
    assert [reading.name for reading in whole] == ["12-7", "34-7"]
    assert [u.words.count("go") for u in whole[0].utterances] == [1, 0, 1]
    assert whole[0].utterances[1].path.name == "12-7-0001.flac"
    assert list(streams.librispeech(material / "read", RATE))[1].utterances == whole[1].utterances
    assert whole[0].utterances[-1].end == len(whole[0].samples)
    hours = 2.0 * len(whole[0].samples) / RATE / 3600 / 3
    short = list(streams.librispeech(material / "read", RATE, hours))
    assert [len(reading.utterances) for reading in short] == [1, 1]


def test_read_speech_without_transcripts_or_recordings(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no \*\.trans\.txt"):
        list(streams.librispeech(tmp_path, RATE, 1.0))
    (tmp_path / "1-2.trans.txt").write_text("1-2-0000 SOME WORDS\n")
    with pytest.raises(DataError, match="none of the recordings"):
        list(streams.librispeech(tmp_path, RATE, 1.0))


# scoring


def _heard(*pairs: tuple[float, str]) -> list[Detection]:
    return [Detection(round(time / SPEC.hop_seconds), word, 230, time) for time, word in pairs]


TWO_WORDS = Stream(
    np.zeros(10 * RATE, np.int16),
    (Spoken("yes", 1 * RATE, 2 * RATE), Spoken("no", 5 * RATE, 6 * RATE)),
)


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        ([], (0, 0, 0)),
        ([(1.0, "yes"), (6.5, "no")], (2, 0, 0)),  # both ends of the interval
        ([(0.99, "yes"), (6.51, "no")], (0, 0, 2)),
        ([(2.2, "no")], (0, 1, 0)),
        ([(1.5, "no"), (2.2, "yes")], (1, 1, 0)),  # both
        ([(1.5, "yes"), (2.2, "yes")], (1, 0, 1)),  # a double trigger
        ([(1.5, "no"), (2.2, "go")], (0, 1, 1)),
        ([(0.1, "yes"), (3.0, "yes"), (9.9, "go")], (0, 0, 3)),
    ],
)
def test_score(heard: list[tuple[float, str]], expected: tuple[int, int, int]) -> None:
    found = score(TWO_WORDS, _heard(*heard), RATE)
    assert (found.hits, found.wrong, found.false_alarms) == expected
    assert found.words == 2
    assert found.hits + found.wrong + found.false_alarms == len(heard)
    assert found.hours == pytest.approx(10 / 3600)


def test_scores_add_up() -> None:
    total = sum([Score(2, 1, 1, 3, 0.5), Score(2, 1, 0, 1, 0.5)], Score())
    assert total == Score(4, 2, 1, 4, 1.0)
    assert (total.hit_rate.value, total.wrong_rate.value) == (0.5, 0.25)
    assert total.alarm_rate.value == 4.0


# one pass equals the spotter


def _stream(speech: dict[str, Wave], noise: list[Wave]) -> Wave:
    words = [(name.split("-")[0], wave) for name, wave in speech.items()]
    return streams.splice(words, RATE, noise, 10.0).samples


@pytest.mark.parametrize("hop", [1, 2, 5])
@pytest.mark.parametrize("smoothing", [1, 3, 20])
def test_one_pass_and_any_threshold_equal_the_spotter(
    tiny: Artefact, speech: dict[str, Wave], noise: list[Wave], smoothing: int, hop: int
) -> None:
    samples = _stream(speech, noise)[: 12 * RATE]
    decision = replace(DECISION, smoothing=smoothing, hop=hop, refractory=25)
    artefact = replace(tiny, manifest=replace(tiny.manifest, decision=decision))
    smoothed = smooth(record(artefact, samples), smoothing)
    several = {"yes": 0.3, "no": 0.9, "up": 0.6, "down": 0.95}
    manifest = replace(artefact.manifest, decision=replace(decision, threshold=several))
    expected = list(Spotter(replace(artefact, manifest=manifest)).feed(samples))
    assert smoothed.detections(manifest.decision) == expected != []
    for threshold in (0.1, 0.6, 0.9, 1.0):
        expected = list(Spotter(artefact, threshold=threshold).feed(samples))
        assert smoothed.detections(replace(decision, threshold=threshold)) == expected
        assert expected or threshold == 1.0


@settings(max_examples=15, deadline=None)
@given(length=st.integers(0, 3 * RATE), seed=st.integers(0, 9))
def test_streams_of_any_length(tiny: Artefact, length: int, seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-20000, 20000, length, np.int16)
    smoothed = smooth(record(tiny, samples), DECISION.smoothing)
    assert smoothed.detections(DECISION) == list(Spotter(tiny).feed(samples))


@given(st.integers(0, 40), st.integers(1, 50), st.integers(0, 9))
def test_sums_are_the_smoothers(inferences: int, length: int, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(-128, 128, (inferences, 2)).astype(np.int8)
    smoothed = smooth(Trace(SPEC, ("yes", "no"), np.arange(inferences), codes, 0.0), length)
    smoother = Smoother(2, length)
    for row, sums, count in zip(codes, smoothed.sums, smoothed.counts, strict=True):
        assert (smoother.push(row).tolist(), smoother.count) == (sums.tolist(), count)


def test_a_trace_of_another_smoothing_is_refused(tiny: Artefact) -> None:
    smoothed = smooth(record(tiny, np.zeros(RATE, np.int16)), 3)
    with pytest.raises(ValueError, match="smoothing is 4, this trace's 3"):
        smoothed.detections(replace(DECISION, smoothing=4))


# the command


def _argv(tiny: Artefact, material: Path) -> list[str]:
    return [
        *("--model", str(tiny.folder), "--stream", "--data", str(material / "words")),
        *("--noise", str(material / "archive"), "--librispeech", str(material / "read")),
        *("--words", "5", "--hours", "1", "--noise-hours", "0.01"),
    ]


def test_json(tiny: Artefact, material: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main([*_argv(tiny, material), "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert list(found) == ["model", "decision", "streams", "read_speech", "mixed_noise", "bars"]
    assert list(found["streams"]) == ["silence", "20 dB", "10 dB", "5 dB"]
    for values in found["streams"].values():
        assert values["words"] == 4  # two of yes, two of no: left is not the model's
        assert values["hit_rate"]["value"] == values["hits"] / 4
        assert values["reject_rate"]["hits"] == 4 - values["hits"]
    assert found["read_speech"]["hours"] == pytest.approx(found["read_speech"]["rate"]["hours"])
    assert found["mixed_noise"]["hours"] == pytest.approx(0.01)
    bars = {bar["what"]: bar for bar in found["bars"]}
    assert list(bars) == [
        *("false accepts, read speech", "false accepts, mixed noise"),
        *("false rejects at 10 dB", "false rejects in silence"),
    ]
    missed = found["streams"]["10 dB"]["reject_rate"]["value"]
    assert bars["false rejects at 10 dB"]["value"] == missed
    assert bars["false rejects at 10 dB"]["met"] == (missed <= 0.08)
    assert "listed" not in found["read_speech"]


def test_report_and_plot(
    tiny: Artefact, material: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    png = tmp_path / "det.png"
    assert evaluate.main([*_argv(tiny, material), "--det", str(png)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("tiny: mean of 3 inferences, threshold 0.6, refractory 15 columns")
    assert "words of words, spliced" in lines
    assert any(line.startswith("5 dB ") for line in lines)
    assert any(line.startswith("false accepts ") for line in lines)
    assert any(line.startswith("mixed noise, 0.01 h") for line in lines)
    assert any(line.endswith(" missed") for line in lines)
    assert png.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("several", [False, True])
def test_a_higher_threshold_detects_less(tiny: Artefact, material: Path, several: bool) -> None:
    if several:
        threshold = {"yes": 0.3, "no": 0.9, "up": 0.6, "down": 0.95}
        decision = replace(DECISION, threshold=threshold)
        tiny = replace(tiny, manifest=replace(tiny.manifest, decision=decision))
    judged = judge_streams(tiny, Recordings(material / "words", speech=material / "read"))
    assert list(judged.spliced) == ["silence"]
    accepts_by_threshold = [judged.accepts(level).false for level in THRESHOLDS]
    assert accepts_by_threshold[0] > accepts_by_threshold[-1]
    points = judged.curves()["silence"]
    assert points[0][0].value > points[-1][0].value  # false accepts
    assert points[0][1].value < points[-1][1].value  # false rejects
    assert not judged.mixed
    at = sweep.level(tiny.manifest.decision)
    assert judged.accepts(at) == judged.accepts()
    assert f"\n{at:<11.3f}" in "\n".join(report(judged))


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--data", "nowhere"], "nowhere is not a folder"),
        (["--librispeech", "nowhere"], "nowhere: no *.trans.txt"),
        (["--librispeech", "x", "--noise", "nowhere"], "nowhere: no background noise"),
    ],
)
def test_errors_are_one_line(
    tiny: Artefact, capsys: pytest.CaptureFixture[str], argv: list[str], message: str
) -> None:
    assert evaluate.main(["--model", str(tiny.folder), "--stream", *argv]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("kws-eval: ")
    assert message in err
