from __future__ import annotations

import configparser
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws import listen
from kws.artefact import DEFAULT_MODEL, Artefact, list_models
from kws.audio import read_audio
from kws.decide import is_keyword
from kws.spotter import Spotter

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

sys.path.insert(0, str(EXAMPLES))

import make_commands  # noqa: E402


def test_commands_are_a_plain_recording() -> None:
    info = soundfile.info(make_commands.OUT)
    assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")


@pytest.mark.parametrize("name", sorted({DEFAULT_MODEL, "st-float"} & {*list_models()}))
def test_models_hear_every_command_once(name: str) -> None:
    artefact = Artefact.load(name)
    samples = read_audio(make_commands.OUT, artefact.manifest.front_end.sample_rate)
    heard = [detection.keyword for detection in Spotter(artefact).feed(samples)]
    assert heard == list(make_commands.CAST)
    assert sorted(heard) == sorted(filter(is_keyword, artefact.manifest.labels))


@pytest.mark.parametrize("program", ["flite", "espeak-ng"])
def test_voices_always_say_the_same(program: str) -> None:
    voice = next(voice for voice in make_commands.VOICES if voice.startswith(program))
    once, again = (make_commands.speak("yes", voice) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    loudness = np.sqrt(np.mean(np.square(once, dtype=float)))
    assert loudness == pytest.approx(make_commands.LEVEL, rel=0.05)


def test_the_room_is_never_silent() -> None:
    wave = np.full(1_000, 5_000, np.int16)
    track = make_commands.in_a_room([wave, wave])
    quiet = round(make_commands.PAUSE_SECONDS * make_commands.RATE)
    assert len(track) == 3 * quiet + 2 * len(wave)
    assert 0 < np.abs(track[:quiet]).max() < 100


def test_the_service_starts_a_command_that_is(capsys: pytest.CaptureFixture[str]) -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.read_string((EXAMPLES / "kws-listen.service").read_text())
    program, *options = shlex.split(unit["Service"]["ExecStart"])
    assert program == "%h/kws-listen/.venv/bin/kws-listen"
    assert listen.main([*options, "--wav", str(make_commands.OUT)]) == 0
    assert capsys.readouterr().out.startswith('{"time": ')
