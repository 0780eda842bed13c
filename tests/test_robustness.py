"""Sweeps of noise and loudness: what is mixed and scaled, and the command that tells it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from kws.artefact import Artefact
from kws_train import evaluate, judge, noise, robustness
from kws_train.robustness import LOUDNESS_DB, MADE, SNRS_DB
from tiny_model import SPEC

RATE = SPEC.sample_rate
Wave = NDArray[np.int16]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, speech: dict[str, Wave]) -> Path:
    """A test set of yes, no and other words, and a folder of noise."""
    root = tmp_path_factory.mktemp("words")
    for name, wave in speech.items():
        word = name.split("-")[0]
        folder, stem = (word, "") if word in ("yes", "no") else ("_unknown_", f"{word}_")
        path = root / "tests" / folder / f"{stem}{name[-3:]}_nohash_0.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, wave, RATE, "PCM_16")
    (root / "noises").mkdir()
    hiss = np.random.default_rng(2).normal(0, 1000, RATE).astype(np.int16)
    soundfile.write(root / "noises" / "hiss.wav", hiss, RATE, "PCM_16")
    return root


def test_clean_clips_are_the_closed_set(tiny: Artefact, words: Path) -> None:
    sweep = robustness.snr_sweep(tiny, words / "tests")
    expected = judge.judge(tiny, words / "tests").closed_set()
    assert list(sweep.lines) == list(MADE)
    for shares in sweep.lines.values():
        assert list(shares) == ["clean", *(f"{snr:g} dB" for snr in SNRS_DB)]
        assert shares["clean"] == expected
        assert {share.total for share in shares.values()} == {4}


def test_each_condition_has_what_it_says(
    tiny: Artefact, words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The windows' levels, as they are handed to the front-end."""
    peaks: list[list[int]] = []
    made = robustness.data.windows

    def listen(waves: list[Wave], spec: object) -> NDArray[np.int8]:
        peaks.append([int(np.abs(wave.astype(np.int32)).max()) for wave in waves])
        return made(waves, SPEC)

    monkeypatch.setattr(robustness.data, "windows", listen)
    robustness.loudness_sweep(tiny, words / "tests")
    assert len(peaks) == len(LOUDNESS_DB)
    for level, found in zip(LOUDNESS_DB, peaks, strict=True):
        assert found == pytest.approx([32_767 * 10 ** (level / 20)] * 4, abs=1)


def test_more_noise_than_full_scale_is_scaled_back(speech: dict[str, Wave]) -> None:
    wave = speech["yes-flite"]
    loud = (wave * (32_000 / np.abs(wave.astype(np.int32)).max())).astype(np.int16)
    hiss = [np.random.default_rng(3).normal(0, 3000, RATE).astype(np.int16)]
    mixed = noise.in_noise(loud, RATE, hiss, -5.0, np.random.default_rng(4))
    assert np.abs(mixed.astype(np.int32)).max() == 32_767
    assert (np.abs(mixed.astype(np.int32)) == 32_767).sum() <= 2


def test_commands(
    tiny: Artefact, words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["--model", str(tiny.folder), "--data", str(words / "tests")]
    sweeps = {
        "--snr-sweep": ["--noise", str(words / "noises")],
        "--loudness-sweep": [],
    }
    for sweep, more in sweeps.items():
        png = tmp_path / f"{sweep}.png"
        assert evaluate.main([*argv, sweep, *more, "--plot", str(png)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "tiny on 4 clips of tests, closed set"
        assert max(map(len, lines)) < 100
        assert png.read_bytes().startswith(b"\x89PNG")
        assert evaluate.main([*argv, sweep, *more, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["model"], found["clips"]) == ("tiny", 4)
        assert list(found["closed_set"]) == (["recorded", *MADE] if more else ["clips"])


@pytest.mark.parametrize(
    "argv",
    [
        ["--snr-sweep", "--loudness-sweep", "--data", "x"],
        ["--snr-sweep"],
        ["--loudness-sweep", "--data", "x", "--noise", "x"],
        ["--data", "x", "--noise", "x"],
        ["--data", "x", "--plot", "x.png"],
        ["--snr-sweep", "--data", "x", "--det", "x.png"],
        ["--loudness-sweep", "--data", "x", "--confusion", "x.png"],
        ["--stream"],
        [],
        ["--data", "x", "--librispeech", "x"],
        ["--data", "x", "--stream", "--confusion", "x.png"],
        ["--data", "x", "--stream", "--list"],
        ["--data", "x", "--stream", "--words", "0"],
        ["--data", "x", "--stream", "--hours", "nan"],
    ],
)
def test_usage_errors(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        evaluate.main(["--model", "tiny", *argv])
    assert exit_info.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith("kws-eval: ")
    assert err.count("\n") == 1
