"""Images built by firmware/firmware.mk, what they print in QEMU, and what they must print."""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.artefact import Artefact
from kws.display import plain
from kws.golden import Golden
from kws.mfcc import Mfcc
from kws.spotter import Spotter
from twins import ROOT, Wave

Int8 = NDArray[np.int8]

BOARDS = ("b-l475e-iot01a", "stm32f769i-disco", "stm32l496g-disco")
EMULATED = ("qemu-m4", "qemu-m7")
BATCH = 32  # windows at a time


def make(*words: str) -> subprocess.CompletedProcess[str]:
    """`make --silent`, from the root, whatever it returns."""
    command = ["make", "--silent", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3_600)


def build(board: str, **variables: str) -> Path:
    """An image's path without its suffix; variables are firmware.mk's."""
    settings = [f"BOARD={board}", *(f"{name}={value}" for name, value in variables.items())]
    (ROOT / "firmware/build").mkdir(exist_ok=True)
    with (ROOT / "firmware/build/images.lock").open("w") as lock:  # tests run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = make("image", "image-path", *settings)
    assert done.returncode == 0, done.stderr
    return ROOT / done.stdout.splitlines()[-1]


def emulate(board: str, wav: Path, how: str = "", **variables: str) -> list[str]:
    """All lines that an emulated board prints for a recording; "#" begins those that are notes."""
    build(board, **variables)
    settings = [f"{name}={value}" for name, value in variables.items()]
    done = make("emulate", f"BOARD={board}", f"WAV={wav}", f"HOW={how}", *settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def detections(lines: list[str]) -> list[str]:
    """The lines that are no notes."""
    return [line for line in lines if not line.startswith("#")]


class GoldenBatches:
    """`Engine` by the golden arithmetic: a recording's windows, many at once, in their order."""

    def __init__(self, artefact: Artefact, samples: Wave) -> None:
        manifest, golden = artefact.manifest, Golden(artefact.model)
        columns = Mfcc(manifest.front_end).clip(samples)
        windows = np.lib.stride_tricks.sliding_window_view(
            columns, manifest.front_end.columns, axis=0
        )
        chosen = windows[:: manifest.decision.hop].transpose(0, 2, 1)
        self._posteriors = (
            row for i in range(0, len(chosen), BATCH) for row in golden.infer(chosen[i : i + BATCH])
        )

    def infer(self, _window: Int8) -> Int8:
        return next(self._posteriors)


def expected(artefact: Artefact, samples: Wave) -> list[str]:
    """What kws-listen prints for a recording, with the golden engine."""
    spotter = Spotter(artefact, GoldenBatches(artefact, samples))
    return [plain(detection) for detection in spotter.feed(samples)]
