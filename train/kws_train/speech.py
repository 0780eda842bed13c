"""English from speech synthesisers, words and running speech: what a spotter must not answer."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.errors import RuntimeMissing
from kws_train.judge import progress
from kws_train.synthesise import need_synthesisers, speak

Wave = NDArray[np.int16]

VOCABULARY = 5000  # the most frequent English words
FLATNESS = 0.5  # exponent of their frequency: lower lets rare words come more often
LENGTH = (4, 15)  # words in a sentence
HOMOPHONES = {"no": ("know",), "right": ("write", "rite", "wright")}  # that sound like commands


def running_speech(seconds: float, rate: int, seed: int, without: Collection[str] = ()) -> Wave:
    """Sentences one after the other, each in another voice: mono int16, `seconds` at `rate`.

    Sentences are drawn words, frequent ones more often, but for those in `without`: what matters
    is how speech sounds, not what it says. Raises `RuntimeMissing` without `wordfreq` or a
    synthesiser.
    """
    need_synthesisers()
    words, chance = _vocabulary(without)
    rng = np.random.default_rng([seed, len(words)])
    parts: list[Wave] = []
    made, wanted = 0, int(seconds * rate)
    with tempfile.TemporaryDirectory() as folder, progress("Speaking", wanted) as advance:
        while made < wanted:
            sentence = " ".join(rng.choice(words, rng.integers(*LENGTH), p=chance))
            path = Path(folder) / f"{len(parts)}.wav"
            parts.append(speak(sentence, path, len(parts), rng, rate))
            path.unlink()
            made += len(parts[-1])
            advance(len(parts[-1]))
    return np.asarray(np.concatenate([np.zeros(0, np.int16), *parts])[:wanted])


def spoken_words(count: int, rate: int, seed: int, without: Collection[str] = ()) -> list[Wave]:
    """Words alone, each in another voice: mono int16 at `rate`.

    Drawn as in `running_speech`, which has the same errors; what sounds like one of those in
    `without` is left out as well.
    """
    need_synthesisers()
    alike = (other for word in without for other in HOMOPHONES.get(word, ()))
    words, chance = _vocabulary({*without, *alike})
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(os.cpu_count()) as pool,
        progress("Speaking words", count) as advance,
    ):

        def say(index: int) -> Wave:
            rng = np.random.default_rng([seed, index, count])
            word = str(rng.choice(words, p=chance))
            wave = speak(word, Path(folder) / f"{index}.wav", index, rng, rate)
            advance(1)
            return wave

        return list(pool.map(say, range(count)))


def _vocabulary(without: Collection[str]) -> tuple[list[str], NDArray[np.float64]]:
    try:
        import wordfreq
    except ImportError as error:
        raise RuntimeMissing("wordfreq is missing; run: pip install '.[train]'") from error
    words = [
        word
        for word in wordfreq.top_n_list("en", VOCABULARY)
        if word.isalpha() and word not in without
    ]
    weight = np.array([wordfreq.word_frequency(word, "en") for word in words]) ** FLATNESS
    return words, weight / weight.sum()
