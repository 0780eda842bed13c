"""The pretrained embedding: which samples its rows are of, and that windows are cut accordingly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.spec import FrontEnd
from kws_train import embedding
from kws_train.augment import Augmentation
from kws_train.config import ConfigError
from kws_train.extras import missing

needs_weights = pytest.mark.skipif(
    bool(missing(embedding.PACKAGE)), reason="pyopen-wakeword is not installed"
)
STEP = embedding.STEP * embedding.HOP
LEAST = embedding.FRAME + (embedding.FRAMES - 1) * embedding.HOP


def speech(samples: int) -> np.ndarray:
    rng = np.random.default_rng(samples)
    swell = 1 + np.sin(np.arange(samples) / 900)
    return (2_000 * swell * rng.standard_normal(samples)).astype(np.int16)


@needs_weights
@pytest.mark.parametrize("samples", [LEAST, LEAST + STEP - 1, LEAST + STEP, 30_208])
def test_so_many_samples_give_so_many_rows(samples: int) -> None:
    made = embedding.embed([speech(samples)] * 2, embedding.RATE)
    assert made.dtype == np.float16
    assert made.shape == (2, embedding.rows(samples), embedding.WIDTH)
    assert np.array_equal(made[0], made[1])


@needs_weights
@pytest.mark.parametrize("row", [1, 3])
def test_a_row_is_what_its_own_samples_say(row: int) -> None:
    wave = speech(LEAST + 5 * STEP)
    whole = embedding.embed([wave], embedding.RATE)[0]
    alone = embedding.embed([wave[row * STEP : row * STEP + LEAST]], embedding.RATE)[0]
    np.testing.assert_allclose(alone[0], whole[row], atol=0.05 * embedding.SPREAD)


@needs_weights
def test_windows_have_the_recording_in_the_middle() -> None:
    spec = FrontEnd()
    wave = speech(spec.sample_rate)
    made = embedding.windows([wave, wave[:100]], spec)
    assert made.shape == (2, embedding.window(spec), embedding.WIDTH)
    assert not np.array_equal(made[0], made[1])


@given(st.integers(30, 120), st.integers(0, 30))
def test_a_window_of_embeddings_covers_that_of_columns(columns: int, margin: int) -> None:
    spec = FrontEnd(columns=columns)
    if spec.samples < LEAST:
        return
    rows = embedding.window(spec)
    covered = LEAST + (rows - 1) * STEP
    assert spec.samples - embedding.HOP < covered < spec.samples + STEP
    assert embedding.rows(covered) == rows


@given(st.integers(3, 20), st.integers(0, 20), st.integers(0, 20))
def test_windows_start_where_those_of_columns_do(margin: int, low: int, high: int) -> None:
    spec, options = FrontEnd(columns=77), Augmentation(margin=margin, shift=margin)
    columns = np.array([[min(low, margin), margin + min(high, margin)]], np.int32)
    ((first, last),) = embedding.starts(columns, spec, options)
    middle = (embedding.rows(options.samples(spec)) - embedding.window(spec)) // 2
    assert 0 <= first <= middle <= last
    assert last + embedding.window(spec) <= embedding.rows(options.samples(spec))
    if first < middle:
        assert first * STEP >= columns[0, 0] * spec.hop
    if last > middle:
        assert last * STEP <= columns[0, 1] * spec.hop


def test_a_margin_that_is_too_small_is_named() -> None:
    options = Augmentation(margin=0, shift=0)
    with pytest.raises(ConfigError, match="the margin is 0 columns; expected a few more"):
        embedding.starts(np.zeros((1, 2), np.int32), FrontEnd(columns=77), options)


def test_another_rate_is_refused() -> None:
    with pytest.raises(ConfigError, match="8000 Hz; the embedding expects 16000"):
        embedding.embed([np.zeros(9, np.int16)], 8_000)
