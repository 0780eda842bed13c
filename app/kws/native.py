"""The C twin by ctypes: the library, and the front-end in it."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.errors import RuntimeMissing
from kws.mfcc import Mfcc
from kws.spec import FrontEnd
from kws.tables import tables


def _find() -> Path:
    """In the installed package; in a checkout, what `make host` built."""
    package = Path(__file__).resolve().parent
    firmware = package.parents[1] / "firmware"
    return (firmware / "build" if (firmware / "src").is_dir() else package) / "libkws.so"


LIBRARY = _find()

# The members of `struct kws_tables` in order; behind each array the field of `Tables`.
SIZES = ("sample_rate", "window", "hop", "mels", "coefficients", "columns")
ARRAYS = {
    "weight": "window",
    "twiddle": "twiddle",
    "mel_first": "mel_first",
    "mel_weight": "mel_weight",
    "mel_floor": "mel_floor",
    "log": "log",
    "matrix": "matrix",
    "bias": "bias",
}


class CTables(ctypes.Structure):
    """`struct kws_tables` of firmware/src/tables.h."""

    _fields_ = [
        *((name, ctypes.c_uint32) for name in SIZES),
        *((name, ctypes.c_void_p) for name in ARRAYS),
    ]


class CMfcc(ctypes.Structure):
    """`struct kws_mfcc` of firmware/src/mfcc.h."""

    _fields_ = [("tables", ctypes.c_void_p), ("work", ctypes.c_void_p)]


@lru_cache
def load(path: Path) -> ctypes.CDLL | None:
    """A C twin, or None where it is not built; each backend of `make backends` is one."""
    try:
        return _declared(ctypes.CDLL(str(path)))
    except (OSError, AttributeError):  # the latter: built from other sources
        return None


def _declared(loaded: ctypes.CDLL) -> ctypes.CDLL:
    """The library with the types of its functions."""
    address, size = ctypes.c_void_p, ctypes.c_size_t
    loaded.kws_mfcc_init.argtypes = [address, address, address]
    loaded.kws_mfcc_clip.argtypes = [address, address, size, size, address]
    loaded.kws_network_init.argtypes = [address, address, address, size]
    loaded.kws_network_reset.argtypes = [address]
    loaded.kws_network_input.argtypes = [address]
    loaded.kws_network_input.restype = address
    loaded.kws_network_start.argtypes = [address]
    loaded.kws_network_push.argtypes = [address, address]
    loaded.kws_network_work.argtypes = [address]
    loaded.kws_network_output.argtypes = [address]
    loaded.kws_network_output.restype = address
    loaded.kws_memory.argtypes = [address]
    loaded.kws_memory.restype = size
    loaded.kws_init.argtypes = [address, address, address, size, address, address]
    loaded.kws_keep.argtypes = [address, address]
    loaded.kws_reset.argtypes = [address]
    loaded.kws_feed.argtypes = [address, address, size]
    loaded.kws_take.argtypes = [address, address, address]
    loaded.kws_work.argtypes = [address]
    loaded.kws_top.argtypes = [address, address, address]
    return loaded


def library() -> ctypes.CDLL | None:
    """The C twin of this package, or None where it is not built."""
    return load(LIBRARY)


def available() -> bool:
    """Whether the C twin can be used."""
    return library() is not None


def require() -> ctypes.CDLL:
    """The C twin; raises `RuntimeMissing`, which says how to get it, where it is not built."""
    loaded = library()
    if loaded is None:
        advice = "make host"
        if LIBRARY.parent == Path(__file__).resolve().parent:
            advice = "pip install --force-reinstall --no-deps --no-cache-dir kws-listen"
        raise RuntimeMissing(
            f"{LIBRARY} is missing or damaged; with a C compiler (sudo apt-get install gcc "
            f"libc6-dev) it is built by: {advice}"
        )
    return loaded


def c_tables(spec: FrontEnd) -> tuple[CTables, list[NDArray[np.generic]]]:
    """A front-end's tables for C, and the arrays that must outlive them."""
    t = tables(spec)
    arrays = [np.ascontiguousarray(getattr(t, name)) for name in ARRAYS.values()]
    sizes = (getattr(spec, name) for name in SIZES)
    return CTables(*sizes, *(array.ctypes.data for array in arrays)), arrays


class NativeMfcc:
    """`Mfcc` computed by the C twin: the same columns, faster, and without holding the GIL.

    Calls from several threads may run at the same time. Raises `RuntimeMissing` where the
    library is not built.
    """

    def __init__(self, spec: FrontEnd) -> None:
        self._library = require()
        self.spec = spec
        self._tables, self._arrays = c_tables(spec)

    def columns(self, frames: NDArray[np.int16]) -> NDArray[np.int8]:
        """One column a frame: int16 [n, window] to int8 [n, coefficients]."""
        if frames.ndim != 2 or frames.shape[1] != self.spec.window:
            raise ValueError(f"frames are {frames.shape}; expected [n, {self.spec.window}]")
        return self._run(frames, self.spec.window, len(frames))

    def clip(self, samples: NDArray[np.int16]) -> NDArray[np.int8]:
        """All columns of a recording: int16 [samples] to int8 [n, coefficients]."""
        if samples.ndim != 1:
            raise ValueError(f"samples are {samples.shape}; expected one channel, [n]")
        return self._run(samples, self.spec.hop, self.spec.columns_in(len(samples)))

    def _run(self, samples: NDArray[np.int16], hop: int, frames: int) -> NDArray[np.int8]:
        if samples.dtype != np.int16:
            raise TypeError(f"samples are {samples.dtype}; expected int16")
        samples = np.ascontiguousarray(samples)
        columns = np.empty((frames, self.spec.coefficients), np.int8)
        work = np.empty(self.spec.window, np.int32)
        mfcc = CMfcc()
        status = self._library.kws_mfcc_init(
            ctypes.byref(mfcc), ctypes.byref(self._tables), work.ctypes.data
        ) or self._library.kws_mfcc_clip(
            ctypes.byref(mfcc), samples.ctypes.data, hop, frames, columns.ctypes.data
        )
        if status:
            raise ValueError(f"the C front-end refused its arguments with status {status}")
        return columns


def best_mfcc(spec: FrontEnd) -> Mfcc | NativeMfcc:
    """The C twin where it is built, else numpy: the same columns."""
    return NativeMfcc(spec) if available() else Mfcc(spec)
