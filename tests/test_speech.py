"""Words and running speech from synthesisers, to train and tune against."""

from __future__ import annotations

from pathlib import Path

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


@pytest.mark.train
def test_spoken_words_are_as_many_as_asked_and_the_same_again() -> None:
    words = speech.spoken_words(5, RATE, seed=3, without=("yes", "no"))
    assert len(words) == 5
    for word in words:
        assert word.dtype == np.int16
        assert RATE // 20 < len(word) < 3 * RATE
        assert word.astype(float).std() > 100
    again = speech.spoken_words(5, RATE, seed=3, without=("yes", "no"))
    assert all(np.array_equal(one, other) for one, other in zip(words, again, strict=True))
    others = speech.spoken_words(5, RATE, seed=4, without=("yes", "no"))
    assert not any(np.array_equal(one, other) for one, other in zip(words, others, strict=True))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a synthesiser that stays silent was asked for, of the most frequent words."""
    texts: list[str] = []

    def speak(text: str, _path: Path, *_more: object) -> np.ndarray:
        texts.append(text)
        return np.zeros(1, np.int16)

    monkeypatch.setattr(speech, "speak", speak)
    monkeypatch.setattr(speech, "VOCABULARY", 150)
    return texts


@pytest.mark.train
def test_no_spoken_word_is_a_label_or_sounds_like_one(said: list[str]) -> None:
    everything, _ = speech._vocabulary(())
    labels = ("no", "go", "on", "right")
    alike = {*labels, *speech.HOMOPHONES["no"], *speech.HOMOPHONES["right"]}
    assert {"know", "no"} <= alike & {*everything}
    speech.spoken_words(1_500, RATE, seed=0, without=labels)
    assert len(said) == 1_500
    assert {*said} <= {*everything} - alike
    assert len({*said}) > 100

    said.clear()
    speech.spoken_words(1_500, RATE, seed=0, without=("go",))
    assert {"know", "no"} <= {*said}
