"""The pretrained encoder: how many rows a window gives, and which samples it is of."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.spec import FrontEnd
from kws_train import embedding
from kws_train.config import ConfigError
from kws_train.extras import missing

needs_weights = pytest.mark.skipif(
    bool(missing(embedding.PACKAGE, embedding.RUNTIME)), reason="moonshine-voice is not installed"
)
NEAR = 0.3  # of a deviation: the encoder's 8 bits are scaled anew for what is heard together


def speech(samples: int) -> np.ndarray:
    rng = np.random.default_rng(samples)
    swell = 1 + np.sin(np.arange(samples) / 900)
    return (2_000 * swell * rng.standard_normal(samples)).astype(np.int16)


@needs_weights
@settings(deadline=None, max_examples=10)
@given(st.integers(10, 120))
def test_a_window_gives_so_many_rows(columns: int) -> None:
    spec = FrontEnd(columns=columns)
    made = embedding.windows([speech(spec.samples)] * 2, spec)
    assert made.dtype == np.float16
    assert made.shape == (2, embedding.rows(spec.samples), embedding.WIDTH)
    assert np.array_equal(made[0], made[1])


@needs_weights
def test_windows_have_the_recording_in_the_middle() -> None:
    spec = FrontEnd()
    wave = speech(spec.samples)
    around = np.concatenate([speech(4_000), wave, speech(4_000)])
    (alone,) = embedding.windows([wave], spec)
    assert np.array_equal(embedding.windows([around], spec)[0], alone)
    short = embedding.windows([wave[:9_000], np.pad(wave[:9_000], 4_000)], spec)
    assert np.array_equal(short[0], short[1])
    assert not np.array_equal(short[0], alone)


@needs_weights
def test_a_recording_is_heard_much_as_alone() -> None:
    spec, count = FrontEnd(), embedding.BATCH + 2
    waves = [speech(spec.samples + i) for i in range(count)]
    made = embedding.windows(waves, spec).astype(np.float32)
    assert len(made) == count
    for i in (0, count - 1):
        alone = embedding.windows(waves[i : i + 1], spec)[0].astype(np.float32)
        assert np.sqrt(np.mean((alone - made[i]) ** 2)) < NEAR * alone.std()


def test_another_rate_is_refused() -> None:
    spec = replace(FrontEnd(), sample_rate=8_000, high_hz=4_000.0)
    with pytest.raises(ConfigError, match="8000 Hz; the encoder expects 16000"):
        embedding.windows([np.zeros(9, np.int16)], spec)
