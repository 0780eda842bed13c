"""audio.py: recordings of any format and rate, and streams at any rate."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from kws.audio import Resampler, read_audio, read_blocks, to_int16
from kws.errors import AudioError, RuntimeMissing
from twins import BLOCK_SIZES, Wave, blocks, waves

RATE = 16_000
ALL = np.arange(-(2**15), 2**15).astype(np.int16)


def tone(rate: int, hz: float = 440.0, seconds: float = 0.5) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)


@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [("wav", "PCM_16"), ("wav", "PCM_24"), ("flac", "PCM_16"), ("aiff", "PCM_16")],
)
def test_integers_come_through_untouched(tmp_path: Path, suffix: str, subtype: str) -> None:
    path = tmp_path / f"all.{suffix}"
    soundfile.write(path, ALL, RATE, subtype=subtype)
    np.testing.assert_array_equal(read_audio(path, RATE), ALL)


@pytest.mark.parametrize(
    ("suffix", "subtype", "tolerance"),
    [("wav", "FLOAT", 1), ("wav", "PCM_U8", 256), ("wav", "ULAW", 1_024), ("ogg", "VORBIS", 1_024)],
)
def test_other_encodings(tmp_path: Path, suffix: str, subtype: str, tolerance: int) -> None:
    path = tmp_path / f"tone.{suffix}"
    soundfile.write(path, tone(RATE), RATE, subtype=subtype)
    samples = read_audio(path, RATE)
    assert samples.dtype == np.int16
    np.testing.assert_allclose(samples, tone(RATE) * 2**15, atol=tolerance)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000])
def test_other_rates(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(rate), rate)
    samples = read_audio(path, RATE)
    expected = tone(RATE) * 2**15
    assert abs(len(samples) - len(expected)) <= 1
    middle = slice(1_000, 7_000)  # the ends ring
    np.testing.assert_allclose(samples[middle], expected[middle], atol=16)


def test_channels_are_averaged(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.array([[100, 300], [-7, -9], [32_767, 32_767]], np.int16), RATE)
    np.testing.assert_array_equal(read_audio(path, RATE), [200, -8, 32_767])


def test_what_int16_cannot_hold() -> None:
    sound = np.array([2.0, -2.0, np.nan, np.inf, -np.inf, 1.4 / 2**15, -1.6 / 2**15], np.float32)
    np.testing.assert_array_equal(to_int16(sound), [32_767, -32_768, 0, 32_767, -32_768, 1, -2])


def write_bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.wav", b"", "not a recording"),
        ("a.wav", b"RIFF\x04\0\0\0WAVE", "not a recording"),
        ("a.flac", b"hello", "not a recording"),
        ("a.raw", b"\0" * 64, "not a recording"),
    ],
)
def test_files_that_are_no_recordings(
    tmp_path: Path, name: str, content: bytes, match: str
) -> None:
    path = write_bytes(tmp_path / name, content)
    with pytest.raises(AudioError, match=match) as error:
        read_audio(path, RATE)
    assert str(path) in str(error.value)


def test_files_without_samples(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    soundfile.write(path, np.zeros(0), RATE)
    with pytest.raises(AudioError, match="empty"):
        read_audio(path, RATE)
    for absent in (tmp_path, tmp_path / "none.wav"):
        with pytest.raises(AudioError, match="no such file"):
            read_audio(absent, RATE)


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(RuntimeMissing, match="pip install soundfile"):
        read_audio(tmp_path / "a.wav", RATE)


def resampled(wave: Wave, rate: int, sizes: list[int]) -> Wave:
    resampler = Resampler(rate, RATE)
    parts = [resampler.push(block) for block in blocks(wave, sizes)]
    return np.concatenate([*parts, resampler.flush()])


@given(wave=waves(), rate=st.sampled_from([8_000, RATE, 22_050, 44_100, 48_000]), sizes=BLOCK_SIZES)
def test_blocks_change_nothing(wave: Wave, rate: int, sizes: list[int]) -> None:
    whole = resampled(wave, rate, [len(wave)])
    assert whole.dtype == np.int16
    assert len(whole) == round(len(wave) * RATE / rate)
    np.testing.assert_array_equal(resampled(wave, rate, sizes), whole)


@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_stream_equals_file(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(rate), rate)
    wave, _ = soundfile.read(path, dtype="int16")
    np.testing.assert_array_equal(resampled(wave, rate, [100]), read_audio(path, RATE))


@pytest.mark.parametrize("rate", [RATE, 44_100])
@pytest.mark.parametrize("size", [1, 100, 4_096])
def test_blocks_of_a_file_are_the_file(tmp_path: Path, rate: int, size: int) -> None:
    path = tmp_path / "tone.flac"
    soundfile.write(path, np.stack([tone(rate), np.roll(tone(rate), 9)], axis=1), rate)
    parts = list(read_blocks(path, RATE, size))
    assert max(map(len, parts)) <= size + 4_096  # the resampler gives its own portions
    np.testing.assert_array_equal(np.concatenate(parts), read_audio(path, RATE))


@pytest.mark.parametrize("rates", [(0, RATE), (RATE, -1)])
def test_rates_that_cannot_be(rates: tuple[int, int]) -> None:
    with pytest.raises(AudioError, match="Hz"):
        Resampler(*rates)
