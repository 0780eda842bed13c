"""kws-eval: intervals against known values, figures of a clip set, and its errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from kws.artefact import Artefact
from kws.engine import open_engine
from kws.graph import flash_bytes, macs, read_graph
from kws.mfcc import Mfcc
from kws_train import evaluate, judge, plots
from kws_train.data import centred
from kws_train.intervals import Rate, Share, poisson, wilson
from kws_train.judge import NO_LABEL, Judgement
from tiny_model import SPEC, tiny_artefact

COPIES = 4


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    return tiny_artefact(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, speech: dict[str, NDArray[np.int16]]) -> Path:
    """A small test set: yes, no, left, _unknown_ and _silence_."""
    root = tmp_path_factory.mktemp("words")
    random = np.random.default_rng(3)
    for name, wave in speech.items():
        word = name.split("-")[0]
        folder, stem = {
            "yes": ("yes", ""),
            "no": ("no", ""),
            "left": ("left", ""),
            "seven": ("_unknown_", "seven_"),
        }.get(word, ("", ""))
        for copy in range(COPIES if folder else 0):
            noise = random.integers(-200, 200, len(wave), np.int16)
            _write(root / folder / f"{stem}{name[-3:]}{copy}_nohash_0.wav", wave // 2 + noise)
    for copy in range(COPIES):
        _write(
            root / "_silence_" / f"{copy}.wav", random.integers(-9, 9, SPEC.sample_rate, np.int16)
        )
    return root


def _write(path: Path, samples: NDArray[np.int16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, SPEC.sample_rate, "PCM_16")


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        (0, 10, 0.0, 0.27753),
        (95, 100, 0.88825, 0.97846),
        (81, 263, 0.25525, 0.36620),  # Newcombe, Statistics in Medicine 17 (1998), table I
        (15, 148, 0.06241, 0.16052),  # "
        (1, 29, 0.00611, 0.17176),  # "
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson(hits: int, total: int, low: float, high: float) -> None:
    assert wilson(hits, total) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(1, 0.0253, 5.572), (2, 0.242, 7.225), (10, 4.795, 18.39), (100, 81.36, 121.63)],
)
def test_poisson(count: int, low: float, high: float) -> None:
    """Garwood's table, in many textbooks."""
    assert poisson(count) == pytest.approx((low, high), rel=1e-3)


def test_no_event_bounds_the_rate_by_three_in_the_time() -> None:
    assert Rate(0, 2.0).interval == pytest.approx((0.0, 1.5), rel=2e-3)
    assert "0 in 2.00 h (below 1.5 per hour)" in str(Rate(0, 2.0))


def test_many_events_are_nearly_normal() -> None:
    low, high = poisson(10_000)
    assert low == pytest.approx(10_000 - 1.96 * 100, abs=5)
    assert high == pytest.approx(10_000 + 1.96 * 100, abs=5)


def test_figures_of_a_judgement() -> None:
    """Six clips: 2 of yes (1 right), 2 of no (2 right), 1 silent (right), 1 of another word."""
    posteriors = np.full((6, 3), -128, np.int8)
    for clip, heard in enumerate([0, 1, 1, 1, 2, 0]):
        posteriors[clip, heard] = 100
    judged = Judgement(
        ("yes", "no", "_silence_"),
        ("yes", "yes", "no", "no", "_silence_", "cat"),
        np.array([0, 0, 1, 1, 2, NO_LABEL]),
        posteriors,
    )
    assert judged.accuracy() == Share(3, 4)
    assert judged.accuracy(judged.labels) == Share(4, 5)
    assert judged.all_classes() == Share(4, 5)
    assert (judged.clips, judged.classes) == (4, 3)
    assert judged.per_word() == {"yes": Share(1, 2), "no": Share(2, 2)}
    assert judged.unscored == {"cat": 1}
    assert judged.confusion().tolist() == [[1, 1, 0], [0, 2, 0], [0, 0, 1]]
    accepts, rejects = judged.det()["yes"]
    assert accepts[[0, 227, 228]].tolist() == [0.25, 0.25, 0.0]  # threshold 228 is heard, 229 not
    assert rejects[[0, 227, 228]].tolist() == [0.5, 0.5, 1.0]


def test_a_closed_set_hears_keywords_alone() -> None:
    """The first yes is taken for silence, but for yes among the keywords; the second for no."""
    posteriors = np.array([[20, 10, 90], [10, 20, 90], [0, 1, -1], [9, 9, 100]], np.int8)
    answers = np.array([0, 0, 1, 2])
    words = ("yes", "yes", "no", "_silence_")
    judged = Judgement(("yes", "no", "_silence_"), words, answers, posteriors)
    assert judged.closed_set() == Share(2, 3)
    assert judged.accuracy() == Share(1, 3)
    assert judged.all_classes() == Share(2, 4)
    ten = Judgement(("yes", "no"), words[:3], answers[:3], posteriors[:3, :2])
    assert ten.closed_set() == ten.accuracy() == Share(2, 3)
    assert ten.all_classes() is None


def test_judging_is_one_centred_window_a_clip(tiny: Artefact, words: Path) -> None:
    judged = judge.judge(tiny, words)
    assert len(judged.words) == 9 * COPIES
    engine, mfcc = open_engine(tiny), Mfcc(SPEC)
    path = min((words / "yes").iterdir())
    samples, _ = soundfile.read(path, dtype="int16")
    first = judged.words.index("yes")
    expected = engine.infer(mfcc.clip(centred(samples, SPEC.samples)))
    assert judged.posteriors[first].tolist() == expected.tolist()
    assert judged.unscored == {"_unknown_": 2 * COPIES, "left": 2 * COPIES}


def test_posteriors_do_not_depend_on_the_cores(
    tiny: Artefact, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = np.random.default_rng(1).integers(-128, 128, (300, 20, 38), np.int8)
    engine = open_engine(tiny)
    one = [engine.infer(window).tolist() for window in windows]
    for cores in (1, 3):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert judge.posteriors(tiny, windows).tolist() == one


def test_json(tiny: Artefact, words: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--model", str(tiny.folder), "--data", str(words)]
    assert evaluate.main([*argv, "--json"]) == 0
    out, err = capsys.readouterr()
    found, graph = json.loads(out), read_graph(tiny.model)
    keys = ["model", "clips", "accuracy", "interval", "closed_set", "all_classes", "per_word"]
    assert list(found) == [*keys, "flash_bytes", "macs"]
    assert found["closed_set"]["total"] == found["clips"]
    assert found["closed_set"]["value"] >= found["accuracy"]
    assert found["all_classes"]["total"] == 5 * COPIES  # silence as well
    assert err == ""
    assert (found["model"], found["clips"]) == ("tiny", 4 * COPIES)
    assert found["interval"][0] <= found["accuracy"] <= found["interval"][1]
    assert list(found["per_word"]) == ["yes", "no"]
    assert found["accuracy"] == pytest.approx(np.mean(list(found["per_word"].values())))
    assert (found["flash_bytes"], found["macs"]) == (flash_bytes(graph), macs(graph))


def test_report(tiny: Artefact, words: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["--model", str(tiny.folder), "--data", str(words)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"tiny on {4 * COPIES} clips of {words.name}\n")
    assert f"not scored: {4 * COPIES} clips without a label of the model" in out
    assert "accuracy over 2 commands, closed set" in out
    assert "accuracy over 2 commands, all outputs" in out
    assert f"accuracy over 3 classes, {5 * COPIES} clips" in out
    assert "\n_silence_ " in out
    assert "3,824 bytes" in out


def test_plots(tiny: Artefact, words: Path, tmp_path: Path) -> None:
    argv = ["--model", str(tiny.folder), "--data", str(words), "--json"]
    pngs = [tmp_path / "new" / name for name in ("confusion.png", "det.png")]
    assert evaluate.main([*argv, "--confusion", str(pngs[0]), "--det", str(pngs[1])]) == 0
    assert all(png.read_bytes().startswith(b"\x89PNG") for png in pngs)


def test_file_names_do_not_matter(tiny: Artefact, words: Path, tmp_path: Path) -> None:
    for folder, source in (("yes", "yes"), ("_unknown_", "_unknown_")):
        (tmp_path / folder).mkdir()
        for number, path in enumerate((words / source).iterdir()):
            (tmp_path / folder / f"{number}.wav").symlink_to(path)
    judged = judge.judge(tiny, tmp_path)
    assert judged.unscored == {"_unknown_": 2 * COPIES}
    assert judged.accuracy().total == 2 * COPIES


def test_unreadable_clips_are_named_and_counted(
    tiny: Artefact, words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "yes").symlink_to(words / "yes")
    (tmp_path / "no").mkdir()
    (tmp_path / "no" / "broken_nohash_0.wav").write_bytes(b"RIFF nothing")
    (tmp_path / "no" / "empty_nohash_0.flac").write_bytes(b"")
    assert evaluate.main(["--model", str(tiny.folder), "--data", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert "not readable, skipped: 2 clips" in out
    assert [line.startswith("skipped: ") for line in err.splitlines()] == [True, True]
    assert "broken_nohash_0.wav" in err
    assert f"tiny on {2 * COPIES} clips" in out


@pytest.mark.parametrize(
    ("model", "folder", "message"),
    [
        ("tiny", "absent", "absent is not a folder"),
        ("tiny", "empty", "no recordings found"),
        ("tiny", "strange", "none of its folders (cat) is a word of tiny; expected some of: yes"),
        ("tiny", "broken", "none of its 1 clips can be read"),
        ("no-such-model", "empty", "no model 'no-such-model'"),
    ],
)
def test_errors_are_one_line(
    tiny: Artefact,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    model: str,
    folder: str,
    message: str,
) -> None:
    for name in ("empty", "strange/cat", "broken/yes"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "strange" / "cat" / "a_nohash_0.wav").touch()
    (tmp_path / "broken" / "yes" / "a_nohash_0.wav").touch()
    name = str(tiny.folder) if model == "tiny" else model
    assert evaluate.main(["--model", name, "--data", str(tmp_path / folder)]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("kws-eval: ")
    assert message in err


def test_plots_without_matplotlib_are_refused_at_once(
    tiny: Artefact,
    words: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plots.importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(evaluate, "judge", None)
    argv = ["--model", str(tiny.folder), "--data", str(words), "--det", "x.png"]
    assert evaluate.main(argv) == 1
    assert "pip install matplotlib" in capsys.readouterr().err


def test_neither_tensorflow_nor_matplotlib_is_imported(tiny: Artefact, words: Path) -> None:
    argv = ["--model", str(tiny.folder), "--data", str(words), "--json"]
    check = (
        "import sys; from kws_train import evaluate; "
        f"assert evaluate.main({argv!r}) == 0; "
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'qkeras', 'matplotlib')))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()


def test_usage_errors() -> None:
    with pytest.raises(SystemExit) as exit_info:
        evaluate.main(["--model", "tiny"])
    assert exit_info.value.code == 2
