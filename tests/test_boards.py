"""The STM32 images, unchanged, on emulated boards: what they hear, print and light."""

from __future__ import annotations

import json
import shutil
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from boards import BOARDS, Board, BoardResult
from images import build, detections, expected
from kws import export
from kws.artefact import DEFAULT_MODEL, Artefact, models_dir
from kws.audio import read_audio
from kws.spec import FrontEnd
from kws_train import data as recordings
from kws_train.streams import splice
from twins import ROOT, Wave

ON_EACH = pytest.mark.parametrize("board", BOARDS)
HOP = 4  # columns from one inference to the next that leave an STM32L4 time to sleep
CLOCKS = {"b-l475e-iot01a": 80e6, "stm32l496g-disco": 80e6, "stm32f769i-disco": 216e6}
RATE = FrontEnd().sample_rate
LIGHT = 1.0  # seconds that a word lights the LED
LATE = 0.1  # seconds from a word to its light, at most
ROUNDED = 0.005  # seconds, in a line
STACK = 4096  # bytes
QUEUE = 8 * FrontEnd().hop / RATE  # seconds that the firmware's queue holds


class Image:
    """An image of a shipped model that infers once in `HOP` columns, and what it should print."""

    def __init__(self, model: str, folder: Path) -> None:
        shutil.copytree(models_dir() / model, folder / model)
        path = folder / model / "manifest.json"
        manifest = json.loads(path.read_text())
        decision = manifest["decision"]
        slower = HOP // decision["hop"]
        decision |= {"hop": HOP, "smoothing": decision["smoothing"] // slower}
        path.write_text(json.dumps(manifest))
        self.artefact = Artefact.load(str(folder / model))
        assert export.main([str(folder / model), "--out", str(folder / "c")]) == 0
        self._folder = folder

    def run(self, board: str, samples: Wave, cpi: float = 1.0) -> BoardResult:
        """What the board makes of samples."""
        image = build(board, MODEL_FOLDER=str(self._folder / "c"), IMAGE=str(self._folder / board))
        return Board(Path(f"{image}.elf").read_bytes(), board, cpi).run(samples)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(DEFAULT_MODEL, tmp_path_factory.mktemp("image"))


@lru_cache(maxsize=1)
def commands() -> Wave:
    """The example."""
    return whole(read_audio(ROOT / "examples/commands.wav", RATE))


def whole(samples: Wave) -> Wave:
    """Silence follows, to the end of a half of the boards' ring: no less is handed over."""
    return np.concatenate([samples, np.zeros(-len(samples) % FrontEnd().hop, np.int16)])


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


@ON_EACH
def test_a_board_hears_the_commands(board: str, image: Image) -> None:
    samples = commands()
    lines = expected(image.artefact, samples)
    assert len(lines) > 5
    result = image.run(board, samples)
    assert result.lines[0].startswith("# kws ")
    assert result.lines[1:] == lines
    check_light(result)
    assert result.lost == 0
    assert result.hz == CLOCKS[board]
    assert result.duty < 0.75
    assert result.longest_awake < QUEUE
    assert 512 < result.stack < STACK * 3 // 4


@pytest.mark.data
@ON_EACH
def test_a_board_hears_recorded_words(
    board: str, data: Path, minutes: float, tmp_path: Path
) -> None:
    image = Image("st-hybrid", tmp_path)
    clips = recordings.test_set(data / "speech_commands_test")
    random = np.random.default_rng(7)
    order = random.permutation(len(clips))[: max(4, round(minutes * 30))]
    chosen, waves = recordings.load([clips[i] for i in order], RATE)
    noise = random.normal(0, 500, 20 * RATE).astype(np.int16)
    words = [(clip.word, wave) for clip, wave in zip(chosen, waves, strict=True)]
    samples = whole(splice(words, RATE, [noise], 15.0).samples)
    assert len(samples) >= minutes * 60 * RATE
    result = image.run(board, samples)
    assert result.lines[1:] == expected(image.artefact, samples)
    assert result.lost == 0


@pytest.mark.parametrize("board", ["stm32l496g-disco", "stm32f769i-disco"])
def test_a_board_too_slow_says_so(board: str, image: Image) -> None:
    result = image.run(board, commands()[: 2 * RATE], cpi=6.0)
    assert any(line.startswith("# lost ") for line in result.lines)
    assert result.duty > 0.9
