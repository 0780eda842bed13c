"""One detection as text: firmware/src/line.c writes what Python's formats write."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.decide import Detection
from kws.display import plain
from kws.native_spotter import CDetection
from twins import BAD_ARGUMENT, LINE_BYTES, OK, c_library, c_plain

RATES = st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
KEYWORDS = st.sampled_from(["a", "yes", "backward", "zurückgehen", "größer", "はい", ""])


def line(keyword: str, code: int, end: int, rate: int) -> tuple[str, str]:
    detection = Detection(0, keyword, code, end / rate)
    return c_plain(detection, end, rate), plain(detection)


@given(KEYWORDS, st.integers(0, 255), st.integers(0, 10**12), RATES)
def test_any_detection(keyword: str, code: int, end: int, rate: int) -> None:
    written, expected = line(keyword, code, end, rate)
    assert written == expected


@pytest.mark.parametrize("code", range(256))
def test_every_score(code: int) -> None:
    written, expected = line("yes", code, 16_000, 16_000)
    assert written == expected


@given(st.integers(0, 10**8), st.sampled_from([200, 8_000, 16_000, 48_000]))
def test_times_half_way_between_hundredths(half: int, rate: int) -> None:
    """Python rounds the double next to such a time, which may lie on either side of it."""
    written, expected = line("yes", 128, (2 * half + 1) * rate // 200, rate)
    assert written == expected


def test_half_way_goes_up_down_and_to_even() -> None:
    times = [plain(Detection(0, "yes", 128, n / 200))[:9].strip() for n in (1, 3, 25, 75, 201)]
    assert times == ["0.01", "0.01", "0.12", "0.38", "1.00"]
    assert [line("yes", 128, n, 200)[0][:9].strip() for n in (1, 3, 25, 75, 201)] == times


@given(st.integers(0, 2**64 - 1), st.integers(1, 2**32 - 1))
def test_stays_within_its_bytes(end: int, rate: int) -> None:
    keyword = "forward"
    found = CDetection(0, end, 0, 255, keyword.encode())
    text = ctypes.create_string_buffer(b"\x7f" * 80)
    size = LINE_BYTES + len(keyword)
    arguments = ctypes.byref(found), ctypes.c_uint32(rate), text
    assert c_library().kws_line(*arguments, ctypes.c_size_t(size - 1)) == BAD_ARGUMENT
    assert text.raw == b"\x7f" * 80 + b"\0"
    assert c_library().kws_line(*arguments, ctypes.c_size_t(size)) == OK
    assert len(text.value) < size
    assert text.raw[size:] == b"\x7f" * (80 - size) + b"\0"
    assert text.value.endswith(b" s  forward  1.00")
