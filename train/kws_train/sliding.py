"""What a model says along a stream: in one pass where its network streams, else by windows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kws import native
from kws.artefact import Artefact
from kws.errors import ArtefactError
from kws.graph import read_graph
from kws.native_network import NativeNetwork
from kws.plan import Plan
from kws.stream import stream_plan
from kws_train.judge import Codes, posteriors, progress

_COLUMNS = 4096  # between two looks at the progress bar


def slide(artefact: Artefact, columns: Codes, title: str = "") -> tuple[NDArray[np.intp], Codes]:
    """The last column of each window that is decided on, [n], and its posteriors, [n, labels].

    `columns` are a stream's, int8 [m, coefficients]; the windows are those of `Spotter`, one
    every `hop` columns. A network that streams runs in the C twin, column by column: the bytes of
    kws-listen's default engine, without computing anything twice.
    """
    spec, hop = artefact.manifest.front_end, artefact.manifest.decision.hop
    last = np.arange(spec.columns - 1, len(columns), hop)
    plan = _stream(artefact)
    if plan is not None:
        return last, _one_pass(plan, columns, last, title)
    if not len(last):
        windows = np.zeros((0, spec.columns, spec.coefficients), np.int8)
    else:
        shape = (spec.columns, spec.coefficients)
        windows = np.lib.stride_tricks.sliding_window_view(columns, shape)[::hop, 0]
    return last, posteriors(artefact, windows, title)


def _stream(artefact: Artefact) -> Plan | None:
    """The plan of a network whose outputs fall on the model's decisions, if it has one."""
    if not native.available():
        return None
    try:
        plan = stream_plan(read_graph(artefact.model))
    except ArtefactError:  # padding in time, or layers in float
        return None
    columns = artefact.manifest.front_end.columns
    first = plan.columns
    hop = artefact.manifest.decision.hop
    fits = hop % plan.stride == 0 and first <= columns and (columns - first) % plan.stride == 0
    return plan if fits else None


def _one_pass(plan: Plan, columns: Codes, last: NDArray[np.intp], title: str) -> Codes:
    network = NativeNetwork(plan)
    due = np.zeros(len(columns), np.bool_)
    due[last] = True
    out = plan.buffers[plan.output]
    said = np.empty((len(last), out.row_bytes * out.rows), np.int8)
    place = iter(said)
    with progress(title, len(columns)) as advance:
        for start in range(0, len(columns), _COLUMNS):
            part = slice(start, start + _COLUMNS)
            for column, wanted in zip(columns[part], due[part].tolist(), strict=True):
                codes = network.push(column)
                if wanted:
                    next(place)[:] = codes
            advance(len(columns[part]))
    return said
