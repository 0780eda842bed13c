from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kws.artefact import Artefact
from kws.decide import Decider, Detection
from kws.errors import SpecError
from kws.mfcc import Mfcc
from kws.native_spotter import NativeSpotter
from kws.smooth import Smoother
from kws.spotter import Spotter
from tiny_model import LABELS, SPEC
from twins import TWINS, GoldenEngine, spotter

Wave = NDArray[np.int16]
BLOCKS = st.lists(st.sampled_from([0, 1, 7, 255, 256, 257, 511, 1024, 4099, 20_000]), min_size=1)


@pytest.fixture(scope="module")
def expected(tiny: Artefact, talk: Wave) -> list[Detection]:
    """The whole chain again, each stage over the whole recording."""
    engine, decision = GoldenEngine(tiny), tiny.manifest.decision
    columns = Mfcc(SPEC).clip(talk)
    smoother, decider = Smoother(len(LABELS), decision.smoothing), Decider(LABELS, SPEC, decision)
    detections = []
    for last in range(SPEC.columns - 1, len(columns)):
        posteriors = engine.infer(columns[last - SPEC.columns + 1 : last + 1])
        sums = smoother.push(posteriors)
        detections.append(decider.push(last, sums, smoother.count))
    return [d for d in detections if d is not None]


def in_blocks(one: Spotter | NativeSpotter, samples: Wave, sizes: list[int]) -> list[Detection]:
    found = []
    for size in sizes:
        found += one.feed(samples[:size])
        samples = samples[size:]
    return found + list(one.feed(samples))


@TWINS
def test_whole_recording(twin: str, tiny: Artefact, talk: Wave, expected: list[Detection]) -> None:
    assert len(expected) > 5
    assert len({d.keyword for d in expected}) > 2
    assert list(spotter(twin, tiny).feed(talk)) == expected


@TWINS
@settings(max_examples=12, deadline=None)
@given(sizes=BLOCKS)
def test_any_block_sizes(
    twin: str, tiny: Artefact, talk: Wave, expected: list[Detection], sizes: list[int]
) -> None:
    assert in_blocks(spotter(twin, tiny), talk, sizes) == expected


@TWINS
def test_one_sample_at_a_time(
    twin: str, tiny: Artefact, talk: Wave, expected: list[Detection]
) -> None:
    some = talk[: 2 * SPEC.sample_rate]
    found = in_blocks(spotter(twin, tiny), some, [1] * len(some))
    assert found == [d for d in expected if d.time <= 2.0]


@TWINS
def test_reset_starts_anew(
    twin: str, tiny: Artefact, talk: Wave, expected: list[Detection]
) -> None:
    one = spotter(twin, tiny)
    list(one.feed(talk[5_000:25_001]))
    one.reset()
    assert one.top is None
    assert list(one.feed(talk)) == expected


@TWINS
def test_block_may_be_overwritten(
    twin: str, tiny: Artefact, talk: Wave, expected: list[Detection]
) -> None:
    one, block, found = spotter(twin, tiny), np.zeros(700, np.int16), []
    for first in range(0, len(talk), len(block)):
        part = talk[first : first + len(block)]
        block[: len(part)] = part
        found += one.feed(block[: len(part)])
    assert found == expected


@TWINS
@pytest.mark.parametrize("hop", [2, 7])
def test_inferences_every_few_columns(twin: str, tiny: Artefact, talk: Wave, hop: int) -> None:
    decision = dataclasses.replace(tiny.manifest.decision, hop=hop)
    manifest = dataclasses.replace(tiny.manifest, decision=decision)
    one = spotter(twin, dataclasses.replace(tiny, manifest=manifest))
    found = in_blocks(one, talk, [300] * 50)
    assert found
    assert {(d.column - (SPEC.columns - 1)) % hop for d in found} == {0}


@TWINS
def test_top_is_the_highest_keyword(twin: str, tiny: Artefact, talk: Wave) -> None:
    one = spotter(twin, tiny, keywords=["up", "no"])
    list(one.feed(talk[: SPEC.samples - 1]))
    assert one.top is None
    for detection in one.feed(talk[SPEC.samples - 1 :]):
        assert one.top == (detection.keyword, detection.score)
        assert detection.keyword in ("up", "no")


@TWINS
def test_threshold_replaces_the_manifests(
    twin: str, tiny: Artefact, talk: Wave, expected: list[Detection]
) -> None:
    found = list(spotter(twin, tiny, threshold=0.9).feed(talk))
    assert 0 < len(found) < len(expected)
    assert min(d.score for d in found) >= 230 / 256


@TWINS
def test_a_threshold_each(twin: str, tiny: Artefact, talk: Wave, expected: list[Detection]) -> None:
    threshold = {"yes": 0.95, "no": 0.6, "up": 0.6, "down": 1.0}
    decision = dataclasses.replace(tiny.manifest.decision, threshold=threshold)
    several = dataclasses.replace(
        tiny, manifest=dataclasses.replace(tiny.manifest, decision=decision)
    )
    found = list(spotter(twin, several).feed(talk))
    assert found == list(spotter("python", several).feed(talk))
    assert {d.keyword for d in found} >= {"no", "up"}
    assert all(d.score >= round(256 * threshold[d.keyword]) / 256 for d in found if d.code < 255)
    assert list(spotter(twin, several, threshold=0.6).feed(talk)) == expected


@TWINS
def test_bad_wishes(twin: str, tiny: Artefact) -> None:
    with pytest.raises(SpecError, match="unknown keyword 'maybe'"):
        spotter(twin, tiny, keywords=["maybe"])
    with pytest.raises(SpecError, match="threshold is 0"):
        spotter(twin, tiny, threshold=0)
