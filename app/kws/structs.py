"""The C structures of a plan, for ctypes and for C sources alike, field by field."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from ctypes import c_int8, c_int32, c_uint8, c_uint16, c_uint32, c_void_p
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Struct = TypeVar("Struct", bound=ctypes.Structure)


class Shape(ctypes.Structure):
    """`struct kws_shape`."""

    _fields_ = [("height", c_uint16), ("width", c_uint16), ("depth", c_uint16)]


class Taps(ctypes.Structure):
    """`struct kws_taps`."""

    _fields_ = [
        ("height", c_uint16),
        ("width", c_uint16),
        ("stride_height", c_uint16),
        ("stride_width", c_uint16),
        ("dilation_height", c_uint16),
        ("dilation_width", c_uint16),
        ("top", c_uint16),
        ("left", c_uint16),
    ]


class Output(ctypes.Structure):
    """`struct kws_output`."""

    _fields_ = [("zero", c_int32), ("low", c_int8), ("high", c_int8)]


class Bits(ctypes.Structure):
    """`struct kws_bits`."""

    _fields_ = [("words", c_void_p), ("magnitude", c_int32)]


class Conv(ctypes.Structure):
    """`struct kws_conv`, and `struct kws_depthwise`."""

    _fields_ = [
        ("in", Shape),
        ("out", Shape),
        ("taps", Taps),
        ("output", Output),
        ("in_zero", c_int32),
        ("weights", c_void_p),
        ("bias", c_void_p),
        ("multiplier", c_void_p),
        ("shift", c_void_p),
    ]


class Conv1Bit(ctypes.Structure):
    """`struct kws_conv_1bit`."""

    _fields_ = [
        ("in", Shape),
        ("out", Shape),
        ("taps", Taps),
        ("output", Output),
        ("in_zero", c_int32),
        ("weights", Bits),
        ("bias", c_void_p),
        ("multiplier", c_void_p),
        ("shift", c_void_p),
    ]


class Dense(ctypes.Structure):
    """`struct kws_dense`."""

    _fields_ = [
        ("inputs", c_uint32),
        ("units", c_uint32),
        ("output", Output),
        ("in_zero", c_int32),
        ("weights", c_void_p),
        ("bias", c_void_p),
        ("multiplier", c_int32),
        ("shift", c_int32),
    ]


class Dense1Bit(ctypes.Structure):
    """`struct kws_dense_1bit`."""

    _fields_ = [
        ("inputs", c_uint32),
        ("units", c_uint32),
        ("output", Output),
        ("in_zero", c_int32),
        ("weights", Bits),
        ("bias", c_void_p),
        ("multiplier", c_int32),
        ("shift", c_int32),
    ]


class Pool(ctypes.Structure):
    """`struct kws_pool`."""

    _fields_ = [("in", Shape), ("out", Shape), ("taps", Taps), ("output", Output)]


class Mean(ctypes.Structure):
    """`struct kws_mean`."""

    _fields_ = [
        ("in", Shape),
        ("over_height", c_uint8),
        ("over_width", c_uint8),
        ("output", Output),
        ("in_zero", c_int32),
        ("multiplier", c_int32),
        ("shift", c_int32),
    ]


class Add(ctypes.Structure):
    """`struct kws_add`."""

    _fields_ = [
        ("count", c_uint32),
        ("output", Output),
        ("a_zero", c_int32),
        ("a_multiplier", c_int32),
        ("a_shift", c_int32),
        ("b_zero", c_int32),
        ("b_multiplier", c_int32),
        ("b_shift", c_int32),
        ("multiplier", c_int32),
        ("shift", c_int32),
        ("constant", c_void_p),
    ]


class Pad(ctypes.Structure):
    """`struct kws_pad`."""

    _fields_ = [
        ("in", Shape),
        ("out", Shape),
        ("top", c_uint16),
        ("left", c_uint16),
        ("zero", c_int8),
    ]


class Rescale(ctypes.Structure):
    """`struct kws_rescale`."""

    _fields_ = [
        ("count", c_uint32),
        ("output", Output),
        ("in_zero", c_int32),
        ("multiplier", c_int32),
        ("shift", c_int32),
    ]


class Softmax(ctypes.Structure):
    """`struct kws_softmax`."""

    _fields_ = [
        ("rows", c_uint32),
        ("depth", c_uint32),
        ("multiplier", c_int32),
        ("shift", c_int32),
        ("lowest", c_int32),
    ]


# The options of each kernel of firmware/src/kernels/kernels.h, by the kernel's name.
OPTIONS: dict[str, type[ctypes.Structure]] = {
    "kws_conv": Conv,
    "kws_depthwise": Conv,
    "kws_dense": Dense,
    "kws_conv_1bit": Conv1Bit,
    "kws_dense_1bit": Dense1Bit,
    "kws_max_pool": Pool,
    "kws_average_pool": Pool,
    "kws_mean": Mean,
    "kws_add": Add,
    "kws_pad": Pad,
    "kws_rescale": Rescale,
    "kws_softmax": Softmax,
}


class Buffer(ctypes.Structure):
    """`struct kws_buffer` of firmware/src/network.h."""

    _fields_ = [("offset", c_uint32), ("row_bytes", c_uint32), ("rows", c_uint16)]


class Layer(ctypes.Structure):
    """`struct kws_layer` of firmware/src/network.h."""

    _fields_ = [
        ("run", c_void_p),
        ("options", c_void_p),
        ("a", c_uint16),
        ("b", c_uint16),
        ("out", c_uint16),
        ("first_a", c_uint16),
        ("first_b", c_uint16),
        ("rows", c_uint16),
    ]


class Plan(ctypes.Structure):
    """`struct kws_plan` of firmware/src/network.h."""

    _fields_ = [
        ("layers", c_void_p),
        ("buffers", c_void_p),
        ("layer_count", c_uint16),
        ("buffer_count", c_uint16),
        ("input", c_uint16),
        ("output", c_uint16),
        ("stride", c_uint16),
        ("columns", c_uint16),
        ("arena", c_uint32),
        ("scratch", c_uint32),
    ]


class Network(ctypes.Structure):
    """`struct kws_network` of firmware/src/network.h."""

    _fields_ = [
        ("plan", c_void_p),
        ("arena", c_void_p),
        ("next", c_uint16),
        ("due", c_uint16),
        ("wait", c_uint16),
        ("missing", c_uint16),
    ]


def fill(
    structure: type[Struct], values: Mapping[str, Any], address: Callable[[NDArray[Any]], int]
) -> Struct:
    """A structure of these values: mappings are structures inside, arrays become addresses."""
    filled = structure()
    fields: Any = structure._fields_
    for name, kind in fields:
        value = values[name]
        if isinstance(value, Mapping):
            value = fill(kind, value, address)
        elif isinstance(value, np.ndarray):
            value = address(np.ascontiguousarray(value))
        setattr(filled, name, value)
    return filled
