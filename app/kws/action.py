"""What a detection does besides being shown: run a command, save a recording."""

from __future__ import annotations

import shlex
import string
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.decide import Detection
from kws.errors import KwsError
from kws.spec import FrontEnd

Wave = NDArray[np.int16]

LAST_SECONDS = 2.0  # that `Command.close` waits for commands still running


class ActionError(KwsError):
    """A command or a folder that cannot be used."""


class Command:
    """A program to run at each detection: no shell, and nobody waits for it.

    The template's words may hold {keyword}, {score} and {time}, also with a format, such as
    {score:.2f}. What the program prints goes to standard error.
    """

    def __init__(self, template: str) -> None:
        """Raises `ActionError` for a template that cannot be filled in."""
        self.template = template
        self._running: list[subprocess.Popen[bytes]] = []
        try:
            self._words = shlex.split(template)
            names = {
                n
                for w in self._words
                for _, n, _, _ in string.Formatter().parse(w)
                if n is not None
            }
            if wrong := sorted(names - {"keyword", "score", "time"}):
                raise ActionError(
                    f"unknown placeholder {{{wrong[0]}}} in {template!r}; "
                    "expected {keyword}, {score} or {time}"
                )
            words = self._filled(Detection(column=0, keyword="yes", code=0, time=0.0))
        except (ValueError, LookupError) as error:
            raise ActionError(f"command {template!r} cannot be read: {error}") from error
        if not words:
            raise ActionError("the command is empty; expected a program and its arguments")
        if words[0] == self._words[0] and which(words[0]) is None:
            raise ActionError(f"no program {words[0]!r} to run; expected one on the PATH")

    def run(self, detection: Detection, say: Callable[[str], None]) -> None:
        """Start the program; a failure to start is said."""
        words = self._filled(detection)
        try:
            # a session of its own: Ctrl-C ends the listening, not what it started
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=_stderr(), start_new_session=True
            )
        except (OSError, ValueError) as error:
            say(f"command {shlex.join(words)} does not start: {error}")
        else:
            self._running.append(process)

    def reap(self, say: Callable[[str], None]) -> None:
        """Take leave of the programs that have ended; a failed one is said."""
        for process in [p for p in self._running if p.poll() is not None]:
            self._running.remove(process)
            if process.returncode:
                words = shlex.join(map(str, process.args))  # type: ignore[arg-type]
                say(f"command {words} failed with exit code {process.returncode}")

    def close(self, say: Callable[[str], None]) -> None:
        """Wait a little for those still running; longer ones are left to themselves."""
        end = time.monotonic() + LAST_SECONDS
        while self._running and time.monotonic() < end:
            self.reap(say)
            time.sleep(0.01)

    def _filled(self, detection: Detection) -> list[str]:
        values: dict[str, Any] = {
            "keyword": detection.keyword,
            "score": round(detection.score, 4),
            "time": round(detection.time, 3),
        }
        return [word.format(**values) for word in self._words]


def _stderr() -> int | None:
    """Standard error's file; None, which inherits, where it has none (under a test, say)."""
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError):
        return None


class Recorder:
    """Saves the second of audio around the window of each detection as a WAV file."""

    def __init__(self, folder: Path, spec: FrontEnd) -> None:
        """Makes the folder; raises `ActionError` where that fails."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ActionError(
                f"{folder}: {error.strerror}; expected a folder to save in"
            ) from error
        self._folder = folder
        self._rate = spec.sample_rate
        self._after = max(0, spec.sample_rate - spec.samples) // 2  # samples after the window
        self._length = max(spec.sample_rate, spec.samples)
        self._held: Wave = np.zeros(0, np.int16)
        self._total = 0  # samples so far
        self._due: list[tuple[int, Detection]] = []

    def push(self, samples: Wave, detections: list[Detection]) -> None:
        """The next samples, and the detections that they completed."""
        self._held = np.concatenate([self._held, samples])
        self._total += len(samples)
        self._due += [(round(d.time * self._rate) + self._after, d) for d in detections]
        self._save([entry for entry in self._due if entry[0] <= self._total])
        self._held = self._held[max(0, len(self._held) - self._length) :].copy()

    def close(self) -> None:
        """Save what the end of the audio cut short."""
        self._save(self._due)

    def _save(self, due: list[tuple[int, Detection]]) -> None:
        held_from = self._total - len(self._held)
        for end, detection in due:
            first = max(0, end - self._length - held_from)
            self._write(detection, self._held[first : end - held_from])
        self._due = [entry for entry in self._due if entry not in due]

    def _write(self, detection: Detection, samples: Wave) -> None:
        name = f"{detection.time:09.3f}-{detection.keyword}"
        path = self._folder / f"{name}.wav"
        again = 1
        while path.exists():  # of an earlier run
            again += 1
            path = self._folder / f"{name}-{again}.wav"
        try:
            with path.open("xb") as raw, wave.open(raw, "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(self._rate)
                file.writeframes(samples.astype("<i2").tobytes())
        except OSError as error:
            raise ActionError(f"{path}: cannot be saved ({error.strerror})") from error
