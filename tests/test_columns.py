"""columns.py and columns.c: the last columns, oldest first."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twins import BAD_ARGUMENT, FIFO, TWINS, c_library


def numbered(count: int, coefficients: int) -> np.ndarray:
    """Columns that all differ."""
    return np.random.default_rng(count).integers(-128, 128, (count, coefficients), np.int8)


@TWINS
@given(columns=st.integers(1, 60), coefficients=st.integers(1, 40), pushes=st.integers(0, 150))
def test_last_columns_oldest_first(twin: str, columns: int, coefficients: int, pushes: int) -> None:
    fifo = FIFO[twin](columns, coefficients)
    stream = numbered(pushes, coefficients)
    for i, column in enumerate(stream, 1):
        fifo.push(column)
        window = fifo.window()
        if i < columns:
            assert window is None
        else:
            np.testing.assert_array_equal(window, stream[i - columns : i])


@TWINS
def test_reset_empties(twin: str) -> None:
    fifo = FIFO[twin](3, 2)
    stream = numbered(8, 2)
    for column in stream[:5]:
        fifo.push(column)
    fifo.reset()
    windows = []
    for column in stream[5:]:
        windows.append(fifo.window())
        fifo.push(column)
    assert windows == [None] * 3
    np.testing.assert_array_equal(fifo.window(), stream[5:])


@TWINS
def test_window_is_a_copy(twin: str) -> None:
    fifo = FIFO[twin](2, 2)
    for column in numbered(2, 2):
        fifo.push(column)
    window = fifo.window()
    fifo.push(np.zeros(2, np.int8))
    np.testing.assert_array_equal(window, numbered(2, 2))


@pytest.mark.parametrize(("columns", "coefficients"), [(0, 1), (1, 0)])
def test_c_refuses_sizes(columns: int, coefficients: int) -> None:
    memory = (ctypes.c_char * 64)()
    sizes = (ctypes.c_size_t(columns), ctypes.c_size_t(coefficients))
    assert c_library().kws_columns_init(memory, memory, *sizes) == BAD_ARGUMENT


def test_c_refuses_null() -> None:
    library, memory, fifo = c_library(), (ctypes.c_char * 64)(), (ctypes.c_char * 64)()
    sizes = (ctypes.c_size_t(2), ctypes.c_size_t(3))
    assert library.kws_columns_init(None, memory, *sizes) == BAD_ARGUMENT
    assert library.kws_columns_init(fifo, None, *sizes) == BAD_ARGUMENT
    assert library.kws_columns_init(fifo, memory, *sizes) == 0
    assert library.kws_columns_reset(None) == BAD_ARGUMENT
    for call in (library.kws_columns_push, library.kws_columns_window):
        assert call(None, memory) == BAD_ARGUMENT
        assert call(fifo, None) == BAD_ARGUMENT
