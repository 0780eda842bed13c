"""mfcc.py and mfcc.c: each other's bits, in a stream and in a batch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from kws.spec import FrontEnd
from kws.tables import tables
from twins import (
    BLOCK_SIZES,
    FRONT_ENDS,
    MFCC,
    RING,
    TWINS,
    Wave,
    blocks,
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
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_golden_vectors(twin: str, case: dict) -> None:
    front_end = FrontEnd.from_json(case["front_end"])
    assert tables(front_end).digest == case["tables_sha256"]
    columns = MFCC[twin](front_end).clip(np.array(case["samples"], np.int16))
    np.testing.assert_array_equal(columns, np.array(case["columns"], np.int8))
