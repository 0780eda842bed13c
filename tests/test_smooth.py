from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from twins import SMOOTHER, TWINS


@TWINS
@given(
    posteriors=st.integers(0, 40).flatmap(lambda n: arrays(np.int8, (n, 3))),
    length=st.integers(1, 12),
)
def test_sums_are_those_of_the_last_inferences(
    twin: str, posteriors: NDArray[np.int8], length: int
) -> None:
    smoother = SMOOTHER[twin](3, length)
    codes = posteriors.astype(int) + 128
    for n, column in enumerate(posteriors, start=1):
        sums = smoother.push(column)
        np.testing.assert_array_equal(sums, codes[max(0, n - length) : n].sum(axis=0))
        assert smoother.count == min(n, length)
        assert sums.dtype == np.int32


@TWINS
def test_reset_forgets(twin: str) -> None:
    smoother = SMOOTHER[twin](2, 4)
    smoother.push(np.array([127, -128], np.int8))
    smoother.reset()
    assert smoother.count == 0
    np.testing.assert_array_equal(smoother.push(np.array([-128, -127], np.int8)), [0, 1])


@TWINS
def test_sums_that_were_given_stay(twin: str) -> None:
    smoother = SMOOTHER[twin](1, 2)
    first = smoother.push(np.array([0], np.int8))
    smoother.push(np.array([1], np.int8))
    assert first[0] == 128
