"""mfcc.py and mfcc.c: each other's bits, in a stream and in a batch."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from kws.native import c_tables
from kws.spec import FrontEnd
from kws.tables import tables
from twins import (
    BAD_ARGUMENT,
    BLOCK_SIZES,
    FRONT_ENDS,
    MFCC,
    RING,
    TWINS,
    Wave,
    blocks,
    c_library,
    extremes,
    waves,
)

VECTORS = Path(__file__).parent / "vectors"
CASES = json.loads((VECTORS / "mfcc.json").read_text())["cases"]


@FRONT_ENDS
@given(wave=waves(longest=6_000))
def test_twins_agree(front_end: FrontEnd, wave: Wave) -> None:
    python, c = (twin(front_end).clip(wave) for twin in MFCC.values())
    np.testing.assert_array_equal(python, c)


@FRONT_ENDS
def test_twins_agree_on_speech(front_end: FrontEnd, speech: dict[str, Wave]) -> None:
    for wave in speech.values():
        python, c = (twin(front_end).clip(wave) for twin in MFCC.values())
        np.testing.assert_array_equal(python, c)


@FRONT_ENDS
@pytest.mark.parametrize("name", extremes(1))
def test_twins_agree_on_extremes(front_end: FrontEnd, name: str) -> None:
    wave = extremes(4_000)[name]
    python, c = (twin(front_end).clip(wave) for twin in MFCC.values())
    np.testing.assert_array_equal(python, c)


@TWINS
@FRONT_ENDS
@given(wave=waves(longest=5_000), sizes=BLOCK_SIZES)
def test_batch_equals_stream(twin: str, front_end: FrontEnd, wave: Wave, sizes: list[int]) -> None:
    ring, mfcc = RING[twin](front_end.window, front_end.hop), MFCC[twin](front_end)
    parts = [mfcc.columns(ring.push(block)) for block in [*blocks(wave, sizes), wave[:0]]]
    np.testing.assert_array_equal(np.concatenate(parts), mfcc.clip(wave))


@TWINS
@FRONT_ENDS
@given(before=waves(), wave=waves())
def test_reset_starts_anew(twin: str, front_end: FrontEnd, before: Wave, wave: Wave) -> None:
    ring, mfcc = RING[twin](front_end.window, front_end.hop), MFCC[twin](front_end)
    mfcc.columns(ring.push(before))
    ring.reset()
    np.testing.assert_array_equal(mfcc.columns(ring.push(wave)), mfcc.clip(wave))


@TWINS
@FRONT_ENDS
@pytest.mark.parametrize("missing", [0, 1, 100])
def test_columns_of_short_clips(twin: str, front_end: FrontEnd, missing: int) -> None:
    wave = np.zeros(front_end.samples - missing, np.int16)
    columns = MFCC[twin](front_end).clip(wave)
    assert columns.dtype == np.int8
    assert columns.shape == (front_end.columns_in(len(wave)), front_end.coefficients)
    assert len(columns) == (front_end.columns - 1 if missing else front_end.columns)
    assert len(MFCC[twin](front_end).clip(wave[: front_end.window - 1])) == 0


@TWINS
def test_other_shapes_are_refused(twin: str, spec: FrontEnd) -> None:
    mfcc = MFCC[twin](spec)
    with pytest.raises(ValueError, match=r"500"):
        mfcc.columns(np.zeros((3, 500), np.int16))
    with pytest.raises(ValueError, match=r"shape|expected"):
        mfcc.clip(np.zeros((600, 2), np.int16))


def test_c_refuses_other_samples(spec: FrontEnd) -> None:
    with pytest.raises(TypeError, match="float32"):
        MFCC["c"](spec).clip(np.zeros(600, np.float32))


@pytest.mark.parametrize(
    ("size", "value"),
    [("window", 0), ("window", 500), ("hop", 0), ("hop", 513), ("mels", 0), ("coefficients", 0)],
)
def test_c_refuses_sizes(spec: FrontEnd, size: str, value: int) -> None:
    sizes, arrays = c_tables(spec)
    setattr(sizes, size, value)
    handle, work = (ctypes.c_char * 16)(), np.zeros(spec.window, np.int32)
    pointers = (handle, ctypes.byref(sizes), ctypes.c_void_p(work.ctypes.data))
    assert c_library().kws_mfcc_init(*pointers) == BAD_ARGUMENT
    assert arrays


def test_c_refuses_null(spec: FrontEnd) -> None:
    sizes, arrays = c_tables(spec)
    library, memory = c_library(), (ctypes.c_char * 16)()
    assert library.kws_mfcc_init(None, ctypes.byref(sizes), memory) == BAD_ARGUMENT
    assert library.kws_mfcc_init(memory, None, memory) == BAD_ARGUMENT
    assert library.kws_mfcc_init(memory, ctypes.byref(sizes), None) == BAD_ARGUMENT
    for arguments in ((None, memory, memory), (memory, None, memory), (memory, memory, None)):
        assert library.kws_mfcc_column(*arguments) == BAD_ARGUMENT
    assert library.kws_mfcc_clip(memory, None, 1, 1, memory) == BAD_ARGUMENT
    assert arrays


@TWINS
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_golden_vectors(twin: str, case: dict) -> None:
    front_end = FrontEnd.from_json(case["front_end"])
    assert tables(front_end).digest == case["tables_sha256"]
    columns = MFCC[twin](front_end).clip(np.array(case["samples"], np.int16))
    np.testing.assert_array_equal(columns, np.array(case["columns"], np.int8))
