"""Each kernel of each backend against the golden model, on one layer at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_cases import CASES, codes
from kws import native, structs
from kws.golden import Golden
from kws.native_network import run_kernel
from kws.plan import window_plan
from twins import LIBRARIES


def test_every_kernel_is_tested() -> None:
    assert CASES.keys() == structs.OPTIONS.keys()


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda path: path.stem)
@pytest.mark.parametrize("kernel", CASES)
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1))
def test_kernel(kernel: str, library: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = CASES[kernel](rng)
    plan = window_plan(graph)
    shape = graph.tensors[graph.inputs[0]].shape
    values = Golden(graph).run(codes(rng, shape))
    by_name = {graph.tensors[i].name: value for i, value in values.items()}
    step = plan.steps[-1]
    assert step.kernel == kernel
    operands = [by_name[plan.buffers[i].name] for i in dict.fromkeys((step.a, step.b))]
    expected = by_name[step.name]
    got = run_kernel(
        kernel, step.options, operands, expected.size, step.scratch, native.load(library)
    )
    assert got.tolist() == expected.reshape(-1).tolist()
