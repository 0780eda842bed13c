"""The front-end's numbers and tables: what is refused, what C gets, and that it is current."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

import reference
from kws import tables
from kws.c_sources import front_end_sources
from kws.errors import SpecError
from kws.native import ARRAYS
from kws.spec import FrontEnd
from twins import FRONT_ENDS, ROOT


@FRONT_ENDS
def test_filters_and_dct_are_the_textbooks(front_end: FrontEnd) -> None:
    np.testing.assert_allclose(
        tables.mel_filters(front_end), reference.mel_filters(front_end), atol=1e-12
    )
    if front_end.features == "mfcc":
        np.testing.assert_allclose(tables.dct(front_end), reference.dct(front_end), atol=1e-12)


@pytest.mark.parametrize(
    ("numbers", "match"),
    [
        ({"window": 500}, "window is 500"),
        ({"hop": 0}, "hop is 0"),
        ({"hop": 513}, "hop is 513"),
        ({"high_hz": 8_001.0}, "8001.0 Hz"),
        ({"low_hz": 8_000.0}, "from 8000.0"),
        ({"features": "plp"}, "features is 'plp'"),
        ({"coefficients": 41}, "coefficients is 41"),
        ({"features": "log-mel"}, "one coefficient a band"),
        ({"columns": 0}, "columns 0"),
        ({"step": 0.0}, "step 0.0"),
        ({"noise_floor": 0.0}, "noise_floor is 0.0"),
        ({"noise_floor": 4.1}, "noise_floor is 4.1"),
        ({"mean": (0.0,) * 37}, "mean has 37"),
        ({"deviation": (0.0,) * 38}, "deviation 0.0"),
        ({"deviation": (2.0**-9,) * 38}, "too fine"),
        ({"mean": (float("nan"),) * 38}, "finite"),
        ({"deviation": (float("inf"),) * 38}, "finite"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_numbers_that_cannot_be(numbers: dict, match: str) -> None:
    with pytest.raises(SpecError, match=match):
        FrontEnd(**numbers)


@pytest.mark.parametrize(
    ("numbers", "match"),
    [
        ({"noise_floor": 0.01}, "too little noise floor"),
        ({"window": 128, "hop": 64, "mels": 80}, "too little noise floor"),
        ({"mels": 1, "coefficients": 1, "noise_floor": 4.0}, "too much noise floor"),
        ({"mean": (2.0**17,) * 38, "step": 2.0**-10}, "64 bits"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tables_that_do_not_fit(numbers: dict, match: str) -> None:
    count = numbers.get("coefficients", FrontEnd.coefficients)
    spec = FrontEnd(**{"mean": (0.0,) * count, "deviation": (1.0,) * count, **numbers})
    with pytest.raises(SpecError, match=match):
        tables.tables(spec)


@FRONT_ENDS
def test_json_and_back(front_end: FrontEnd) -> None:
    assert FrontEnd.from_json(front_end.to_json()) == front_end


def test_digest_sees_every_bit(spec: FrontEnd) -> None:
    t = tables.tables(spec)
    changed = t.log.copy()
    changed[7] ^= 1
    assert replace(t, log=changed).digest != t.digest


def test_c_has_the_same_formats() -> None:
    header = (ROOT / "firmware/src/tables.h").read_text()
    found = dict(re.findall(r"KWS_(\w+) = (\d+),", header))
    assert {name: int(value) for name, value in found.items()} == {
        name: getattr(tables, name)
        for name in ("POWER_SHIFT", "MEL_BITS", "LOG_BITS", "LOG_SEGMENTS", "MATRIX_BITS")
    }


def test_generated_values_are_the_tables(spec: FrontEnd) -> None:
    text = front_end_sources(spec, "a test")["frontend.c"]
    source = text.replace("INT32_MIN", str(-(2**31)))
    t = tables.tables(spec)
    for member, name in ARRAYS.items():
        text = re.search(rf" {member}_table\[\d+\] = {{(.*?)}};", source, re.DOTALL)
        assert text is not None
        values = [int(v) for v in re.findall(r"-?\d+(?=[,)])", text[1])]
        np.testing.assert_array_equal(values, getattr(t, name).ravel())
