"""One listening: from a source's first sample to the summary."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kws.action import Command, Recorder
from kws.decide import Detection
from kws.display import Display
from kws.sources import Source
from kws.spec import FrontEnd

MUTE_SECONDS = 3.0  # of digital zero before the microphone is thought muted
BEHIND_SECONDS = 1.0  # of waiting audio that are worth a word; then twice as many, and so on


class AnySpotter(Protocol):
    """`Spotter` or its C twin."""

    spec: FrontEnd

    @property
    def top(self) -> tuple[str, float] | None:
        """The highest keyword of the last inference with its smoothed posterior, or None."""
        ...

    def feed(self, samples: NDArray[np.int16]) -> Iterator[Detection]:
        """The detections that int16 [n] samples complete; iterate to the end."""
        ...


class Session:
    """Feeds a source's samples to a spotter, shows its detections and acts on them."""

    def __init__(
        self,
        source: Source,
        spotter: AnySpotter,
        display: Display,
        command: Command | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._source = source
        self._spotter = spotter
        self._display = display
        self._command = command
        self._recorder = recorder
        self._samples = 0
        self._detections = 0
        self._zeros = 0  # samples of digital zero up to now
        self._mute_said = False
        self._behind_limit = BEHIND_SECONDS
        self._overflow_said = False
        self._cpu = time.process_time()

    def run(self) -> None:
        """Listen until the source ends; Ctrl-C may end it at any time."""
        try:
            with closing(self._source.blocks()) as blocks:
                for block in blocks:
                    self._push(block)
        finally:
            if self._recorder:
                self._recorder.close()
            if self._command:
                self._command.close(self._display.note)

    @property
    def seconds(self) -> float:
        """Seconds of audio so far."""
        return self._samples / self._spotter.spec.sample_rate

    def summary(self) -> str:
        """What there was, in one line; the CPU share is that of audio as fast as it is spoken."""
        share = 100 * (time.process_time() - self._cpu) / max(self.seconds, 1e-9)
        text = (
            f"{self.seconds:.1f} s of audio, {self._detections} detections, "
            f"{self._source.overflows} overflows, CPU {share:.1f} % of one core in real time"
        )
        if self._samples < self._spotter.spec.samples:
            window = self._spotter.spec.samples / self._spotter.spec.sample_rate
            text += f"; too short for the model's window of {window:.1f} s"
        return text

    def _push(self, block: NDArray[np.int16]) -> None:
        detections = []
        self._samples += len(block)
        for detection in self._spotter.feed(block):
            detections.append(detection)
            self._detections += 1
            self._display.detection(detection)
            if self._command:
                self._command.run(detection, self._display.note)
        if self._command:
            self._command.reap(self._display.note)
        if self._recorder:
            self._recorder.push(block, detections)
        overflows = self._source.overflows
        self._display.progress(block, self._spotter.top, self.seconds, overflows)
        self._warn(block, overflows)

    def _warn(self, block: NDArray[np.int16], overflows: int) -> None:
        self._zeros = 0 if block.any() else self._zeros + len(block)
        if self._zeros >= MUTE_SECONDS * self._spotter.spec.sample_rate and not self._mute_said:
            self._mute_said = True
            self._display.note("only digital silence: is the microphone muted?")
        behind = self._source.behind
        if behind >= self._behind_limit:
            self._behind_limit = 2 * behind
            self._display.note(f"{behind:.1f} s behind: this machine is too slow for the model")
        elif behind < BEHIND_SECONDS / 2:
            self._behind_limit = BEHIND_SECONDS
        if overflows and not self._overflow_said:
            self._overflow_said = True
            self._display.note("overflow: some audio was lost")
