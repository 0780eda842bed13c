"""The whole chain in C: real models, streams and windows, any slices, and what cannot be."""

from __future__ import annotations

import ctypes
import dataclasses
import signal
import subprocess
from pathlib import Path
from types import FrameType
from typing import NoReturn

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from kws import native_spotter
from kws.artefact import DEFAULT_MODEL, Artefact
from kws.audio import read_audio
from kws.decide import Detection
from kws.display import plain
from kws.errors import ArtefactError
from kws.export import memory_bytes
from kws.graph import read_graph
from kws.native_network import c_plan
from kws.native_spotter import NativeSpotter
from kws.plan import Plan, window_plan
from kws.stream import stream_plan
from stream_model import STRIDE, stream_artefact
from tiny_model import SPEC
from twins import BAD_ARGUMENT, BLOCK_SIZES, OK, ROOT, Wave, blocks, build_host, c_library, spotter

MODELS = [DEFAULT_MODEL, "st-hybrid"]


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    """A model whose network can run column by column."""
    return stream_artefact(tmp_path_factory.mktemp("models") / "stream")


@pytest.fixture(scope="module")
def talk(talk: Wave) -> Wave:
    """A little of it."""
    return talk[: 5 * SPEC.sample_rate]


@pytest.fixture(scope="module")
def expected(stream: Artefact, talk: Wave) -> list[Detection]:
    """What the golden arithmetic gives, window by window."""
    found = list(spotter("python", stream).feed(talk))
    assert len(found) > 5
    assert len({d.keyword for d in found}) > 2
    return found


def plans(artefact: Artefact) -> list[Plan]:
    """The network as a window and as a stream."""
    graph = read_graph(artefact.model)
    return [window_plan(graph), stream_plan(graph)]


def listen(host: Path, samples: Wave, folder: Path) -> list[str]:
    """What kws_host --listen prints."""
    path = folder / "some.wav"
    soundfile.write(path, samples, SPEC.sample_rate, subtype="PCM_16")
    command = [host, "--listen", path]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.parametrize("model", MODELS)
def test_words_of_a_model(model: str, tmp_path: Path) -> None:
    """The golden model, the C chain in Python and the C program, on real and spliced words."""
    artefact = Artefact.load(model)
    talk, rate = soundfile.read(ROOT / "examples" / "commands.wav", dtype="int16")
    assert rate == artefact.manifest.front_end.sample_rate
    talk = talk[: 9 * rate]
    words = list(spotter("python", artefact).feed(talk))
    assert len(words) >= 4
    one = NativeSpotter(artefact)
    found = [d for block in blocks(talk, [1, 700, 255, 4_099]) for d in one.feed(block)]
    assert found == words
    assert listen(build_host(tmp_path, model), talk, tmp_path) == [plain(d) for d in words]


@pytest.mark.data
def test_recordings(data: Path, tmp_path: Path) -> None:
    """People in a row, with some noise on top."""
    random = np.random.default_rng(5)
    paths = sorted((data / "speech_commands_test").glob("[a-z]*/*.flac"))
    chosen = random.choice(len(paths), 12, replace=False)
    talk = np.concatenate([read_audio(paths[i], SPEC.sample_rate) for i in chosen])
    talk = np.clip(talk + random.normal(0, 80, len(talk)), -32_768, 32_767).astype(np.int16)
    artefact = Artefact.load(DEFAULT_MODEL)
    words = list(spotter("python", artefact).feed(talk))
    assert words
    one = NativeSpotter(artefact)
    sizes = random.integers(0, 3_000, 50).tolist()
    assert [d for block in blocks(talk, sizes) for d in one.feed(block)] == words
    host = build_host(tmp_path, DEFAULT_MODEL)
    assert listen(host, talk, tmp_path) == [plain(d) for d in words]


@pytest.mark.parametrize("index", [0, 1], ids=["window", "stream"])
@settings(max_examples=12)
@given(pieces=st.lists(st.integers(0, 5), min_size=1), sizes=BLOCK_SIZES)
def test_any_slices(
    stream: Artefact,
    talk: Wave,
    expected: list[Detection],
    index: int,
    pieces: list[int],
    sizes: list[int],
) -> None:
    """So many pieces of the network's work after each column, none at all among them."""
    one, columns = NativeSpotter(stream, plan=plans(stream)[index]), 0
    for block in blocks(talk, sizes):
        rest = block
        while len(rest):
            complete, taken = one.take(rest)
            rest = rest[taken:]
            columns += complete
            for _ in range(pieces[columns % len(pieces)] if complete else 0):
                one.work()
    while one.work():
        pass
    assert one.found() == expected


@pytest.mark.parametrize("index", [0, 1], ids=["window", "stream"])
@settings(max_examples=10)
@given(sizes=BLOCK_SIZES)
def test_feed_is_all_of_it(
    stream: Artefact, talk: Wave, expected: list[Detection], index: int, sizes: list[int]
) -> None:
    one = NativeSpotter(stream, plan=plans(stream)[index])
    for block in blocks(talk, sizes):
        status = c_library().kws_feed(ctypes.byref(one.kws), block.ctypes.data, len(block))
        assert status == OK
        assert not one.work()
    assert one.found() == expected


@pytest.mark.parametrize("index", [0, 1], ids=["window", "stream"])
@settings(max_examples=10)
@given(cut=st.integers(0, 60_000), pieces=st.integers(0, 4))
def test_reset_in_the_middle(
    stream: Artefact, talk: Wave, expected: list[Detection], index: int, cut: int, pieces: int
) -> None:
    """Of a frame, a window, or of the network's work."""
    one, rest = NativeSpotter(stream, plan=plans(stream)[index]), talk[:cut]
    while len(rest):
        rest = rest[one.take(rest)[1] :]
    for _ in range(pieces):
        one.work()
    one.reset()
    assert one.top is None
    assert not one.work()
    assert list(one.feed(talk)) == expected


@pytest.mark.parametrize("room", [0, 2])
def test_a_list_keeps_what_it_has_room_for(room: int) -> None:
    kept = (native_spotter.CDetection * 3)()
    some = native_spotter.List(ctypes.addressof(kept), room)
    for score in (1, 2, 3):
        found = native_spotter.CDetection(score=score)
        c_library().kws_keep(ctypes.byref(some), ctypes.byref(found))
    assert some.count == 3
    assert [one.score for one in kept] == [1, 2, 0][:room] + [0] * (3 - room)


def test_an_interrupt_is_never_lost(stream: Artefact, talk: Wave) -> None:
    """It came while C was calling Python, once, and the listening went on."""

    class Interrupt(Exception):
        pass

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise Interrupt

    one = NativeSpotter(stream)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for delay in np.linspace(0.001, 0.01, 200):
            with pytest.raises(Interrupt):  # noqa: PT012 - wherever it comes
                signal.setitimer(signal.ITIMER_REAL, delay)
                for _ in range(1000):
                    list(one.feed(talk))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("hop", [STRIDE, 3 * STRIDE, 7 * STRIDE])
def test_decisions_every_few_columns(tmp_path: Path, talk: Wave, hop: int) -> None:
    artefact = stream_artefact(tmp_path / "stream", hop)
    words = list(spotter("python", artefact).feed(talk))
    assert words
    assert {(d.column - (SPEC.columns - 1)) % hop for d in words} == {0}
    for plan in plans(artefact):
        assert list(NativeSpotter(artefact, plan=plan).feed(talk)) == words


def test_a_window_where_the_stream_is_out_of_step(tmp_path: Path, talk: Wave) -> None:
    artefact = stream_artefact(tmp_path / "stream", hop=3)
    words = list(spotter("python", artefact).feed(talk))
    assert list(NativeSpotter(artefact).feed(talk)) == words
    with pytest.raises(ArtefactError, match="kws_init"):
        NativeSpotter(artefact, plan=plans(artefact)[1])


def test_memory_is_what_the_export_says(stream: Artefact) -> None:
    labels, decision = stream.manifest.labels, stream.manifest.decision
    for plan in plans(stream):
        c_network, _parts = c_plan(plan, c_library())
        model, _more = native_spotter.c_model(labels, SPEC, decision, plan=c_network)
        needed = c_library().kws_memory(ctypes.addressof(model))
        assert needed == memory_bytes(plan, SPEC, len(labels), decision.smoothing)


@pytest.mark.parametrize("wrong", ["label_count", "smoothing", "hop", "thresholds", "columns"])
def test_models_that_cannot_be(stream: Artefact, wrong: str) -> None:
    """One number is 0: kws_init refuses, and so does every call after it."""
    plan = plans(stream)[0]
    labels, decision = stream.manifest.labels, stream.manifest.decision
    spec = dataclasses.replace(SPEC, columns=SPEC.columns - 1) if wrong == "columns" else SPEC
    c_network, _parts = c_plan(plan, c_library())
    model, _more = native_spotter.c_model(labels, spec, decision, plan=c_network)
    if wrong != "columns":
        setattr(model, wrong, 0)
    kws, memory = native_spotter.Kws(), np.zeros(10_000, np.int64)
    told = c_library().kws_keep
    start = (ctypes.addressof(kws), ctypes.addressof(model), memory.ctypes.data)
    assert c_library().kws_init(*start, memory.nbytes, told, None) == BAD_ARGUMENT
    assert c_library().kws_feed(ctypes.addressof(kws), memory.ctypes.data, 1) == BAD_ARGUMENT
    assert c_library().kws_reset(ctypes.addressof(kws)) == BAD_ARGUMENT


def test_memory_that_is_too_small_or_aligned_wrongly(stream: Artefact) -> None:
    plan = plans(stream)[0]
    c_network, _parts = c_plan(plan, c_library())
    labels, decision = stream.manifest.labels, stream.manifest.decision
    model, _more = native_spotter.c_model(labels, SPEC, decision, plan=c_network)
    needed = c_library().kws_memory(ctypes.addressof(model))
    kws, memory = native_spotter.Kws(), np.zeros(needed // 8 + 1, np.int64)
    told = c_library().kws_keep

    def status(offset: int, size: int) -> int:
        start = (ctypes.addressof(kws), ctypes.addressof(model), memory.ctypes.data + offset)
        return int(c_library().kws_init(*start, size, told, None))

    assert status(0, needed) == OK
    assert status(0, needed - 1) == BAD_ARGUMENT
    assert status(4, needed) == BAD_ARGUMENT


def test_structures_have_the_sizes_of_c(tmp_path: Path) -> None:
    names = {
        "ring": native_spotter.Ring,
        "columns": native_spotter.Columns,
        "smooth": native_spotter.Smooth,
        "decide": native_spotter.Decide,
        "model": native_spotter.Model,
        "detection": native_spotter.CDetection,
        "list": native_spotter.List,
    }
    sizes = "\n".join(f'    printf("%zu\\n", sizeof(struct kws_{name}));' for name in names)
    source = tmp_path / "sizes.c"
    source.write_text(
        f'#include <stdio.h>\n#include "kws.h"\nint main(void)\n{{\n{sizes}\n'
        '    printf("%zu\\n", sizeof(struct kws));\n    return 0;\n}\n'
    )
    program = tmp_path / "sizes"
    include = [f"-I{ROOT / 'firmware' / folder}" for folder in ("include", "src")]
    subprocess.run(["cc", *include, source, "-o", program], check=True)
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    found = [ctypes.sizeof(kind) for kind in (*names.values(), native_spotter.Kws)]
    assert list(map(int, printed.split())) == found
