"""Clips of a neural synthesiser: a small network of the same interface stands in for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kws.errors import RuntimeMissing
from kws_train import voices
from kws_train.voices import Voices

RATE = 16_000


class Session:
    """Speaks a tone whose pitch is the style's and whose length is the tokens'."""

    def run(self, _outputs: None, given: dict[str, np.ndarray]) -> list[np.ndarray]:
        assert given["tokens"].dtype == np.int64
        assert given["style"].shape == (1, 256)
        assert given["speed"].dtype == np.float32
        length = int(2_000 * given["tokens"].size / given["speed"][0])
        pitch = 200 + 50 * float(given["style"].mean())
        return [0.5 * np.sin(2 * np.pi * pitch * np.arange(length) / voices.RATE)]


@pytest.fixture
def spoken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Voices:
    folder = tmp_path / "kokoro"
    (folder / "voices").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"")
    letters = {letter: i + 1 for i, letter in enumerate("ˈɔfɒʌpɡOQ.!?")}
    (folder / "vocab.json").write_text(json.dumps({"vocab": letters}))
    rng = np.random.default_rng(0)
    for name in ("af_one", "am_two", "bf_three", "jm_four"):
        rng.normal(size=(60, 256)).astype(np.float32).tofile(folder / "voices" / f"{name}.bin")
    monkeypatch.setattr(Voices, "_session", Session())
    return Voices(folder)


def test_clips_are_kept_and_depend_on_their_number_alone(spoken: Voices, tmp_path: Path) -> None:
    first = spoken.clips("off", 3, RATE, tmp_path / "kept")
    more = spoken.clips("off", 5, RATE, tmp_path / "kept")
    anew = spoken.clips("off", 5, RATE, tmp_path / "anew")
    assert all(clip.dtype == np.int16 and len(clip) > RATE // 20 for clip in more)
    for one, other in zip([*first, *more], [*anew[:3], *anew], strict=True):
        assert (one == other).all()
    assert len({clip.tobytes() for clip in more}) == 5


def test_missing_voices_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(RuntimeMissing, match="make voices"):
        Voices(tmp_path)
