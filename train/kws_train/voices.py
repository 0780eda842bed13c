"""Words spoken by Kokoro, a neural synthesiser, in voices that are mixed from its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from kws.audio import read_audio
from kws.errors import RuntimeMissing
from kws_train.synthesise import trimmed

Wave = NDArray[np.int16]
Rng = np.random.Generator

MODEL, VOCABULARY, STYLES = "model.onnx", "vocab.json", "voices"
RATE = 24_000  # Hz, of what the network speaks
ACCENTS = ("en-us", "en-us", "en-us-nyc", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029")
NATIVE = 0.7  # share of the clips whose voices are native speakers of English
ENGLISH = ("a", "b")  # initials of the American and British voices' names
TEMPO = (0.75, 1.35)
_STYLE = 256  # values a style: half timbre, half prosody
_ROWS = 40  # rows of a voice, one a length of text, that are near enough to a word's
# what the network writes with one letter where espeak-ng has two
_LETTERS = {"oʊ": "O", "əʊ": "Q", "aɪ": "I", "eɪ": "A", "aʊ": "W", "ɔɪ": "Y", "tʃ": "ʧ", "dʒ": "ʤ"}
_THREADS = 2


class Voices:
    """Kokoro-82M (Apache-2.0) in a folder that `make voices` fills."""

    def __init__(self, folder: Path) -> None:
        """Raises `RuntimeMissing` where the folder, onnxruntime or espeak-ng is missing."""
        if not (folder / MODEL).is_file():
            raise RuntimeMissing(f"no neural voices in {folder}; run: make voices")
        if shutil.which("espeak-ng") is None:
            raise RuntimeMissing("espeak-ng is missing; run: sudo apt-get install espeak-ng")
        self._folder = folder
        self._ids = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))["vocab"]
        self._styles = {
            path.stem: np.fromfile(path, np.float32).reshape(-1, _STYLE)
            for path in sorted((folder / STYLES).glob("*.bin"))
        }

    def clips(self, word: str, count: int, rate: int, kept: Path) -> list[Wave]:
        """`count` clips of a word, mono int16 at `rate`; those in the folder `kept` are read.

        Clip i depends on the word and on i alone, so that more clips leave the first as they are.
        """
        kept.mkdir(parents=True, exist_ok=True)
        paths = [kept / f"{index:04d}.flac" for index in range(count)]
        missing = [index for index, path in enumerate(paths) if not path.is_file()]
        if missing:
            phonemes = [self._phonemes(word, accent) for accent in ACCENTS]

            def make(index: int) -> None:
                rng = np.random.default_rng([index, *word.encode()])
                wave = self._speak(phonemes[rng.integers(len(phonemes))], rate, rng)
                soundfile.write(paths[index].with_suffix(".part"), wave, rate, format="FLAC")
                paths[index].with_suffix(".part").rename(paths[index])

            with ThreadPoolExecutor(_THREADS) as pool:
                made = pool.map(make, missing)
                for _ in track(
                    made, f"Speaking {word!r}", len(missing), console=Console(stderr=True)
                ):
                    pass
        return [read_audio(path, rate) for path in paths]

    @cached_property
    def _session(self) -> Any:
        try:
            import onnxruntime
        except ImportError as error:
            raise RuntimeMissing("onnxruntime is missing; run: pip install onnxruntime") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(
            str(self._folder / MODEL), options, providers=["CPUExecutionProvider"]
        )

    def _phonemes(self, word: str, accent: str) -> str:
        command = ["espeak-ng", "-q", "--ipa", "-v", accent, word]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        for pair, letter in _LETTERS.items():
            text = text.replace(pair, letter)
        return "".join(letter for letter in text if letter in self._ids)

    def _speak(self, phonemes: str, rate: int, rng: Rng) -> Wave:
        phonemes += str(rng.choice(["", ".", "!", "?"]))
        ids = [0, *(self._ids[letter] for letter in phonemes), 0]
        row = len(phonemes) - 1 + int(rng.integers(_ROWS))
        native = rng.random() < NATIVE
        names = [name for name in self._styles if not native or name.startswith(ENGLISH)]
        timbre, prosody = self._mixed(names, row, rng), self._mixed(names, row, rng)
        style = np.concatenate([timbre[: _STYLE // 2], prosody[_STYLE // 2 :]])
        given = {
            "tokens": np.array([ids], np.int64),
            "style": style[np.newaxis].astype(np.float32),
            "speed": np.array([rng.uniform(*TEMPO)], np.float32),
        }
        sound = soxr.resample(np.ravel(self._session.run(None, given)[0]), RATE, rate)
        codes = np.clip(np.rint(sound * 2**15), -(2**15), 2**15 - 1)
        return trimmed(codes.astype(np.int16), rate)

    def _mixed(self, names: list[str], row: int, rng: Rng) -> NDArray[np.float64]:
        """A voice between one, two or three of those named."""
        share = rng.dirichlet(np.ones(rng.integers(1, 4)))
        chosen = rng.choice(names, len(share), replace=False)
        return np.asarray(sum(s * self._styles[n][row] for s, n in zip(share, chosen, strict=True)))
