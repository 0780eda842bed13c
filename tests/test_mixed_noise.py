"""Made noises have the spectra they are named after; a mixture is repeatable and never the same."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kws_train import made_noise, mixed_noise

RATE = 16_000
Wave = NDArray[np.int16]
NAMES = ("white", "pink", "brown", "hum", "babble", "clatter", "tones")


@pytest.fixture(scope="module")
def makers(speech: dict[str, Wave]) -> dict[str, made_noise.Maker]:
    return made_noise.makers(RATE, list(speech.values()))


@pytest.mark.parametrize("name", NAMES)
def test_a_noise_has_its_length_and_level(makers: dict[str, made_noise.Maker], name: str) -> None:
    for length in (RATE // 2, 5 * RATE):
        sound = makers[name](length, np.random.default_rng(1))
        assert sound.dtype == np.float32
        assert len(sound) == length
        assert np.sqrt(np.mean(sound**2)) == pytest.approx(1, abs=1e-3)
        again = makers[name](length, np.random.default_rng(1))
        assert np.array_equal(sound, again)
        assert not np.array_equal(sound, makers[name](length, np.random.default_rng(2)))


@pytest.mark.parametrize(("name", "slope"), [("white", 0), ("pink", -3), ("brown", -6)])
def test_power_falls_by_octaves(
    makers: dict[str, made_noise.Maker], name: str, slope: float
) -> None:
    sound = makers[name](30 * RATE, np.random.default_rng(3))
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    levels = [
        10 * np.log10(power[(hertz > low) & (hertz < 2 * low)].mean())
        for low in 100 * 2.0 ** np.arange(6)
    ]
    assert np.diff(levels) == pytest.approx([slope] * 5, abs=0.5)


def test_hum_is_harmonics(makers: dict[str, made_noise.Maker]) -> None:
    sound = makers["hum"](10 * RATE, np.random.default_rng(4))
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    base = min((50, 60), key=lambda mains: abs(hertz[power.argmax()] / mains % 1 - 0))
    near = np.abs(hertz / base - np.rint(hertz / base)) < 0.1
    assert power[near].sum() > 0.95 * power.sum()


def test_clatter_is_knocks(makers: dict[str, made_noise.Maker]) -> None:
    """Its loudest tenth of moments has most of its power; that of hiss a sixth."""
    shares = {}
    for name in ("clatter", "white"):
        sound = makers[name](5 * RATE, np.random.default_rng(5))
        power = np.sort((sound.reshape(-1, 160) ** 2).mean(axis=1))
        shares[name] = power[-len(power) // 10 :].sum() / power.sum()
    assert shares["clatter"] > 0.5
    assert shares["white"] < 0.2


def test_babble_without_clips_is_synthesised() -> None:
    sound = made_noise.makers(RATE)["babble"](RATE, np.random.default_rng(6))
    assert len(sound) == RATE


def test_mixed_noise_is_repeatable_and_as_long_as_asked(
    speech: dict[str, Wave], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixed_noise, "PART", 60)
    recordings = [np.random.default_rng(7).normal(0, 900, 4 * RATE).astype(np.int16)]
    voices = list(speech.values())
    parts = list(mixed_noise.mixed(0.03, RATE, recordings, voices))
    assert [len(part) for part in parts] == [60 * RATE, 48 * RATE]
    again = list(mixed_noise.mixed(0.03, RATE, recordings, voices))
    assert all(np.array_equal(*pair) for pair in zip(parts, again, strict=True))
    other = next(mixed_noise.mixed(0.03, RATE, recordings, voices, seed=2))
    assert not np.array_equal(parts[0], other)
    levels = [
        10 * np.log10(max(np.mean((second / 32768.0) ** 2), 1e-10))
        for part in parts
        for second in np.array_split(part, len(part) // RATE)
    ]
    assert max(levels) < 0
    assert np.ptp(levels) > 10  # they change over time
    assert np.median(levels) > -60


def test_silent_recordings_are_left_out() -> None:
    silent = [np.zeros(RATE, np.int16)]
    assert any(part.any() for part in mixed_noise.mixed(0.01, RATE, silent))
