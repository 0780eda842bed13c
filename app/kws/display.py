"""How detections are shown: plain lines, JSON Lines, or a live line on a terminal."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.decide import Detection

REFRESH_SECONDS = 0.1  # of the live line
LOWEST_DB = -60.0  # of its level meter
METER = 20  # cells


class Display:
    """Plain lines on standard output, notes on standard error."""

    def __init__(self, program: str) -> None:
        self._program = program

    def detection(self, detection: Detection) -> None:
        """One detection."""
        self._line(plain(detection))

    def note(self, text: str) -> None:
        """Something to know that is no detection."""
        sys.stderr.write(f"{self._program}: {text}\n")
        sys.stderr.flush()

    def progress(
        self, block: NDArray[np.int16], top: tuple[str, float] | None, seconds: float, lost: int
    ) -> None:
        """The state after a block: the highest keyword, seconds of audio, overflows."""

    def close(self) -> None:
        """Leave the terminal tidy."""

    def _line(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


class JsonLines(Display):
    """One JSON object a detection."""

    def detection(self, detection: Detection) -> None:
        """One detection: seconds of audio from the start, keyword, smoothed posterior."""
        values = {
            "time": round(detection.time, 4),
            "keyword": detection.keyword,
            "score": round(detection.score, 4),
        }
        self._line(json.dumps(values, ensure_ascii=False))


class LiveLine(Display):
    """Detections as lines, and below them one that moves: level, top keyword, its score."""

    def __init__(self, program: str) -> None:
        super().__init__(program)
        from rich.console import Console
        from rich.live import Live

        self._console = Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()
        self._next = 0.0
        self._peak = LOWEST_DB

    def detection(self, detection: Detection) -> None:
        """One detection."""
        self._console.print(plain(detection), style="bold green", markup=False)

    def note(self, text: str) -> None:
        """Something to know that is no detection."""
        self._console.print(text, style="yellow", markup=False)

    def progress(
        self, block: NDArray[np.int16], top: tuple[str, float] | None, seconds: float, lost: int
    ) -> None:
        """The state after a block: the highest keyword, seconds of audio, overflows."""
        self._peak = max(self._peak, level_db(block))
        now = time.monotonic()
        if now >= self._next:
            self._live.update(live_line(self._peak, top, seconds, lost), refresh=True)
            self._next = now + REFRESH_SECONDS
            self._peak = LOWEST_DB

    def close(self) -> None:
        """Take the live line away."""
        self._live.stop()


def plain(detection: Detection) -> str:
    """A detection as one line."""
    return f"{detection.time:9.2f} s  {detection.keyword:<8} {detection.score:.2f}"


def level_db(block: NDArray[np.int16]) -> float:
    """The root mean square of int16 samples in dB of full scale, at least LOWEST_DB."""
    if not len(block):
        return LOWEST_DB
    power = float(np.mean(np.square(block.astype(np.float32)))) / 2**30
    return max(LOWEST_DB, 10 * float(np.log10(power))) if power else LOWEST_DB


def live_line(db: float, top: tuple[str, float] | None, seconds: float, lost: int) -> Any:
    """The moving line as a rich text."""
    from rich.text import Text

    full = round(METER * (1 - db / LOWEST_DB))
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{seconds:9.1f} s  ", style="dim")
    line.append("━" * full, style="red" if db > -3 else "green")
    line.append("━" * (METER - full), style="grey30")
    line.append(f" {db:4.0f} dB  ", style="dim")
    if top is not None:
        line.append(f"{top[0]:<8} {top[1]:.2f}")
    if lost:
        line.append(f"  {lost} overflows", style="red")
    return line
