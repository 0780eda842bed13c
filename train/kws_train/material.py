"""What a decision is tuned on: validation speakers' commands in streams, and audio without any."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kws.artefact import Artefact
from kws.audio import read_audio
from kws.decide import is_keyword
from kws.errors import RuntimeMissing
from kws_train import augment, background, data, negatives, noise, streams
from kws_train.data import Clip, DataError
from kws_train.noise import Wave
from kws_train.own_words import speech_files
from kws_train.speech import running_speech
from kws_train.streams import Stream

TRACKS = 60  # of noise, other ones than training hears
STRETCH = 300.0  # seconds of negative material at a time
SPEECH = 1000  # the first seed of synthesised speech: other than training's

log = logging.getLogger(__name__)


def tuning_noises(artefact: Artefact, archive: Path) -> list[Wave]:
    """Noise of what training hears, since the rest is for judging, but other tracks of it."""
    rate = artefact.manifest.front_end.sample_rate
    recordings = augment.training_noises(data.noises(archive, rate))
    return background.tracks(recordings, TRACKS, rate, np.random.default_rng(noise.SEED))


def validation_streams(
    artefact: Artefact, archive: Path, noises: Sequence[Wave], words: int
) -> list[Stream]:
    """Commands and other words in turn at random, from validation speakers, in each condition.

    Other words are not among `spoken`: whatever is detected there is a false alarm.
    """
    rate = artefact.manifest.front_end.sample_rate
    random = np.random.default_rng(noise.SEED)
    drawn: list[Clip] = []
    for group in _validation(artefact, archive):
        drawn += [group[i] for i in random.permutation(len(group))[:words]]
    kept, waves = data.load([drawn[i] for i in random.permutation(len(drawn))], rate)
    spoken: list[tuple[str, Wave]] = [(c.word, wave) for c, wave in zip(kept, waves, strict=True)]
    made = (streams.splice(spoken, rate, noises, snr_db) for snr_db in streams.SNRS_DB)
    return [
        replace(
            stream, spoken=tuple(s for s in stream.spoken if s.word in artefact.manifest.labels)
        )
        for stream in made
    ]


def negative_material(
    artefact: Artefact, archive: Path, noises: Sequence[Wave], hours: float
) -> Iterator[tuple[str, Wave]]:
    """Stretches without a word of the model, each with its kind: other words joined, noise, speech.

    The words are the validation speakers'; where noise is alone, there is babble of theirs as well.
    Speech is synthesised, and left out where there is no synthesiser.
    """
    rate = artefact.manifest.front_end.sample_rate
    _, waves = data.load(_validation(artefact, archive)[1], rate)
    rng = np.random.default_rng(noise.SEED)
    babble = background.babbles(waves, round(background.BABBLE * TRACKS), rate, rng)
    alone = [*noises, *babble]
    for number, seconds in enumerate(_stretches(hours * 3600)):
        seed = noise.SEED + number
        yield "joined words", negatives.joined_words(waves, noises, rate, seconds, seed)
    for number, seconds in enumerate(_stretches(hours * 3600 / 3)):
        yield "noise alone", negatives.noise_alone(alone, rate, seconds, noise.SEED + number)
    try:
        for number, seconds in enumerate(_stretches(hours * 3600 / 2)):
            speech = running_speech(seconds, rate, SPEECH + number, artefact.manifest.labels)
            yield "synthesised speech", speech
    except RuntimeMissing as error:
        log.warning("tuned without synthesised speech: %s", error)


def recorded_speech(folder: Path, rate: int) -> Iterator[tuple[str, Wave]]:
    """Stretches of the recordings in a folder and in those below it, each with its kind.

    Raises `DataError` at once where there are none.
    """
    found = speech_files(folder)
    length = int(STRETCH * rate)
    return (
        ("recorded speech", wave[start : start + length])
        for wave in (read_audio(path, rate) for path in found)
        for start in range(0, len(wave), length)
    )


def _validation(artefact: Artefact, archive: Path) -> tuple[list[Clip], list[Clip]]:
    """The validation clips of the model's words and of others; raises `DataError` without some."""
    labels = {label for label in artefact.manifest.labels if is_keyword(label)}
    clips = data.speech_commands(archive)["validation"]
    known = [clip for clip in clips if clip.word in labels]
    other = [clip for clip in clips if clip.word not in labels]
    for group, kind in ((known, "words of the model"), (other, "other words")):
        if not group:
            raise DataError(f"{archive}: no validation clips of {kind} to tune on; expected some")
    return known, other


def _stretches(seconds: float) -> Iterator[float]:
    while seconds > 0:
        yield min(STRETCH, seconds)
        seconds -= STRETCH
