"""kws-features and kws_host --columns: the same columns from both command lines."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws import features
from kws.audio import read_audio
from kws.mfcc import Mfcc
from tiny_model import SPEC, tiny_artefact
from twins import Wave, build_host


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder."""
    return tiny_artefact(tmp_path_factory.mktemp("models") / "tiny").folder


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """kws_host with that model's front-end."""
    return build_host(tmp_path_factory.mktemp("host"), model)


def columns_of(recording: Path, model: Path) -> np.ndarray:
    """What kws-features writes."""
    out = recording.with_suffix(".columns")
    assert features.main([str(recording), "--out", str(out), "--model", str(model)]) == 0
    return np.load(out)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize(("suffix", "subtype"), [("wav", "FLOAT"), ("flac", "PCM_24")])
def test_any_recording(tmp_path: Path, model: Path, rate: int, suffix: str, subtype: str) -> None:
    path = tmp_path / f"noise.{suffix}"
    noise = np.random.default_rng(1).uniform(-0.3, 0.3, (rate, 2))
    soundfile.write(path, noise, rate, subtype=subtype)
    columns = columns_of(path, model)
    assert columns.dtype == np.int8
    np.testing.assert_array_equal(columns, Mfcc(SPEC).clip(read_audio(path, SPEC.sample_rate)))


def test_both_command_lines_agree(
    tmp_path: Path, model: Path, host: Path, speech: dict[str, Wave]
) -> None:
    path = tmp_path / "speech.wav"
    soundfile.write(path, np.concatenate(list(speech.values())), SPEC.sample_rate)
    printed = subprocess.run(
        [host, "--columns", path], check=True, capture_output=True, text=True
    ).stdout
    columns = columns_of(path, model)
    assert printed == "".join(" ".join(map(str, column)) + "\n" for column in columns)


def test_too_short_for_a_column(tmp_path: Path, model: Path) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, np.zeros(SPEC.window - 1), SPEC.sample_rate)
    assert columns_of(path, model).shape == (0, SPEC.coefficients)


def test_what_goes_wrong_is_one_line(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture
) -> None:
    good = tmp_path / "good.wav"
    soundfile.write(good, np.zeros(600), SPEC.sample_rate)
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    out = tmp_path / "out.npy"
    for recording, model_name, target, named in (
        (bad, model, out, bad),
        (tmp_path / "none.wav", model, out, "none.wav"),
        (good, "no-such-model", out, "no-such-model"),
        (good, model, tmp_path / "none" / "out.npy", "none"),
    ):
        arguments = [str(recording), "--out", str(target), "--model", str(model_name)]
        assert features.main(arguments) == 1
        error = capsys.readouterr().err
        assert error.startswith("kws-features: ")
        assert error.count("\n") == 1
        assert str(named) in error
        assert not target.exists()


def test_usage(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit, match="2"):
        features.main([])
    assert "--out" in capsys.readouterr().err
