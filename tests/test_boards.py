"""The STM32 images, unchanged, on emulated boards: what they hear, print and light."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from boards import BOARDS, Board, BoardResult
from images import build, detections, expected
from kws.artefact import DEFAULT_MODEL, Artefact
from kws.audio import read_audio
from kws.spec import FrontEnd
from kws_train import data as recordings
from kws_train.streams import splice
from twins import ROOT, Wave

ON_EACH = pytest.mark.parametrize("board", BOARDS)
CLOCKS = {"b-l475e-iot01a": 80e6, "stm32l496g-disco": 80e6, "stm32f769i-disco": 216e6}
# cycles an instruction, from `make bench-firmware`'s estimates, rounded up
CYCLES = {"b-l475e-iot01a": 1.7, "stm32l496g-disco": 1.7, "stm32f769i-disco": 1.3}
RATE, HOP = FrontEnd().sample_rate, FrontEnd().hop
QUEUE = 8 * HOP / RATE  # seconds of audio that wait for the main loop
STACK = 4096  # bytes
LIGHT = 1.0  # seconds that a word lights the LED
LATE = 0.1  # seconds from a word to its light, at most
ROUNDED = 0.005  # seconds, in a line


def run(
    board: str, samples: Wave, model: str = DEFAULT_MODEL, cpi: float | None = None
) -> BoardResult:
    """What a board with the image of a model makes of samples."""
    image = build(board) if model == DEFAULT_MODEL else build(board, MODEL=model)
    return Board(Path(f"{image}.elf").read_bytes(), board, cpi or CYCLES[board]).run(samples)


def whole(samples: Wave) -> Wave:
    """Silence follows, to the end of a half of the boards' ring: no less is handed over."""
    return np.concatenate([samples, np.zeros(-len(samples) % HOP, np.int16)])


@lru_cache(maxsize=1)
def commands() -> Wave:
    """The recording, and as long as its last word lights the LED."""
    samples = read_audio(ROOT / "examples/commands.wav", RATE)
    return whole(np.concatenate([samples, np.zeros(round(LIGHT * RATE), np.int16)]))


def check_light(result: BoardResult) -> None:
    """The LED is lit from each word on for a second, counted anew from a word in that time."""
    spans: list[list[float]] = []
    for line in detections(result.lines):
        seconds = float(line.split()[0])
        if not spans or seconds > spans[-1][1]:
            spans.append([seconds, seconds])
        spans[-1][1] = seconds + LIGHT
    levels = [(0.0, False)]
    for start, end in spans:
        levels += [(start, True), (end, False)]
    assert [on for _, on in result.led_events] == [on for _, on in levels]
    for (at, _), (wanted, _) in zip(result.led_events[1:], levels[1:], strict=True):
        assert -ROUNDED <= at - wanted < LATE


def check_pace(result: BoardResult, board: str) -> None:
    """Nothing is lost, and the board has time to spare."""
    assert result.hz == CLOCKS[board]
    assert result.lost == 0
    assert not [line for line in result.lines if "lost" in line]
    assert result.duty < 0.95
    assert result.longest_awake < QUEUE
    assert result.latest_interrupt < HOP / RATE / 10
    assert 256 < result.stack < STACK / 2


@ON_EACH
def test_a_board_hears_the_commands(board: str) -> None:
    lines = expected(Artefact.load(DEFAULT_MODEL), commands())
    assert len(lines) > 5
    result = run(board, commands())
    assert result.lines[0].startswith("# kws ")
    assert result.lines[1:] == lines
    check_light(result)
    check_pace(result, board)


@pytest.mark.data
@ON_EACH
def test_a_board_hears_recorded_words(board: str, data: Path, minutes: float) -> None:
    clips = recordings.test_set(data / "speech_commands_test")
    random = np.random.default_rng(7)
    order = random.permutation(len(clips))[: max(4, round(minutes * 30))]
    chosen, waves = recordings.load([clips[i] for i in order], RATE)
    noise = random.normal(0, 500, 20 * RATE).astype(np.int16)
    words = [(clip.word, wave) for clip, wave in zip(chosen, waves, strict=True)]
    samples = whole(splice(words, RATE, [noise], 15.0).samples)
    assert len(samples) >= minutes * 60 * RATE
    result = run(board, samples, "st-hybrid")
    assert detections(result.lines) == expected(Artefact.load("st-hybrid"), samples)
    check_pace(result, board)


@pytest.mark.parametrize("board", ["stm32l496g-disco", "stm32f769i-disco"])
def test_a_board_too_slow_says_so(board: str) -> None:
    result = run(board, commands()[: 2 * RATE], "st-hybrid", cpi=8.0)
    assert [line for line in result.lines if line.startswith("# lost ")]
    assert result.duty > 0.5
