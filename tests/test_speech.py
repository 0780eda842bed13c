"""Running speech from synthesisers, to train and tune against."""

from __future__ import annotations

import numpy as np
import pytest

from kws_train import speech

RATE = 16_000


@pytest.mark.train
def test_running_speech_is_as_long_as_asked_and_the_same_again() -> None:
    wave = speech.running_speech(8.0, RATE, seed=3)
    assert wave.dtype == np.int16
    assert len(wave) == 8 * RATE
    assert (wave == speech.running_speech(8.0, RATE, seed=3)).all()
    assert not np.array_equal(wave, speech.running_speech(8.0, RATE, seed=4))
    seconds = wave.reshape(8, RATE).astype(float)
    assert (seconds.std(axis=1) > 100).all()  # it hardly ever rests


@pytest.mark.train
def test_words_can_be_left_out() -> None:
    everything, _ = speech._vocabulary(())
    fewer, chance = speech._vocabulary(("yes", "go"))
    assert {*everything} - {*fewer} == {"yes", "go"}
    assert chance.sum() == pytest.approx(1.0)
