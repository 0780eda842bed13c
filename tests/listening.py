"""What the tests of kws-listen share: the program, and what it prints."""

from __future__ import annotations

import re
import subprocess
import sys

from kws.artefact import Artefact
from kws.decide import Detection

SUMMARY = re.compile(
    r"kws-listen: (\d+\.\d) s of audio, (\d+) detections, (\d+) overflows, "
    r"CPU \d+\.\d % of one core in real time"
)


def start(tiny: Artefact, *args: str, **options: object) -> subprocess.Popen[bytes]:
    """The command line as a program of its own."""
    command = [sys.executable, "-m", "kws.listen", "--model", str(tiny.folder), *args]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, **(pipes | options))  # type: ignore[call-overload, no-any-return]


def as_json(detections: list[Detection]) -> list[dict[str, object]]:
    return [
        {"time": round(d.time, 4), "keyword": d.keyword, "score": round(d.score, 4)}
        for d in detections
    ]
