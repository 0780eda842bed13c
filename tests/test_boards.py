"""The images of the STM32 boards, unchanged, on emulated boards: what they hear, print and light."""

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
from kws_train import data as recordings
from kws_train.streams import splice
from twins import ROOT, Wave

ON_EACH = pytest.mark.parametrize("board", BOARDS)
HOP = 4  # columns from one inference to the next that leave an STM32L4 time to sleep
CLOCKS = {"b-l475e-iot01a": 80e6, "stm32l496g-disco": 80e6, "stm32f769i-disco": 216e6}
LIGHT = 1.0  # seconds
STACK = 4096  # bytes


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
    """The example, with silence to the end of a half of every ring."""
    wave = read_audio(ROOT / "examples/commands.wav", 16000)
    return np.concatenate([wave, np.zeros(-len(wave) % 1024, np.int16)])


def lit(result: BoardResult) -> list[float]:
    """When the LED went on; it goes off a second later, if no other word was heard by then."""
    changes = result.led_events
    assert [on for _, on in changes[:1]] == [False]
    assert all(now[1] != then[1] for now, then in zip(changes, changes[1:], strict=False))
    return [seconds for seconds, on in changes if on]


@ON_EACH
def test_a_board_hears_the_commands(board: str, image: Image) -> None:
    samples = commands()
    lines = expected(image.artefact, samples)
    assert len(lines) > 5
    result = image.run(board, samples)
    assert result.lines[0].startswith("# kws ")
    assert result.lines[1:] == lines
    assert result.lost == 0
    assert result.hz == CLOCKS[board]
    assert result.duty < 0.75
    assert result.stack < STACK * 3 // 4
