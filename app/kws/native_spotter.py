"""The whole chain's C twin by ctypes: the native engine of kws-listen."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from ctypes import c_char_p, c_int, c_size_t, c_uint8, c_uint16, c_uint64, c_void_p

import numpy as np

from kws.decide import Decision, Detection, enabled_labels
from kws.native import CMfcc, c_tables
from kws.spec import FrontEnd
from kws.structs import Network


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
        ("enabled", c_void_p),
        ("label_count", c_uint16),
        ("smoothing", c_uint16),
        ("threshold", c_uint16),
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
    enabled = enabled_labels(labels, keywords).astype(np.uint8)
    model = Model(
        ctypes.addressof(tables),
        ctypes.addressof(plan) if plan is not None else None,
        ctypes.addressof(texts),
        enabled.ctypes.data,
        len(labels),
        decision.smoothing,
        decision.threshold_code,
        decision.refractory,
        decision.hop,
    )
    return model, [tables, arrays, texts, enabled, plan]
