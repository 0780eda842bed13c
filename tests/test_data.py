"""Listing and reading Speech Commands."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kws.spec import FrontEnd
from kws_train import data
from kws_train.data import DataError


def write(path: Path, samples: int = 4_000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.arange(samples, dtype=np.int16), FrontEnd().sample_rate)


def names(clips: list[data.Clip]) -> set[str]:
    return {f"{clip.word}/{clip.path.name}" for clip in clips}


def test_lists_stand_before_the_hash_rule(tmp_path: Path) -> None:
    speakers = [f"{i:08x}" for i in range(40)]
    for speaker in speakers:
        write(tmp_path / "yes" / f"{speaker}_nohash_0.wav")
    by_rule = data.speech_commands(tmp_path)
    assert {split for split, clips in by_rule.items() if clips} == set(data.SPLITS)
    (tmp_path / "validation_list.txt").write_text(f"yes/{speakers[3]}_nohash_0.wav\n")
    (tmp_path / "testing_list.txt").write_text("")
    by_list = data.speech_commands(tmp_path)
    assert names(by_list["validation"]) == {f"yes/{speakers[3]}_nohash_0.wav"}
    assert len(by_list["training"]) == len(speakers) - 1
    assert not by_list["testing"]


def test_a_list_fits_a_repacked_archive(tmp_path: Path) -> None:
    write(tmp_path / "yes" / "a_nohash_0.flac")
    (tmp_path / "validation_list.txt").write_text("yes/a_nohash_0.wav\n")
    assert len(data.speech_commands(tmp_path)["validation"]) == 1


def test_the_hash_rule_is_the_archives_own() -> None:
    speaker = "0a7c2a8d"
    percent = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % 2**27 * 100 / (2**27 - 1)
    assert data.split_of(speaker, 100, 0) == "validation"
    assert (data.split_of(speaker, 10, 10) == "training") == (percent >= 20)


def test_a_speaker_in_two_splits_is_refused(tmp_path: Path) -> None:
    for number in range(2):
        write(tmp_path / "yes" / f"bob_nohash_{number}.wav")
    (tmp_path / "validation_list.txt").write_text("yes/bob_nohash_0.wav\n")
    with pytest.raises(DataError, match="speaker bob is in training and in validation"):
        data.speech_commands(tmp_path)


def test_the_test_sets_layout(tmp_path: Path) -> None:
    write(tmp_path / "yes" / "bob_nohash_0.wav")
    write(tmp_path / "_unknown_" / "cat_eve_nohash_1.flac")
    write(tmp_path / "_silence_" / "12.ogg", samples=16_000)
    clips = {clip.word: clip.speaker for clip in data.test_set(tmp_path)}
    assert clips == {"yes": "bob", "_unknown_": "eve", "_silence_": ""}


def test_bad_files_are_named_counted_and_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "yes" / "a_nohash_0.wav")
    (tmp_path / "yes" / "b_nohash_0.wav").write_bytes(b"RIFF, but no more")
    (tmp_path / "yes" / "c_nohash_0.wav").touch()
    clips = data.test_set(tmp_path)
    with caplog.at_level(logging.WARNING):
        kept, waves = data.load(clips, FrontEnd().sample_rate)
    assert names(kept) == {"yes/a_nohash_0.wav"}
    assert len(waves) == 1
    assert "b_nohash_0.wav" in caplog.text
    assert "2 of 3 files" in caplog.text


@pytest.mark.parametrize("read", [data.speech_commands, data.test_set])
def test_a_folder_without_words_is_refused(tmp_path: Path, read: object) -> None:
    with pytest.raises(DataError, match="no recordings found"):
        read(tmp_path)  # type: ignore[operator]
    with pytest.raises(DataError, match="is not a folder"):
        read(tmp_path / "missing")  # type: ignore[operator]


@given(arrays(np.int16, st.integers(0, 50)), st.integers(1, 50))
def test_a_clip_is_centred(samples: np.ndarray, length: int) -> None:
    middle = data.centred(samples, length)
    assert len(middle) == length
    spare = abs(len(samples) - length)
    longer, shorter = (middle, samples) if length > len(samples) else (samples, middle)
    assert (longer[spare // 2 : spare // 2 + len(shorter)] == shorter).all()


@pytest.mark.data
def test_the_real_archive_is_split_by_speaker(data: Path) -> None:
    from kws_train.data import speech_commands, test_set

    splits = speech_commands(data / "speech_commands")
    tested = {clip.speaker for clip in test_set(data / "speech_commands_test")} - {""}
    trained = {clip.speaker for name in ("training", "validation") for clip in splits[name]}
    assert len(splits["training"]) > 10 * len(splits["validation"]) / 2
    assert not tested & trained
