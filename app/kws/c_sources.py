"""The C text of a model: its front-end's tables and its network's plan."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws import structs
from kws.artefact import Manifest
from kws.native import ARRAYS, SIZES
from kws.plan import Plan, Step
from kws.spec import FrontEnd
from kws.tables import tables

_WIDTH = 100
# where a kernel's options are not the structure of its own name
_STRUCTURES = {"kws_max_pool": "kws_pool", "kws_average_pool": "kws_pool"}


def front_end_sources(spec: FrontEnd, source: str) -> dict[str, str]:
    """The text of frontend.h and frontend.c by file name; `source` says what they are made from."""
    t = tables(spec)
    definitions = "\n".join(
        _array(f"{member}_table", getattr(t, name)) for member, name in ARRAYS.items()
    )
    members = [f"    .{name} = KWS_{name.upper()}," for name in SIZES]
    members += [f"    .{member} = {member}_table," for member in ARRAYS]
    sizes = {f"KWS_{name.upper()}": getattr(spec, name) for name in SIZES}
    header = f"""\
{_head(source)}#ifndef KWS_FRONTEND_H
#define KWS_FRONTEND_H

#include "tables.h"

/* The sizes in `kws_frontend`, as constants for the caller's arrays. */
{_enum(sizes)}
extern const struct kws_tables kws_frontend;

#endif
"""
    body = f"""\
{_head(source)}/* SHA-256 of the tables: {t.digest} */
#include "frontend.h"

{definitions}
const struct kws_tables kws_frontend = {{
{_lines(members)}
}};
"""
    return {"frontend.h": header, "frontend.c": body}


def network_sources(plan: Plan, source: str) -> dict[str, str]:
    """The text of kws_model.h and kws_model.c of a network alone: `kws_plan` and its sizes."""
    into, out = plan.buffers[plan.input], plan.buffers[plan.output]
    sizes = {
        "KWS_ARENA_BYTES": plan.arena,
        "KWS_INPUT_BYTES": into.row_bytes * (into.rows if plan.stride == 0 else 1),
        "KWS_OUTPUT_BYTES": out.row_bytes * out.rows,
        "KWS_STRIDE": plan.stride,
    }
    header = f"""\
{_head(source)}#ifndef KWS_MODEL_H
#define KWS_MODEL_H

#include "network.h"

/* Of the arena, of what goes in at once, of the output; columns a stride, 0 for whole windows. */
{_enum(sizes)}
{_check("arena", "KWS_ARENA_BYTES")}
extern const struct kws_plan kws_plan;

#endif
"""
    return {"kws_model.h": header, "kws_model.c": _head(source) + _plan(plan)}


def model_sources(plan: Plan, manifest: Manifest, memory: int, source: str) -> dict[str, str]:
    """The text of kws_model.h and kws_model.c: `kws_model`, which needs `memory` bytes in all."""
    sizes = {
        "KWS_ARENA_BYTES": plan.arena,
        "KWS_MEMORY_BYTES": memory,
        "KWS_LABELS": len(manifest.labels),
        "KWS_STRIDE": plan.stride,
    }
    decision = manifest.decision
    header = f"""\
{_head(source)}#ifndef KWS_MODEL_H
#define KWS_MODEL_H

#include "frontend.h"
#include "kws.h"

#define KWS_MODEL_NAME {_string(manifest.name)}

/* Of the network's arena, of all that kws_init needs; columns a stride, 0 for whole windows. */
{_enum(sizes)}
{_check("memory", "KWS_MEMORY_BYTES")}
extern const struct kws_model kws_model;

#endif
"""
    labels = _rows(map(_string, manifest.labels))
    thresholds = _rows(map(str, decision.threshold_codes(manifest.labels).tolist()))
    model = f"""
static const char *const labels[KWS_LABELS] = {{
{_lines(labels)}
}};

static const uint8_t thresholds[KWS_LABELS] = {{
{_lines(thresholds)}
}};

const struct kws_model kws_model = {{
    .front_end = &kws_frontend,
    .plan = &kws_plan,
    .labels = labels,
    .thresholds = thresholds,
    .label_count = KWS_LABELS,
    .smoothing = {decision.smoothing},
    .refractory = {decision.refractory},
    .hop = {decision.hop},
}};
"""
    body = _head(source) + _plan(plan, "static ") + model
    return {"kws_model.h": header, "kws_model.c": body}


def step_arrays(step: Step) -> dict[str, NDArray[Any]]:
    """The constants of a step by the member that points to them."""
    return dict(_arrays(step.options))


def step_bytes(step: Step) -> int:
    """Bytes of those constants, in flash."""
    return sum(values.nbytes for values in step_arrays(step).values())


def _arrays(options: Mapping[str, Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _arrays(value)
        elif isinstance(value, np.ndarray):
            yield name, value


def _plan(plan: Plan, storage: str = "") -> str:
    layers, parts = [], []
    for i, step in enumerate(plan.steps):
        parts.append(_step(plan, step, i))
        operands = ", ".join(
            f".{name} = {getattr(step, name)}"
            for name in ("a", "b", "out", "first_a", "first_b", "rows")
        )
        layers.append(f"    {{.run = {step.kernel}, .options = &options_{i}, {operands}}},")
    buffers = [
        f"    {{.offset = {b.offset}, .row_bytes = {b.row_bytes}, .rows = {b.rows}}}, "
        f"/* {i}: {_comment(b.name)} */"
        for i, b in enumerate(plan.buffers)
    ]
    numbers = "\n".join(
        f"    .{name} = {getattr(plan, name)},"
        for name in ("input", "output", "stride", "columns", "arena", "scratch")
    )
    return f"""\
#include "kws_model.h"

#include "kernels/kernels.h"

{"".join(parts)}
static const struct kws_layer layers[{len(layers)}] = {{
{_lines(layers)}
}};

static const struct kws_buffer buffers[{len(buffers)}] = {{
{_lines(buffers)}
}};

{storage}const struct kws_plan kws_plan = {{
    .layers = layers,
    .buffers = buffers,
    .layer_count = {len(layers)},
    .buffer_count = {len(buffers)},
{numbers}
}};
"""


def _step(plan: Plan, step: Step, index: int) -> str:
    """A layer's constants and options, under a line that says what it is."""
    out = plan.buffers[step.out]
    shape = step.options.get("out")
    size = " x ".join(map(str, shape.values())) if shape else str(out.row_bytes * out.rows)
    work = f", {step.macs:,} multiply-accumulates" if step.macs else ""
    text = f"/* {index}: {_comment(step.name)}, {step.op} to {size}{work} */\n"
    for name, values in step_arrays(step).items():
        text += _array(f"{name}_{index}", values)
    tag = _STRUCTURES.get(step.kernel, step.kernel)
    members = _members(structs.OPTIONS[step.kernel], step.options, index)
    lines = "\n".join(f"    {member}," for member in members)
    return f"{text}static const struct {tag} options_{index} = {{\n{lines}\n}};\n\n"


def _members(
    structure: type[ctypes.Structure], values: Mapping[str, Any], index: int
) -> Iterator[str]:
    for name, kind, *_ in structure._fields_:
        value = values[name]
        if issubclass(kind, ctypes.Structure):
            inner = ", ".join(_members(kind, value, index))
            yield f".{name} = {{{inner}}}"
        elif kind is ctypes.c_void_p:
            yield f".{name} = {'0' if value is None else f'{name}_{index}'}"
        else:
            yield f".{name} = {_number(int(value))}"


def _array(name: str, values: NDArray[Any]) -> str:
    kind = values.dtype
    c_type = f"{'u' if kind.kind == 'u' else ''}int{kind.itemsize * 8}_t"
    if kind.kind == "u":
        words: Iterable[str] = (f"0x{v:08x}u" for v in values.ravel().tolist())
    elif kind.itemsize > 4:
        words = (f"INT64_C({v})" for v in values.ravel().tolist())
    else:
        words = map(_number, values.ravel().tolist())
    return f"static const {c_type} {name}[{values.size}] = {{\n{_lines(_rows(words))}\n}};\n"


def _number(value: int) -> str:
    return "INT32_MIN" if value == -(2**31) else str(value)


def _rows(words: Iterable[str]) -> Iterator[str]:
    """The words, each with a comma, in lines that fit."""
    row = "   "
    for word in words:
        if len(row) + len(word) + 2 > _WIDTH:
            yield row
            row = "   "
        row += f" {word},"
    yield row


def _enum(values: Mapping[str, int]) -> str:
    return "enum {\n" + "".join(f"    {k} = {v},\n" for k, v in values.items()) + "};\n"


def _check(what: str, size: str) -> str:
    """A macro, because C99 has no static assertion of its own."""
    name = f"KWS_CHECK_{what.upper()}"
    return f"""\
/* Stops the build where an array is too small: {name}(array); */
#define {name}(array) \\
    extern const char kws_{what}_is_too_small[sizeof(array) < {size} ? -1 : 1]
"""


def _head(source: str) -> str:
    return (
        "/* SPDX-License-Identifier: Apache-2.0 */\n"
        f"/* Generated by kws-export from {source} — do not edit. */\n"
    )


def _string(text: str) -> str:
    """A C literal: UTF-8, with what is not printable ASCII in octal."""
    plain = json.dumps(text, ensure_ascii=False)[1:-1].encode()
    return '"' + "".join(chr(b) if 32 <= b < 127 else f"\\{b:03o}" for b in plain) + '"'


def _comment(text: str) -> str:
    return "".join(c if c.isprintable() and c.isascii() else "?" for c in text).replace("*/", "* /")


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)
