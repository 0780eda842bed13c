"""The whole chain, from samples to detections: the twin of firmware/src/kws.c."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kws.artefact import Artefact
from kws.columns import ColumnFifo
from kws.decide import ONE, Decider, Detection
from kws.engine import Engine, open_engine
from kws.mfcc import Mfcc
from kws.ring import SampleRing
from kws.smooth import Smoother


class Spotter:
    """Finds keywords in a stream of samples; the sizes of its blocks change nothing.

    `top` is the highest keyword of the last inference with its smoothed posterior, or None.
    """

    top: tuple[str, float] | None

    def __init__(
        self,
        artefact: Artefact,
        engine: Engine | None = None,
        keywords: Iterable[str] | None = None,
        threshold: float | None = None,
    ) -> None:
        """`keywords` and `threshold`, one for all, replace the manifest's.

        Raises `SpecError` on bad ones.
        """
        labels, decision = artefact.manifest.labels, artefact.manifest.decision
        if threshold is not None:
            decision = replace(decision, threshold=threshold)
        self.spec = spec = artefact.manifest.front_end
        self._ring = SampleRing(spec.window, spec.hop)
        self._mfcc = Mfcc(spec)
        self._fifo = ColumnFifo(spec.columns, spec.coefficients)
        self._engine = engine or open_engine(artefact)
        self._smoother = Smoother(len(labels), decision.smoothing)
        self._decider = Decider(labels, spec, decision, keywords)
        self._hop = decision.hop
        self.reset()

    def feed(self, samples: NDArray[np.int16]) -> Iterator[Detection]:
        """The detections that int16 [n] samples complete; iterate to the end."""
        for column in self._mfcc.columns(self._ring.push(samples)):
            self._fifo.push(column)
            self._columns += 1
            window = self._fifo.window()
            if window is None or (self._columns - self.spec.columns) % self._hop:
                continue
            posteriors = self._engine.infer(window)
            sums, count = self._smoother.push(posteriors), self._smoother.count
            keyword, code = self._decider.top(sums, count)
            self.top = keyword, code / ONE
            detection = self._decider.push(self._columns - 1, sums, count)
            if detection is not None:
                yield detection

    def reset(self) -> None:
        """Start anew, at time 0."""
        for stage in (self._ring, self._fifo, self._smoother, self._decider):
            stage.reset()
        self._columns = 0
        self.top = None
