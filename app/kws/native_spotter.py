"""The whole chain's C twin by ctypes: the native engine of kws-listen."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Sequence
from ctypes import c_char_p, c_int, c_size_t, c_uint8, c_uint16, c_uint64, c_void_p
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kws.artefact import Artefact
from kws.decide import ONE, Decision, Detection, enabled_labels
from kws.engine import End, check_ends
from kws.errors import ArtefactError
from kws.export import choose_plan
from kws.graph import Tensor, read_graph
from kws.native import CMfcc, c_tables, require
from kws.native_network import c_plan
from kws.plan import Plan
from kws.spec import FrontEnd
from kws.structs import Network

_OK, _NOT_READY = 0, 2  # enum kws_status
_KEPT = 16  # detections; a call that takes no more than a column makes 2 at most


class Ring(ctypes.Structure):
    """`struct kws_ring` of firmware/src/ring.h."""

    _fields_ = [
        ("frame", c_void_p),
        ("window", c_size_t),
        ("hop", c_size_t),
        ("held", c_size_t),
    ]


class Columns(ctypes.Structure):
    """`struct kws_columns` of firmware/src/columns.h."""

    _fields_ = [
        ("ring", c_void_p),
        ("columns", c_size_t),
        ("coefficients", c_size_t),
        ("next", c_size_t),
        ("held", c_size_t),
    ]


class Smooth(ctypes.Structure):
    """`struct kws_smooth` of firmware/src/smooth.h."""

    _fields_ = [
        ("history", c_void_p),
        ("sums", c_void_p),
        ("labels", c_uint16),
        ("length", c_uint16),
        ("next", c_uint16),
        ("count", c_uint16),
    ]


class Decide(ctypes.Structure):
    """`struct kws_decide` of firmware/src/decide.h."""

    _fields_ = [("model", c_void_p), ("ready", c_uint64)]


class Model(ctypes.Structure):
    """`struct kws_model` of firmware/include/kws.h."""

    _fields_ = [
        ("front_end", c_void_p),
        ("plan", c_void_p),
        ("labels", c_void_p),
        ("thresholds", c_void_p),
        ("label_count", c_uint16),
        ("smoothing", c_uint16),
        ("refractory", c_uint16),
        ("hop", c_uint16),
    ]


class CDetection(ctypes.Structure):
    """`struct kws_detection` of firmware/include/kws.h."""

    _fields_ = [
        ("column", c_uint64),
        ("end", c_uint64),
        ("label", c_uint16),
        ("score", c_uint8),
        ("keyword", c_char_p),
    ]

    def detection(self, sample_rate: int) -> Detection:
        """The same for Python."""
        return Detection(self.column, self.keyword.decode(), self.score, self.end / sample_rate)


class List(ctypes.Structure):
    """`struct kws_list` of firmware/include/kws.h."""

    _fields_ = [("detections", c_void_p), ("size", c_size_t), ("count", c_size_t)]


class Kws(ctypes.Structure):
    """`struct kws` of firmware/include/kws.h."""

    _fields_ = [
        ("model", c_void_p),
        ("ring", Ring),
        ("mfcc", CMfcc),
        ("fifo", Columns),
        ("network", Network),
        ("smooth", Smooth),
        ("decide", Decide),
        ("column", c_void_p),
        ("columns", c_uint64),
        ("judged", c_uint64),
        ("working", c_int),
        ("detected", c_void_p),
        ("context", c_void_p),
    ]


def c_model(
    labels: Sequence[str],
    spec: FrontEnd,
    decision: Decision,
    keywords: Iterable[str] | None = None,
    plan: ctypes.Structure | None = None,
) -> tuple[Model, list[object]]:
    """What kws-export writes of a model, and what must outlive it; `enabled_labels` may raise."""
    tables, arrays = c_tables(spec)
    texts = (c_char_p * len(labels))(*(label.encode() for label in labels))
    thresholds = decision.threshold_codes(labels)
    thresholds[~enabled_labels(labels, keywords)] = 0
    model = Model(
        ctypes.addressof(tables),
        ctypes.addressof(plan) if plan is not None else None,
        ctypes.addressof(texts),
        thresholds.ctypes.data,
        len(labels),
        decision.smoothing,
        decision.refractory,
        decision.hop,
    )
    return model, [tables, arrays, texts, thresholds, plan]


class NativeSpotter:
    """`Spotter` computed by the C twin: the same detections."""

    def __init__(
        self,
        artefact: Artefact,
        keywords: Iterable[str] | None = None,
        threshold: float | None = None,
        plan: Plan | None = None,
    ) -> None:
        """`plan` None takes a stream's where the network can be one.

        Raises as `Spotter` does, `RuntimeMissing` where the library is not built, and
        `ArtefactError` where its kernels do not cover the network.
        """
        self._library = require()
        self.spec = artefact.manifest.front_end
        labels, decision = artefact.manifest.labels, artefact.manifest.decision
        if threshold is not None:
            decision = replace(decision, threshold=threshold)
        graph = read_graph(artefact.model)
        check_ends(artefact, *(_end(graph.tensors[i]) for i in (*graph.inputs, *graph.outputs)))
        if plan is None:
            plan = choose_plan(graph, hop=decision.hop)
        c_network, parts = c_plan(plan, self._library)
        model, more = c_model(labels, self.spec, decision, keywords, c_network)
        memory = np.zeros(self._library.kws_memory(ctypes.addressof(model)) // 8, np.int64)
        # C keeps detections: an exception in Python that C calls is lost, even a Ctrl-C
        self._kept = (CDetection * _KEPT)()
        self._list = List(ctypes.addressof(self._kept), _KEPT)
        self._found: list[Detection] = []
        self._alive = (parts, model, more, memory)
        self._labels = labels
        self.kws = Kws()
        self._self = ctypes.addressof(self.kws)
        start = (ctypes.addressof(model), memory.ctypes.data, memory.nbytes)
        self._call("kws_init", *start, self._library.kws_keep, ctypes.addressof(self._list))

    @property
    def top(self) -> tuple[str, float] | None:
        """The highest keyword of the last inference with its smoothed posterior, or None."""
        label, score = c_uint16(), c_uint8()
        if self._call("kws_top", ctypes.byref(label), ctypes.byref(score)) == _NOT_READY:
            return None
        return self._labels[label.value], score.value / ONE

    def feed(self, samples: NDArray[np.int16]) -> Iterator[Detection]:
        """The detections that int16 [n] samples complete; iterate to the end."""
        rest = _checked(samples).copy()
        address, step = rest.ctypes.data, self.spec.hop  # no more than a column each, as for `top`
        for first in range(0, len(rest), step):
            count = min(step, len(rest) - first)
            self._call("kws_feed", address + first * rest.itemsize, count)
            yield from self.found()

    def take(self, samples: NDArray[np.int16]) -> tuple[bool, int]:
        """`kws_take`: whether a column is complete, and how many samples it took."""
        samples = _checked(samples)
        at, count = c_void_p(samples.ctypes.data), c_size_t(len(samples))
        status = self._call("kws_take", ctypes.byref(at), ctypes.byref(count))
        return status != _NOT_READY, len(samples) - count.value

    def work(self) -> bool:
        """`kws_work`: whether there is more to do."""
        return self._call("kws_work") == _NOT_READY

    def found(self) -> list[Detection]:
        """What was detected since the last call."""
        found, self._found = self._found, []
        return found

    def reset(self) -> None:
        """Start anew, at time 0."""
        self._call("kws_reset")
        self._found = []

    def _call(self, function: str, *arguments: object) -> int:
        status: int = getattr(self._library, function)(self._self, *arguments)
        if status not in (_OK, _NOT_READY):
            raise ArtefactError(f"{function} refuses the model or its arguments (status {status})")
        for kept in self._kept[: self._list.count]:
            self._found.append(kept.detection(self.spec.sample_rate))
        self._list.count = 0
        return status


def _checked(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    if samples.dtype != np.int16 or samples.ndim != 1:
        raise TypeError(f"samples are {samples.dtype} {samples.shape}; expected int16 [n]")
    return np.ascontiguousarray(samples)


def _end(tensor: Tensor) -> End:
    scale, zero = (tensor.scale, tensor.zero_point) if tensor.scales.size else (0.0, 0)
    return End(tensor.dtype, tensor.shape, scale, zero)
