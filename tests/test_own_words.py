"""Somebody's own recordings as an archive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.audio import read_audio
from kws_train import data
from kws_train.data import DataError
from kws_train.own_words import LEAST, Recording, divide, gather

RATE = 16_000
SECONDS = 1.0


def record(path: Path, seconds: float = 1.0, rate: int = RATE) -> None:
    """Noise that no other file has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([*str(path).encode()])
    soundfile.write(path, rng.uniform(-0.3, 0.3, int(seconds * rate)), rate)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Twenty recordings of two words, and enough of others."""
    folder = tmp_path / "mine"
    for number in range(LEAST):
        record(folder / "lights" / f"take {number}.flac", rate=44_100)
        record(folder / "music" / "phone" / f"{number}.wav", seconds=2.5)
    for number in range(160):
        record(folder / "other" / f"{number}.wav")
    return folder


def read(folder: Path) -> dict[str, list[data.Clip]]:
    return data.speech_commands(folder)


def test_recordings_of_any_rate_and_format_become_an_archive(root: Path, tmp_path: Path) -> None:
    gather(("lights", "music"), root, None, RATE, SECONDS, tmp_path / "archive")
    splits = read(tmp_path / "archive")
    assert not splits["testing"]
    for word in ("lights", "music"):
        counts = [sum(c.word == word for c in splits[split]) for split in data.SPLITS[:2]]
        assert sum(counts) == LEAST
        assert 3 <= counts[1] <= 6
    assert all(len(read_audio(c.path, RATE)) for c in splits["training"])
    assert len(data.noises(tmp_path / "archive", RATE)) == 3  # made, since there are none


def test_the_same_recordings_give_the_same_archive(root: Path, tmp_path: Path) -> None:
    names = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        gather(("lights",), root, None, RATE, SECONDS, folder)
        names.append(sorted(str(p.relative_to(folder)) for p in folder.rglob("*.wav")))
    assert names[0] == names[1]
    record(root / "lights" / "take 0.flac", seconds=0.9)  # recorded anew under the same name
    gather(("lights",), root, None, RATE, SECONDS, tmp_path / "three")
    assert names[0] != sorted(
        str(p.relative_to(tmp_path / "three")) for p in (tmp_path / "three").rglob("*.wav")
    )


def test_running_speech_is_cut_into_pieces(root: Path, tmp_path: Path) -> None:
    speech = tmp_path / "speech"
    for speaker in range(8):
        record(speech / f"{speaker}" / "chapter" / "1.flac", seconds=5.5)
    record(speech / "lights" / "1.wav")  # one of the words is no negative
    gather(("lights", "music"), root, speech, RATE, SECONDS, tmp_path / "archive")
    clips = [c for split in read(tmp_path / "archive").values() for c in split]
    pieces = [c for c in clips if c.word == "speech"]
    assert len(pieces) == 8 * 5
    assert {len(read_audio(c.path, RATE)) for c in pieces} == {RATE}
    assert sum(c.word == "lights" for c in clips) == LEAST


def test_a_broken_file_is_named_and_left_out(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "other" / "0.wav").write_bytes(b"RIFF")
    gather(("lights",), root, None, RATE, SECONDS, tmp_path / "archive")
    assert "0.wav" in capsys.readouterr().err


def test_too_few_recordings_are_named_with_their_count(root: Path, tmp_path: Path) -> None:
    (root / "music" / "phone" / "0.wav").unlink()
    with pytest.raises(DataError, match=rf"music {LEAST - 1}, door 0; expected at least {LEAST}"):
        gather(("lights", "music", "door"), root, None, RATE, SECONDS, tmp_path / "archive")


def test_unreadable_recordings_do_not_count(root: Path, tmp_path: Path) -> None:
    (root / "music" / "phone" / "0.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match=f"music {LEAST - 1}"):
        gather(("music",), root, None, RATE, SECONDS, tmp_path / "archive")


def test_nothing_else_to_tell_the_words_from_is_an_error(root: Path, tmp_path: Path) -> None:
    for path in (root / "other").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="--negatives"):
        gather(("lights", "music"), root, None, RATE, SECONDS, tmp_path / "archive")


def clips(word: str, speakers: dict[str, int]) -> list[Recording]:
    return [
        Recording(Path(f"{speaker}_nohash_{n}.wav"), word, speaker)
        for speaker, count in speakers.items()
        for n in range(count)
    ]


def test_speakers_stand_in_one_split() -> None:
    own = [
        *clips("a", {f"s{n}": 2 for n in range(20)}),
        *clips("b", {f"s{n}": 1 for n in range(30)}),
    ]
    others = clips("c", {f"s{n}": 3 for n in range(40)})
    divided, rest = divide(own, others)
    split: dict[str, str] = {}
    for r in (*divided, *rest):
        assert split.setdefault(r.speaker, r.split) == r.split
    for word, count in (("a", 40), ("b", 30)):
        judged = sum(r.word == word and r.split == "validation" for r in divided)
        assert 0.1 * count <= judged <= 0.34 * count


def test_one_speaker_validates_with_some_files() -> None:
    own = [Recording(Path(f"me_nohash_{n}.wav"), "a", "me") for n in range(40)]
    divided, _ = divide(own, [])
    assert 4 <= sum(r.split == "validation" for r in divided) <= 8


def test_a_lists_splits_are_kept() -> None:
    own = [
        Recording(Path(f"{n}.wav"), "a", f"s{n}", split)
        for n, split in enumerate(["training"] * 30 + ["validation"] * 5 + ["testing"] * 5)
    ]
    others = [
        Recording(Path("x.wav"), "b", "x", "testing"),
        Recording(Path("y.wav"), "b", "y", "validation"),
    ]
    divided, rest = divide(own, others)
    assert [r.split for r in divided] == ["training"] * 30 + ["validation"] * 5
    assert [r.split for r in rest] == ["validation"]
