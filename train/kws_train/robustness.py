"""kws-eval --snr-sweep and --loudness-sweep: the commands' clips in noise, and at any level."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kws.artefact import Artefact
from kws.decide import is_keyword
from kws_train import data, made_noise
from kws_train.intervals import Share
from kws_train.judge import closed_set, posteriors
from kws_train.noise import SEED, Wave, amplitude, in_noise, to_int16
from kws_train.stream_judge import choose_words, other_words

CLEAN = "clean"
SNRS_DB = (20.0, 15.0, 10.0, 5.0, 0.0, -5.0)
LOUDNESS_DB = (0.0, -5.0, -10.0, -15.0, -20.0, -25.0, -30.0, -35.0, -40.0)
MADE = ("white", "pink", "babble", "hum", "clatter")
_SECONDS = 60  # of each made noise, of which every clip gets a stretch of its own
_ROOM = 0.1  # rms of made noise relative to full scale: its peaks have room
_CHUNK = 512  # clips whose columns are made at a time

Change = Callable[[int, Wave], Wave]


@dataclass(frozen=True)
class Sweep:
    """The accuracy over the commands as a closed set, under conditions that are swept.

    axis    what is swept
    lines   each, a noise or "clips", has the shares of all conditions in order
    """

    model: str
    folder: str
    axis: str
    lines: Mapping[str, Mapping[str, Share]]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "model": self.model,
            "clips": self.clips,
            "closed_set": {
                name: {condition: share.to_json() for condition, share in line.items()}
                for name, line in self.lines.items()
            },
        }

    @property
    def clips(self) -> int:
        """Clips of the commands."""
        return max(share.total for line in self.lines.values() for share in line.values())


def snr_sweep(artefact: Artefact, root: Path, recordings: Sequence[Wave] = ()) -> Sweep:
    """The accuracy at ratios of speech to noise from 20 to -5 dB, in each noise, and clean.

    The noises are `MADE`, babble of the test set's other words, and "recorded" where there are
    recordings. The ratio is that of a word's loudest half second to the noise's mean. Which stretch
    of noise a clip gets depends on its place in the list alone, at all ratios the same.
    """
    rate = artefact.manifest.front_end.sample_rate
    clips = _Clips(artefact, root)
    makers = made_noise.makers(rate, other_words(root, rate))
    beds: dict[str, Sequence[Wave]] = {"recorded": recordings} if recordings else {}
    for number, name in enumerate(MADE):
        made = makers[name](_SECONDS * rate, np.random.default_rng([SEED, 3, number]))
        beds[name] = [to_int16(_ROOM * 32_768 * made)]
    clean = clips.accuracy(lambda _, wave: wave, CLEAN)
    lines = {}
    for name, noises in beds.items():
        shares = {CLEAN: clean}
        for snr_db in SNRS_DB:
            condition = f"{snr_db:g} dB"
            shares[condition] = clips.accuracy(
                _mixer(rate, noises, snr_db), f"In {name} noise at {condition}"
            )
        lines[name] = shares
    return Sweep(artefact.manifest.name, clips.folder, "speech to noise", lines)


def loudness_sweep(artefact: Artefact, root: Path) -> Sweep:
    """The accuracy with each clip's peak at 0 to -40 dB of full scale."""
    clips = _Clips(artefact, root)
    shares = {
        f"{level:g} dB": clips.accuracy(_scaler(level), f"At {level:g} dB") for level in LOUDNESS_DB
    }
    return Sweep(artefact.manifest.name, clips.folder, "peak of each clip", {"clips": shares})


class _Clips:
    """A test set's clips of a model's keywords, read once."""

    def __init__(self, artefact: Artefact, root: Path) -> None:
        labels = artefact.manifest.labels
        self._artefact = artefact
        self._keywords = [i for i, label in enumerate(labels) if is_keyword(label)]
        words = choose_words(artefact, root, None)
        samples = artefact.manifest.front_end.samples
        self._waves = [data.centred(wave, samples) for _, wave in words]
        self._answers = np.array([labels.index(word) for word, _ in words])
        self.folder = root.resolve().name

    def accuracy(self, change: Change, title: str) -> Share:
        """With each clip changed: `change` takes its place in the list and its window."""
        spec = self._artefact.manifest.front_end
        waves = [change(number, wave) for number, wave in enumerate(self._waves)]
        windows = np.concatenate(
            [
                data.windows(waves[start : start + _CHUNK], spec)
                for start in range(0, len(waves), _CHUNK)
            ]
        )
        said = posteriors(self._artefact, windows, title)
        return closed_set(said, self._answers, self._keywords)


def _mixer(rate: int, noises: Sequence[Wave], snr_db: float) -> Change:
    def mix(number: int, wave: Wave) -> Wave:
        return in_noise(wave, rate, noises, snr_db, np.random.default_rng([SEED, number]))

    return mix


def _scaler(level: float) -> Change:
    def scale(_: int, wave: Wave) -> Wave:
        sound = wave.astype(np.float32)
        peak = max(float(np.abs(sound).max()), 1.0)
        return to_int16(sound * np.float32(32_767 * amplitude(level) / peak))

    return scale


def snr_lines(sweep: Sweep) -> Iterator[str]:
    """One line a noise, one column a ratio, with the interval's half-width."""
    yield f"{sweep.model} on {sweep.clips:,} clips of {sweep.folder}, closed set"
    yield "accuracy in %, and the wider half of its 95 % interval (Wilson), by speech to noise"
    yield ""
    conditions = next(iter(sweep.lines.values()))
    yield f"{'noise':<10}" + "".join(f"{condition:>11}" for condition in conditions)
    for name, shares in sweep.lines.items():
        yield f"{name:<10}" + "".join(f"{_short(share):>11}" for share in shares.values())


def loudness_lines(sweep: Sweep) -> Iterator[str]:
    """One line a level."""
    yield f"{sweep.model} on {sweep.clips:,} clips of {sweep.folder}, closed set"
    yield "brackets are 95 % intervals (Wilson)"
    yield ""
    yield f"{'peak':<9}accuracy"
    for condition, share in sweep.lines["clips"].items():
        yield f"{condition:<9}{share}"


def _short(share: Share) -> str:
    low, high = share.interval
    return f"{100 * share.value:.1f} ±{100 * max(high - share.value, share.value - low):.1f}"
