"""The stages in both languages under one interface, and what the tests feed them."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kws import native
from kws.columns import ColumnFifo
from kws.fft import Spectrum
from kws.mfcc import Mfcc
from kws.native import NativeMfcc
from kws.ring import SampleRing
from kws.spec import FrontEnd

Wave = NDArray[np.int16]

ROOT = Path(__file__).resolve().parents[1]
TWINS = pytest.mark.parametrize("twin", ["python", "c"])

OK, BAD_ARGUMENT, NOT_READY = range(3)  # enum kws_status

settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")

if library_path := os.environ.get("KWS_LIBRARY"):  # the one with sanitizers
    native.LIBRARY = Path(library_path)
else:  # a library of yesterday would test yesterday's code
    subprocess.run(["make", "--silent", "host"], cwd=ROOT, check=True)


def c_library() -> ctypes.CDLL:
    """The C twin, which the tests cannot do without."""
    loaded = native.library()
    assert loaded is not None, f"{native.LIBRARY} cannot be loaded"
    return loaded


def build_host(folder: Path) -> Path:
    """kws_host with the generated front-end in `folder`, built there."""
    make = ["make", "--silent", f"HOST_BUILD={folder}", f"GENERATED={folder}"]
    subprocess.run([*make, f"{folder}/kws_host"], cwd=ROOT, check=True)
    return folder / "kws_host"


class CSpectrum:
    """`Spectrum` from what firmware/src/fft.c leaves in place."""

    def __init__(self, twiddle: NDArray[np.int32]) -> None:
        self._twiddle = twiddle

    def power(self, frames: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = []
        for frame in frames.T:
            work = frame.astype(np.int32)
            c_library().kws_fft(
                ctypes.c_void_p(work.ctypes.data),
                ctypes.c_uint32(len(work)),
                ctypes.c_void_p(self._twiddle.ctypes.data),
            )
            x = work.astype(np.int64).reshape(-1, 2)
            rows.append([x[0, 0] ** 2, *(x[1:] ** 2).sum(axis=1), x[0, 1] ** 2])
        return np.array(rows).T


class CRing:
    """`SampleRing` over firmware/src/ring.c."""

    class Struct(ctypes.Structure):
        _fields_ = [
            ("frame", ctypes.c_void_p),
            ("window", ctypes.c_size_t),
            ("hop", ctypes.c_size_t),
            ("held", ctypes.c_size_t),
        ]

    def __init__(self, window: int, hop: int) -> None:
        self._frame = np.zeros(window, np.int16)
        self._ring = self.Struct()
        status = c_library().kws_ring_init(
            ctypes.byref(self._ring),
            ctypes.c_void_p(self._frame.ctypes.data),
            ctypes.c_size_t(window),
            ctypes.c_size_t(hop),
        )
        assert status == OK

    def reset(self) -> None:
        assert c_library().kws_ring_reset(ctypes.byref(self._ring)) == OK

    def push(self, samples: Wave) -> Wave:
        samples = samples.copy()
        data, count = ctypes.c_void_p(samples.ctypes.data), ctypes.c_size_t(len(samples))
        frames = []
        while True:
            status = c_library().kws_ring_push(
                ctypes.byref(self._ring), ctypes.byref(data), ctypes.byref(count)
            )
            if status != OK:
                break
            frames.append(self._frame.copy())
        assert (status, count.value) == (NOT_READY, 0)
        return np.array(frames, np.int16).reshape(-1, len(self._frame))


class CColumnFifo:
    """`ColumnFifo` over firmware/src/columns.c."""

    class Struct(ctypes.Structure):
        _fields_ = [
            ("ring", ctypes.c_void_p),
            ("columns", ctypes.c_size_t),
            ("coefficients", ctypes.c_size_t),
            ("next", ctypes.c_size_t),
            ("held", ctypes.c_size_t),
        ]

    def __init__(self, columns: int, coefficients: int) -> None:
        self._ring = np.zeros((columns, coefficients), np.int8)
        self._fifo = self.Struct()
        status = c_library().kws_columns_init(
            ctypes.byref(self._fifo),
            ctypes.c_void_p(self._ring.ctypes.data),
            ctypes.c_size_t(columns),
            ctypes.c_size_t(coefficients),
        )
        assert status == OK

    def reset(self) -> None:
        assert c_library().kws_columns_reset(ctypes.byref(self._fifo)) == OK

    def push(self, column: NDArray[np.int8]) -> None:
        data = ctypes.c_void_p(column.ctypes.data)
        assert c_library().kws_columns_push(ctypes.byref(self._fifo), data) == OK

    def window(self) -> NDArray[np.int8] | None:
        window = np.empty_like(self._ring)
        data = ctypes.c_void_p(window.ctypes.data)
        status = c_library().kws_columns_window(ctypes.byref(self._fifo), data)
        return window if status == OK else None


SPECTRUM = {"python": Spectrum, "c": CSpectrum}
MFCC = {"python": Mfcc, "c": NativeMfcc}
RING = {"python": SampleRing, "c": CRing}
FIFO = {"python": ColumnFifo, "c": CColumnFifo}


def _plausible(count: int, first: float, spread: float) -> dict[str, tuple[float, ...]]:
    """A mean and deviations near those of speech, so that few values are saturated."""
    return {
        "mean": (first, *(0.0,) * (count - 1)),
        "deviation": tuple(max(0.6, spread / (k + 1)) for k in range(count)),
    }


SPECS = {
    "default": FrontEnd(**_plausible(38, 120.0, 30.0)),
    "log-mel": FrontEnd(
        window=1024,
        hop=512,
        features="log-mel",
        coefficients=40,
        columns=30,
        mean=(18.0,) * 40,
        deviation=(4.0,) * 40,
    ),
    "odd": FrontEnd(window=256, hop=101, mels=20, coefficients=13, **_plausible(13, 80.0, 25.0)),
}
FRONT_ENDS = pytest.mark.parametrize("front_end", SPECS.values(), ids=SPECS.keys())


def extremes(length: int) -> dict[str, Wave]:
    """What real recordings never are, by name: int16 [length] each."""
    n = np.arange(length)
    low, high = np.iinfo(np.int16).min, np.iinfo(np.int16).max
    waves = {
        "silence": np.zeros(length),
        "minimum": np.full(length, low),
        "maximum": np.full(length, high),
        "one": np.ones(length),
        "click": np.where(n % 1_000 == 700, low, 0),
        "small click": np.where(n % 1_000 == 700, 1, 0),
    }
    for half in (1, 2, 3, 16, 37, 128, 255):
        waves[f"square {2 * half}"] = np.where(n // half % 2, high, low)
    return {name: wave.astype(np.int16) for name, wave in waves.items()}


@st.composite
def waves(draw: st.DrawFn, longest: int = 3_000) -> Wave:
    """Noise of any level and length, full scale and silence among it."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    peak = draw(st.sampled_from([0, 1, 2, 17, 300, 5_000, 32_767]))
    wave = random.integers(-peak - 1 if peak else 0, peak + 1, draw(st.integers(0, longest)))
    if draw(st.booleans()):
        wave = np.where(wave < 0, -peak - 1, peak)
    return wave.astype(np.int16)


def blocks(wave: Wave, sizes: list[int]) -> Iterator[Wave]:
    """The wave in blocks of these sizes, the last one again and again."""
    start = 0
    for size in sizes:
        yield wave[start : start + size]
        start += size
    while start < len(wave):
        yield wave[start : start + max(1, sizes[-1])]
        start += max(1, sizes[-1])


BLOCK_SIZES = st.lists(st.sampled_from([0, 1, 2, 7, 101, 256, 509, 512, 1_031, 5_000]), min_size=1)
