"""What tests share: recordings where there are some, speech synthesised where there are none."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from kws.artefact import Artefact
from kws.audio import read_audio
from kws.spec import FrontEnd
from kws_train.extras import TRAINING, missing
from tiny_model import tiny_artefact

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("KWS_DATA") or ROOT.parent / "shared" / "data")

WORDS = ("yes", "no", "left", "stop", "go", "seven")
VOICES = {
    "espeak-ng": lambda word, path: ["espeak-ng", "-v", "en-us", "-s", "150", "-w", path, word],
    "flite": lambda word, path: ["flite", "-voice", "slt", "-t", word, "-o", path],
}

# how long an example takes says more about what else the machine does
hypothesis.settings.register_profile("kws", deadline=None)
hypothesis.settings.load_profile("kws")

UNMET: pytest.StashKey[dict[str, int]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the recordings are that take long."""
    parser.addoption("--minutes", type=float, default=0.25, help="of audio for emulated boards")


def _lacking() -> dict[str, str]:
    """Why tests of a marker cannot run here, by marker."""
    reasons = {}
    if not DATA.is_dir():
        reasons["data"] = f"no recordings in {DATA}; KWS_DATA names their folder"
    if absent := missing(*TRAINING):
        reasons["train"] = f"{', '.join(absent)} not installed; pip install -e '.[train]'"
    return reasons


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that need what is not here, and count them."""
    lacking = _lacking()
    unmet = [next((m for m in lacking if item.get_closest_marker(m)), None) for item in items]
    counts = config.stash.setdefault(UNMET, {})
    for marker in filter(None, unmet):
        counts[marker] = counts.get(marker, 0) + 1
    if left_out := [item for item, marker in zip(items, unmet, strict=True) if marker]:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item, marker in zip(items, unmet, strict=True) if not marker]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a worker's counts to the process that prints the summary (pytest-xdist)."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["unmet"] = session.config.stash.get(UNMET, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take a worker's counts; every worker collects all tests, so that one is enough."""
    output: Mapping[str, dict[str, int]] = getattr(node, "workeroutput", {})
    config: pytest.Config = node.config  # type: ignore[attr-defined]
    config.stash.setdefault(UNMET, {}).update(output.get("unmet", {}))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many tests were left out, and why."""
    lacking = _lacking()
    for marker, count in config.stash.get(UNMET, {}).items():
        terminalreporter.write_line(f"left out: {count} tests of {marker!r}: {lacking[marker]}")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with speech_commands, speech_commands_test and librispeech."""
    return DATA


@pytest.fixture(scope="session")
def minutes(pytestconfig: pytest.Config) -> float:
    """How much audio the emulated boards hear in one test."""
    value: float = pytestconfig.getoption("--minutes")
    return value


@pytest.fixture(scope="session")
def spec() -> FrontEnd:
    """The default front-end."""
    return FrontEnd()


@pytest.fixture(scope="session")
def speech(
    tmp_path_factory: pytest.TempPathFactory, spec: FrontEnd
) -> dict[str, NDArray[np.int16]]:
    """Spoken words, mono int16 at the front-end's rate, by `WORD-SYNTHESISER`."""
    folder = tmp_path_factory.mktemp("speech")
    clips = {}
    for program, command in VOICES.items():
        if shutil.which(program) is None:
            raise RuntimeError(f"{program} is missing; run: sudo apt-get install espeak-ng flite")
        for word in WORDS:
            path = folder / f"{word}-{program}.wav"
            subprocess.run(command(word, str(path)), check=True, timeout=60)
            clips[path.stem] = read_audio(path, spec.sample_rate)
    return clips


@pytest.fixture(scope="session")
def talk(speech: dict[str, NDArray[np.int16]]) -> NDArray[np.int16]:
    """A few seconds of words on end."""
    return np.concatenate(list(speech.values()))


@pytest.fixture(scope="session")
def wav(talk: NDArray[np.int16], spec: FrontEnd, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`talk` as a file."""
    path = tmp_path_factory.mktemp("wav") / "talk.wav"
    soundfile.write(path, talk, spec.sample_rate)
    return path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    """A model that fires a lot: a dense layer of random weights."""
    return tiny_artefact(tmp_path_factory.mktemp("models") / "tiny")
