"""Audio that arrives on time while the chain works in slices: nothing is overwritten unheard.

The C chain runs here, on a clock that advances by what its slices take on a Cortex-M4: executed
instructions of the emulated front-end and layers, times an estimate of cycles.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import pytest

from kws.artefact import DEFAULT_MODEL, Artefact
from kws.emulate import Firmware, compile_elf
from kws.emulated_network import network_instructions
from kws.graph import read_graph
from kws.native_spotter import NativeSpotter
from kws.plan import Plan, window_plan
from kws.stream import stream_plan
from twins import ROOT, Wave, spotter

CLOCK = 80_000_000  # of the STM32L4 boards, Hz
CYCLES = 1.7  # an instruction, from the estimates of `make bench-firmware`, rounded up
SECONDS = 3


@dataclass(frozen=True)
class Costs:
    """Cycles of a column and of each layer."""

    column: float
    layers: tuple[float, ...]

    @property
    def decision(self) -> float:
        """Cycles of all layers."""
        return sum(self.layers)


@dataclass(frozen=True)
class Audio:
    """`buffers` of `half` samples that the hardware fills in turn: 2 are a double buffer."""

    half: int
    buffers: int = 2


@dataclass
class Played:
    """What became of it; `longest` is the time between two looks at the audio, in cycles."""

    lost: int
    longest: float
    words: list[object]


def with_hop(artefact: Artefact, hop: int) -> Artefact:
    """The same model with fewer decisions, and their mean over the same time."""
    decision = artefact.manifest.decision
    smoothing = max(1, decision.smoothing * decision.hop // hop)
    decision = dataclasses.replace(decision, hop=hop, smoothing=smoothing)
    manifest = dataclasses.replace(artefact.manifest, decision=decision)
    return dataclasses.replace(artefact, manifest=manifest)


def play(one: NativeSpotter, samples: Wave, audio: Audio, costs: Costs) -> Played:
    """The main loop of kws.h: audio where there is some, else a layer, else sleep."""
    period = audio.half * CLOCK / one.spec.sample_rate
    now, looked, index = 0.0, 0.0, 0
    played = Played(0, 0.0, [])
    while (index + 1) * audio.half <= len(samples):
        played.longest = max(played.longest, now - looked)
        looked = now
        if now >= (index + 1) * period:  # it is full, and rewritten when its turn comes again
            now += take(one, samples[index * audio.half :][: audio.half], costs)
            played.lost += now > (index + audio.buffers) * period
            index += 1
        elif one.kws.working:
            layer = one.kws.network.next
            one.work()
            now += costs.layers[layer]
        else:
            now = looked = (index + 1) * period
    while one.work():
        pass
    played.words = list(one.found())
    return played


def take(one: NativeSpotter, rest: Wave, costs: Costs) -> float:
    """Cycles of all columns of a half, and of the layers that were left over for them."""
    cycles = 0.0
    while len(rest):
        working, layer, judged = one.kws.working, one.kws.network.next, one.kws.judged
        complete, taken = one.take(rest)
        rest = rest[taken:]
        if working and one.kws.judged != judged:
            cycles += sum(costs.layers[layer:])
        cycles += costs.column if complete else 0
    return cycles


@pytest.fixture(scope="module")
def demo() -> Artefact:
    """A model that runs whole windows, whose layers take long."""
    return Artefact.load("st-int8")


@pytest.fixture(scope="module")
def plan(demo: Artefact) -> Plan:
    return window_plan(read_graph(demo.model))


@pytest.fixture(scope="module")
def costs(demo: Artefact, plan: Plan) -> Costs:
    return on_m4(demo, plan)


def on_m4(artefact: Artefact, plan: Plan) -> Costs:
    """Of a model with our kernels for the Cortex-M4."""
    layers = network_instructions(plan, "m4", "fast")
    return Costs(column_instructions(artefact) * CYCLES, tuple(n * CYCLES for n in layers))


def column_instructions(artefact: Artefact) -> int:
    """Of the front-end, for a frame of noise."""
    folder = ROOT / "firmware"
    sources = ["src/mfcc.c", "src/fft.c", "generated/frontend.c"]
    include = [folder / "src", folder / "generated"]
    firmware = Firmware(compile_elf([folder / name for name in sources], "m4", include))
    spec = artefact.manifest.front_end
    work, mfcc = firmware.reserve(4 * spec.window), firmware.reserve(8)
    column = firmware.reserve(spec.coefficients)
    noise = np.random.default_rng(1).integers(-9_000, 9_000, spec.window)
    frame = firmware.place(noise.astype("<i2").tobytes())
    assert firmware.call("kws_mfcc_init", mfcc, firmware.symbols["kws_frontend"], work).result == 0
    return firmware.call("kws_mfcc_column", mfcc, frame, column).instructions


@pytest.fixture(scope="module")
def some(demo: Artefact, talk: Wave) -> Wave:
    return talk[: SECONDS * demo.manifest.front_end.sample_rate]


def hop_time(artefact: Artefact, hop: int = 1) -> float:
    """Cycles from one decision to the next."""
    return hop * artefact.manifest.front_end.hop_seconds * CLOCK


def shortest_hop(artefact: Artefact, costs: Costs) -> int:
    """At which all work fits into the time."""
    return math.ceil(costs.decision / (hop_time(artefact) - costs.column))


@pytest.mark.parametrize("audio", [Audio(512), Audio(256, buffers=8)], ids=["double", "queue"])
def test_nothing_is_lost_where_the_work_fits(
    demo: Artefact, plan: Plan, costs: Costs, some: Wave, audio: Audio
) -> None:
    """And the words are those of Python."""
    slow = with_hop(demo, shortest_hop(demo, costs))
    assert hop_time(slow) > costs.column
    played = play(NativeSpotter(slow, plan=plan), some, audio, costs)
    assert played.lost == 0
    assert played.words
    whole = some[: len(some) // audio.half * audio.half]
    assert played.words == list(spotter("c", slow).feed(whole))


def test_the_time_between_two_calls(demo: Artefact, plan: Plan, costs: Costs, some: Wave) -> None:
    """The longest is a layer's, or that of a half's columns: no work is left over for them."""
    slow = with_hop(demo, shortest_hop(demo, costs))
    played = play(NativeSpotter(slow, plan=plan), some, Audio(512), costs)
    assert played.longest == pytest.approx(max(*costs.layers, 2 * costs.column))
    assert played.longest < 0.02 * CLOCK


@pytest.mark.parametrize("audio", [Audio(512), Audio(256, buffers=8)], ids=["double", "queue"])
def test_audio_is_lost_where_the_work_does_not_fit(
    demo: Artefact, plan: Plan, costs: Costs, some: Wave, audio: Audio
) -> None:
    assert costs.decision + costs.column > hop_time(demo)
    assert play(NativeSpotter(with_hop(demo, 1), plan=plan), some, audio, costs).lost > 0


def test_a_layer_longer_than_a_half_needs_more_than_two(
    demo: Artefact, plan: Plan, costs: Costs, some: Wave
) -> None:
    slow, half = with_hop(demo, 8), 128
    assert max(costs.layers) > half / demo.manifest.front_end.sample_rate * CLOCK
    assert play(NativeSpotter(slow, plan=plan), some, Audio(half), costs).lost > 0
    assert play(NativeSpotter(slow, plan=plan), some, Audio(half, 8), costs).lost == 0


def test_the_manifests_hop(demo: Artefact, plan: Plan, costs: Costs, some: Wave) -> None:
    """What the boards run."""
    hop = demo.manifest.decision.hop
    played = play(NativeSpotter(demo, plan=plan), some, Audio(512), costs)
    assert (played.lost == 0) == (hop >= shortest_hop(demo, costs))


@pytest.mark.parametrize("half", [128, 256, 512])
def test_a_stream_is_done_before_the_next_column(some: Wave, half: int) -> None:
    """The model that the boards run where none is named: of all layers, which are due at once."""
    artefact = Artefact.load(DEFAULT_MODEL)
    plan = stream_plan(read_graph(artefact.model))
    costs = on_m4(artefact, plan)
    assert plan.stride == artefact.manifest.decision.hop
    assert costs.column + costs.decision < hop_time(artefact)
    played = play(NativeSpotter(artefact), some, Audio(half), costs)
    assert played.lost == 0
    assert played.longest < 0.01 * CLOCK
    whole = some[: len(some) // half * half]
    assert played.words == list(spotter("c", artefact).feed(whole))
