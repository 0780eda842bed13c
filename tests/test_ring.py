"""ring.py and ring.c: every frame, whatever the blocks."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given

from kws.ring import SampleRing
from twins import BAD_ARGUMENT, BLOCK_SIZES, NOT_READY, RING, TWINS, Wave, blocks, c_library, waves

SHAPES = pytest.mark.parametrize(("window", "hop"), [(512, 256), (256, 101), (7, 7), (5, 1)])


def frames_of(wave: Wave, window: int, hop: int) -> Wave:
    starts = range(0, len(wave) - window + 1, hop)
    return np.array([wave[i : i + window] for i in starts], np.int16).reshape(-1, window)


@TWINS
@SHAPES
@given(wave=waves(), sizes=BLOCK_SIZES)
def test_frames_in_order(twin: str, window: int, hop: int, wave: Wave, sizes: list[int]) -> None:
    ring = RING[twin](window, hop)
    frames = np.concatenate([ring.push(block) for block in [*blocks(wave, sizes), wave[:0]]])
    np.testing.assert_array_equal(frames, frames_of(wave, window, hop))


@TWINS
@given(before=waves(), wave=waves())
def test_reset_forgets(twin: str, before: Wave, wave: Wave) -> None:
    ring = RING[twin](512, 256)
    ring.push(before)
    ring.reset()
    np.testing.assert_array_equal(ring.push(wave), frames_of(wave, 512, 256))


@TWINS
def test_block_may_be_overwritten(twin: str) -> None:
    ring = RING[twin](4, 2)
    block = np.arange(6, dtype=np.int16)
    frames = [ring.push(block)]
    block[:] = [6, 7, 8, 9, 10, 11]
    frames.append(ring.push(block))
    expected = frames_of(np.arange(12, dtype=np.int16), 4, 2)
    np.testing.assert_array_equal(np.concatenate(frames), expected)


@pytest.mark.parametrize("kind", [np.float32, np.int32, np.uint8])
def test_other_samples_are_refused(kind: type) -> None:
    with pytest.raises(TypeError):
        SampleRing(512, 256).push(np.zeros(4, kind))


@pytest.mark.parametrize(("window", "hop"), [(0, 0), (512, 0), (512, 513)])
def test_c_refuses_sizes(window: int, hop: int) -> None:
    memory = (ctypes.c_char * 2_048)()
    sizes = (ctypes.c_size_t(window), ctypes.c_size_t(hop))
    assert c_library().kws_ring_init(memory, memory, *sizes) == BAD_ARGUMENT


def test_c_refuses_null() -> None:
    memory = (ctypes.c_char * 64)()
    sizes = (ctypes.c_size_t(8), ctypes.c_size_t(4))
    library = c_library()
    samples, count = ctypes.c_void_p(), ctypes.c_size_t(1)
    assert library.kws_ring_init(None, memory, *sizes) == BAD_ARGUMENT
    assert library.kws_ring_init(memory, None, *sizes) == BAD_ARGUMENT
    assert library.kws_ring_reset(None) == BAD_ARGUMENT
    ring = (ctypes.c_char * 64)()
    assert library.kws_ring_init(ring, memory, *sizes) == 0
    for bad in ((None, samples, count), (ring, None, count), (ring, samples, None)):
        pointers = [p if p is None or p is ring else ctypes.byref(p) for p in bad]
        assert library.kws_ring_push(*pointers) == BAD_ARGUMENT
    assert library.kws_ring_push(ring, ctypes.byref(samples), ctypes.byref(count)) == BAD_ARGUMENT
    count.value = 0
    assert library.kws_ring_push(ring, ctypes.byref(samples), ctypes.byref(count)) == NOT_READY
