"""Aligning a transcript: words of another synthesiser, whose times are known, are found again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kws.audio import read_audio
from kws.errors import RuntimeMissing
from kws_train import align
from kws_train.synthesise import trimmed

RATE = align.SPEC.sample_rate
TEXT = (
    "the old man went down to the river and stopped when no boat was left on the right side then"
    " he turned up the path to go home and said yes to everyone"
)
WORDS = TEXT.split()
MEAN, MOST = 0.15, 0.6  # seconds: how far a word's ends may be off, on average and at most
Wave = NDArray[np.int16]


def flite(text: str, voice: str, path: Path, *options: str) -> str:
    """Write text as another synthesiser reads it; gives what it prints."""
    command = ["flite", "-voice", voice, *options, "-t", text, "-o", str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def errors(found: list[tuple[float, float]], known: list[tuple[float, float]]) -> Wave:
    assert len(found) == len(known)
    return np.abs(np.array(found) - np.array(known))


@pytest.mark.parametrize("voice", ["slt", "rms", "awb", "kal16"])
def test_words_with_pauses(tmp_path: Path, voice: str) -> None:
    random = np.random.default_rng(1)
    parts, known = [np.zeros(RATE // 3, np.int16)], []
    for word in WORDS:
        flite(word, voice, tmp_path / "word.wav")
        wave = trimmed(read_audio(tmp_path / "word.wav", RATE), RATE, margin=0.0)
        start = sum(map(len, parts))
        known.append((start / RATE, (start + len(wave)) / RATE))
        parts += [wave, np.zeros(int(random.choice([0, 0, 0.1, 0.7]) * RATE), np.int16)]
    samples = np.concatenate(parts) // 3
    samples = samples + random.normal(0, 20, len(samples)).astype(np.int16)
    off = errors(align.align(samples, WORDS), known)
    assert off.mean() < MEAN
    assert np.quantile(off, 0.9) < MOST


@pytest.mark.parametrize("voice", ["slt", "rms", "awb"])
def test_connected_speech(tmp_path: Path, voice: str) -> None:
    """The synthesiser tells when each sound ends; a word has as many sounds as it has alone."""

    def sounds(text: str) -> list[float]:
        printed = flite(text, voice, tmp_path / "all.wav", "-psdur").split()
        pairs = (one.rsplit(":", 1) for one in printed)
        return [float(end) for name, end in pairs if name != "pau"]

    counts = [len(sounds(word)) for word in WORDS]
    ends = sounds(TEXT)
    assert len(ends) == sum(counts)
    known = [ends[number - 1] for number in np.cumsum(counts)]
    found = align.align(read_audio(tmp_path / "all.wav", RATE), WORDS)
    off = np.abs(np.array([end for _, end in found]) - known)
    assert off.mean() < MEAN
    assert off.max() < MOST


def test_words_are_in_order_and_inside(talk: Wave) -> None:
    words = ["yes", "no", "left", "stop", "go", "seven"] * 2
    found = align.align(talk, words)
    assert all(start <= end for start, end in found)
    assert [start for start, _ in found] == sorted(start for start, _ in found)
    assert found[0][0] >= 0
    assert found[-1][1] <= len(talk) / RATE


def test_what_is_strange(talk: Wave) -> None:
    assert align.align(talk, []) == []
    assert align.align(np.zeros(100, np.int16), ["yes"]) == [(0.0, 100 / RATE)]
    assert len(align.align(np.zeros(RATE, np.int16), ["yes", "no"])) == 2
    assert len(align.align(talk[:RATE], ["yes", "''", "no", "d'epinay"])) == 4


def test_without_a_synthesiser(talk: Wave, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeMissing, match="apt-get install espeak-ng"):
        align.align(talk, ["yes"])
