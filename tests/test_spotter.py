from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kws.artefact import Artefact
from kws.decide import Decider, Detection
from kws.engine import Engine, open_engine
from kws.errors import SpecError
from kws.mfcc import Mfcc
from kws.smooth import Smoother
from kws.spotter import Spotter
from tiny_model import LABELS, SPEC

Wave = NDArray[np.int16]
BLOCKS = st.lists(st.sampled_from([0, 1, 7, 255, 256, 257, 511, 1024, 4099, 20_000]), min_size=1)


@pytest.fixture(scope="module")
def engine(tiny: Artefact) -> Engine:
    return open_engine(tiny)


@pytest.fixture(scope="module")
def expected(tiny: Artefact, talk: Wave) -> list[Detection]:
    """The whole chain again, each stage over the whole recording."""
    engine, decision = open_engine(tiny), tiny.manifest.decision
    columns = Mfcc(SPEC).clip(talk)
    smoother, decider = Smoother(len(LABELS), decision.smoothing), Decider(LABELS, SPEC, decision)
    detections = []
    for last in range(SPEC.columns - 1, len(columns)):
        posteriors = engine.infer(columns[last - SPEC.columns + 1 : last + 1])
        sums = smoother.push(posteriors)
        detections.append(decider.push(last, sums, smoother.count))
    return [d for d in detections if d is not None]


def in_blocks(spotter: Spotter, samples: Wave, sizes: list[int]) -> list[Detection]:
    found = []
    for size in sizes:
        found += spotter.feed(samples[:size])
        samples = samples[size:]
    return found + list(spotter.feed(samples))


def test_whole_recording(
    tiny: Artefact, engine: Engine, talk: Wave, expected: list[Detection]
) -> None:
    assert len(expected) > 5
    assert len({d.keyword for d in expected}) > 2
    assert list(Spotter(tiny, engine).feed(talk)) == expected


@settings(max_examples=12, deadline=None)
@given(sizes=BLOCKS)
def test_any_block_sizes(
    tiny: Artefact, engine: Engine, talk: Wave, expected: list[Detection], sizes: list[int]
) -> None:
    assert in_blocks(Spotter(tiny, engine), talk, sizes) == expected


def test_one_sample_at_a_time(
    tiny: Artefact, engine: Engine, talk: Wave, expected: list[Detection]
) -> None:
    some = talk[: 2 * SPEC.sample_rate]
    found = in_blocks(Spotter(tiny, engine), some, [1] * len(some))
    assert found == [d for d in expected if d.time <= 2.0]


def test_reset_starts_anew(
    tiny: Artefact, engine: Engine, talk: Wave, expected: list[Detection]
) -> None:
    spotter = Spotter(tiny, engine)
    list(spotter.feed(talk[5_000:25_001]))
    spotter.reset()
    assert spotter.top is None
    assert list(spotter.feed(talk)) == expected


def test_block_may_be_overwritten(
    tiny: Artefact, engine: Engine, talk: Wave, expected: list[Detection]
) -> None:
    spotter, block, found = Spotter(tiny, engine), np.zeros(700, np.int16), []
    for first in range(0, len(talk), len(block)):
        part = talk[first : first + len(block)]
        block[: len(part)] = part
        found += spotter.feed(block[: len(part)])
    assert found == expected


@pytest.mark.parametrize("hop", [2, 7])
def test_inferences_every_few_columns(tiny: Artefact, engine: Engine, talk: Wave, hop: int) -> None:
    decision = dataclasses.replace(tiny.manifest.decision, hop=hop)
    manifest = dataclasses.replace(tiny.manifest, decision=decision)
    spotter = Spotter(dataclasses.replace(tiny, manifest=manifest), engine)
    found = in_blocks(spotter, talk, [300] * 50)
    assert found
    assert {(d.column - (SPEC.columns - 1)) % hop for d in found} == {0}


def test_top_is_the_highest_keyword(tiny: Artefact, engine: Engine, talk: Wave) -> None:
    spotter = Spotter(tiny, engine, keywords=["up", "no"])
    list(spotter.feed(talk[: SPEC.samples - 1]))
    assert spotter.top is None
    for detection in spotter.feed(talk[SPEC.samples - 1 :]):
        assert spotter.top == (detection.keyword, detection.score)
        assert detection.keyword in ("up", "no")


def test_threshold_replaces_the_manifests(
    tiny: Artefact, engine: Engine, talk: Wave, expected: list[Detection]
) -> None:
    found = list(Spotter(tiny, engine, threshold=0.9).feed(talk))
    assert 0 < len(found) < len(expected)
    assert min(d.score for d in found) >= 230 / 256


def test_bad_wishes(tiny: Artefact, engine: Engine) -> None:
    with pytest.raises(SpecError, match="unknown keyword 'maybe'"):
        Spotter(tiny, engine, keywords=["maybe"])
    with pytest.raises(SpecError, match="threshold is 0"):
        Spotter(tiny, engine, threshold=0)
