"""The stages in both languages under one interface, and what the tests feed them."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kws import export, native, native_spotter
from kws.artefact import Artefact
from kws.columns import ColumnFifo
from kws.decide import Decider, Decision, Detection
from kws.engine import Engine
from kws.fft import Spectrum
from kws.golden import Golden
from kws.mfcc import Mfcc
from kws.native import NativeMfcc
from kws.native_spotter import NativeSpotter
from kws.ring import SampleRing
from kws.smooth import Smoother
from kws.spec import FrontEnd
from kws.spotter import Spotter

Wave = NDArray[np.int16]

ROOT = Path(__file__).resolve().parents[1]
TWINS = pytest.mark.parametrize("twin", ["python", "c"])

OK, BAD_ARGUMENT, NOT_READY = range(3)  # enum kws_status
LINE_BYTES = 48  # KWS_LINE_BYTES of firmware/src/line.h

settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")

if library_path := os.environ.get("KWS_LIBRARY"):  # the one with sanitizers
    native.LIBRARY = Path(library_path)
    LIBRARIES = [native.LIBRARY]
else:  # a library of yesterday would test yesterday's code
    subprocess.run(["make", "--silent", "host", "backends"], cwd=ROOT, check=True)
    built = sorted((ROOT / "firmware/build").glob("libkws-*.so"))
    LIBRARIES = [path for path in built if not path.stem.endswith("-sanitized")]


def c_library() -> ctypes.CDLL:
    """The C twin, which the tests cannot do without."""
    loaded = native.library()
    assert loaded is not None, f"{native.LIBRARY} cannot be loaded"
    return loaded


def build_host(folder: Path, model: str | Path) -> Path:
    """kws_host with a model, by its name or folder, built in `folder`."""
    assert export.main([str(model), "--out", str(folder)]) == 0
    make = ["make", "--silent", f"HOST_BUILD={folder}", f"GENERATED={folder}"]
    subprocess.run([*make, f"{folder}/kws_host"], cwd=ROOT, check=True)
    return folder / "kws_host"


class CSpectrum:
    """`Spectrum` from what firmware/src/fft.c leaves in place of pairs in their order."""

    def __init__(self, twiddle: NDArray[np.int32]) -> None:
        self._twiddle = twiddle

    def power(self, frames: NDArray[np.int64]) -> NDArray[np.int64]:
        rows, half = [], len(frames) // 2
        order = np.arange(half).reshape([2] * (half.bit_length() - 1)).T.ravel()
        for frame in frames.T:
            work = np.ascontiguousarray(frame.astype(np.int32).reshape(half, 2)[order]).ravel()
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

    def __init__(self, window: int, hop: int) -> None:
        self._frame = np.zeros(window, np.int16)
        self._ring = native_spotter.Ring()
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

    def __init__(self, columns: int, coefficients: int) -> None:
        self._ring = np.zeros((columns, coefficients), np.int8)
        self._fifo = native_spotter.Columns()
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


class CSmoother:
    """`Smoother` over firmware/src/smooth.c."""

    def __init__(self, labels: int, length: int) -> None:
        self._history = np.full((length, labels), 99, np.uint8)
        self._sums = np.full(labels, 99, np.uint32)
        self._smooth = native_spotter.Smooth()
        status = c_library().kws_smooth_init(
            ctypes.byref(self._smooth),
            ctypes.c_void_p(self._history.ctypes.data),
            ctypes.c_void_p(self._sums.ctypes.data),
            ctypes.c_uint16(labels),
            ctypes.c_uint16(length),
        )
        assert status == OK

    @property
    def count(self) -> int:
        return int(self._smooth.count)

    def reset(self) -> None:
        assert c_library().kws_smooth_reset(ctypes.byref(self._smooth)) == OK

    def push(self, posteriors: NDArray[np.int8]) -> NDArray[np.int32]:
        data = ctypes.c_void_p(np.ascontiguousarray(posteriors).ctypes.data)
        assert c_library().kws_smooth_push(ctypes.byref(self._smooth), data) == OK
        return self._sums.astype(np.int32)


class CDecider:
    """`Decider` over firmware/src/decide.c."""

    def __init__(
        self,
        labels: Sequence[str],
        spec: FrontEnd,
        decision: Decision,
        keywords: Iterable[str] | None = None,
    ) -> None:
        self._labels, self._rate = labels, spec.sample_rate
        self._model, self._kept = native_spotter.c_model(labels, spec, decision, keywords)
        self._decide = native_spotter.Decide()
        status = c_library().kws_decide_init(ctypes.byref(self._decide), ctypes.byref(self._model))
        assert status == OK

    def reset(self) -> None:
        assert c_library().kws_decide_reset(ctypes.byref(self._decide)) == OK

    def top(self, sums: NDArray[np.int32], count: int) -> tuple[str, int]:
        label, score = ctypes.c_uint16(), ctypes.c_uint8()
        status = c_library().kws_decide_top(
            ctypes.byref(self._decide),
            ctypes.c_void_p(sums.ctypes.data),
            ctypes.c_uint16(count),
            ctypes.byref(label),
            ctypes.byref(score),
        )
        assert status == OK
        return self._labels[label.value], score.value

    def push(self, column: int, sums: NDArray[np.int32], count: int) -> Detection | None:
        found = native_spotter.CDetection()
        status = c_library().kws_decide_push(
            ctypes.byref(self._decide),
            ctypes.c_uint64(column),
            ctypes.c_void_p(sums.ctypes.data),
            ctypes.c_uint16(count),
            ctypes.byref(found),
        )
        assert status in (OK, NOT_READY)
        return found.detection(self._rate) if status == OK else None


def c_plain(detection: Detection, end: int, rate: int) -> str:
    """`plain` by firmware/src/line.c, which counts in samples."""
    keyword = detection.keyword.encode()
    found = native_spotter.CDetection(detection.column, end, 0, detection.code, keyword)
    text = ctypes.create_string_buffer(LINE_BYTES + len(keyword))
    status = c_library().kws_line(
        ctypes.byref(found), ctypes.c_uint32(rate), text, ctypes.c_size_t(len(text))
    )
    assert status == OK
    return text.value.decode()


class GoldenEngine(Engine):
    """The golden arithmetic as an engine: what C is held to."""

    def __init__(self, artefact: Artefact) -> None:
        self._golden = Golden(artefact.model)

    def infer(self, window: NDArray[np.int8]) -> NDArray[np.int8]:
        return np.asarray(self._golden.infer(window), np.int8)


def spotter(twin: str, artefact: Artefact, **options: Any) -> Spotter | NativeSpotter:
    """Either twin's whole chain."""
    if twin == "c":
        return NativeSpotter(artefact, **options)
    return Spotter(artefact, GoldenEngine(artefact), **options)


SPECTRUM = {"python": Spectrum, "c": CSpectrum}
MFCC = {"python": Mfcc, "c": NativeMfcc}
RING = {"python": SampleRing, "c": CRing}
FIFO = {"python": ColumnFifo, "c": CColumnFifo}
SMOOTHER = {"python": Smoother, "c": CSmoother}
DECIDER = {"python": Decider, "c": CDecider}


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
