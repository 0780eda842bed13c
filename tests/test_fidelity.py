"""The integer front-end against the textbook in float64: 99 % equal, never more than 1 off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

import reference
from kws.artefact import DEFAULT_MODEL, Artefact, list_models
from kws.audio import read_audio
from kws.spec import FrontEnd
from kws_train.data import speech_commands
from twins import MFCC, SPECS, TWINS, Wave, extremes

LEVELS = pytest.mark.parametrize("decibels", [0, -20, -40])
EVERY = 30  # of the validation clips one in so many
KINDS = ("silence", "square", "click", "imum")  # "imum": DC, as low and as high as can be


def normalisation(spec: FrontEnd, waves: Iterable[Wave]) -> FrontEnd:
    """The default model's front-end; before there is one, that of the waves themselves."""
    if DEFAULT_MODEL in list_models():
        return Artefact.load(DEFAULT_MODEL).manifest.front_end
    return reference.normalised(spec, waves)


def at_level(wave: Wave, decibels: float) -> Wave:
    """The wave with its peak at so many decibels of full scale."""
    gain = 10 ** (decibels / 20) * np.iinfo(np.int16).max / max(1, np.abs(wave.astype(int)).max())
    return np.rint(wave * gain).astype(np.int16)


def assert_faithful(twin: str, front_end: FrontEnd, waves: Sequence[Wave]) -> None:
    """The one judgement of this file."""
    mfcc = MFCC[twin](front_end)
    columns = np.concatenate([mfcc.clip(wave) for wave in waves]).astype(int)
    textbook = np.concatenate([reference.columns(front_end, wave) for wave in waves])
    assert np.mean(columns == textbook) >= 0.99
    assert np.abs(columns - textbook).max() <= 1


@pytest.fixture(scope="module")
def clips(data: Path, spec: FrontEnd) -> list[Wave]:
    """Recordings of the validation set."""
    validation = speech_commands(data / "speech_commands")["validation"]
    return [read_audio(clip.path, spec.sample_rate) for clip in validation[::EVERY]]


@pytest.mark.data
@TWINS
@LEVELS
def test_recorded_speech(twin: str, decibels: float, spec: FrontEnd, clips: list[Wave]) -> None:
    front_end = normalisation(spec, clips)
    assert_faithful(twin, front_end, [at_level(wave, decibels) for wave in clips])


@TWINS
@LEVELS
def test_synthesised_speech(
    twin: str, decibels: float, spec: FrontEnd, speech: dict[str, Wave]
) -> None:
    front_end = normalisation(spec, speech.values())
    assert_faithful(twin, front_end, [at_level(wave, decibels) for wave in speech.values()])


@TWINS
def test_log_mel_of_speech(twin: str, speech: dict[str, Wave]) -> None:
    front_end = reference.normalised(SPECS["log-mel"], speech.values())
    assert_faithful(twin, front_end, list(speech.values()))


@TWINS
@pytest.mark.parametrize("kind", KINDS)
def test_extremes(twin: str, kind: str, spec: FrontEnd, speech: dict[str, Wave]) -> None:
    front_end = normalisation(spec, speech.values())
    waves = [wave for name, wave in extremes(spec.sample_rate).items() if kind in name]
    assert_faithful(twin, front_end, waves)


@TWINS
def test_the_faintest_speech_is_above_silence(twin: str, spec: FrontEnd) -> None:
    """Low levels end in the noise floor: silence is its logarithm, and no value is special."""
    mfcc = MFCC[twin](SPECS["default"])
    silence = mfcc.clip(np.zeros(spec.samples, np.int16))[:, 0]
    random = np.random.default_rng(1)
    faint = mfcc.clip(random.integers(-1, 2, spec.samples).astype(np.int16))[:, 0]
    loud = mfcc.clip(random.integers(-9, 10, spec.samples).astype(np.int16))[:, 0]
    assert silence.max() < faint.min() < loud.min()
