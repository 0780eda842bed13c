"""Running speech of real voices, from Debian's packages, to train against: kws-data speech."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from kws.audio import FULL_SCALE, read_audio, to_int16
from kws.errors import AudioError, RuntimeMissing
from kws.spec import FrontEnd
from kws_train.fetch import FetchError
from kws_train.own_words import files

Wave = NDArray[np.int16]
RATE = FrontEnd().sample_rate
PAUSE = 0.3  # seconds between two recordings
G722 = ".g722"  # ITU-T's wideband telephony, which libsndfile does not read
LEAST = 4000  # bytes of one in G.722 that is more than a click, or in MP3 than a word alone
BAND = 0.38  # of an MP3's rate, to which its spectrum reaches
FALL_DB = -8.0  # a kHz, of the image that a recording of a lower rate gets above its band
QUEEN = "queen.1c"  # a game's one file of everything, ScummVM's container
ENTRY = struct.Struct(">12sBII")  # in it: a name, its volume, where its bytes are, how many
TOOLS = ("apt-get", "dpkg-deb")
READER = "ffmpeg"  # of G.722


# packages and, in them, folders of recordings, named after a voice or its language:
# telephone prompts (CC BY-SA 3.0), the dialogues of two games (GPL; as freeware, by its own
# licence), and another's names of things (GPL)
PACKAGES = {
    "asterisk-core-sounds-en-g722": "usr/share/asterisk/sounds/*",
    "asterisk-core-sounds-es-g722": "usr/share/asterisk/sounds/*",
    "asterisk-core-sounds-fr-g722": "usr/share/asterisk/sounds/*",
    "fillets-ng-data": "usr/share/games/fillets-ng/sound/**/en",
    "fillets-ng-data-cs": "usr/share/games/fillets-ng/sound/**/cs",
    "fillets-ng-data-nl": "usr/share/games/fillets-ng/sound/**/nl",
    "flight-of-the-amazon-queen": "usr/share/scummvm/*/en",
    "ktuberling-data": "usr/share/ktuberling/sounds/*",
}
console = Console(stderr=True)


def gather(to: Path, packages: Mapping[str, str] = PACKAGES) -> Iterator[str]:
    """Fetch packages and write a recording for each voice into `to`; lines that say how long.

    Nothing is installed. Raises `RuntimeMissing` without Debian's tools and ffmpeg, `FetchError`
    for a package that cannot be had.
    """
    reader = [READER] if any(name.endswith("g722") for name in packages) else []
    if absent := [tool for tool in (*TOOLS, *reader) if not shutil.which(tool)]:
        raise RuntimeMissing(
            f"{', '.join(absent)} not found; expected Debian or Ubuntu, with apt install ffmpeg"
        )
    to.mkdir(parents=True, exist_ok=True)
    for package, pattern in packages.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            _unpack(package, folder)
            for voice, paths in _voices(folder.glob(pattern)).items():
                parts = list(_readable(track(paths, voice, console=console)))
                if not parts:
                    continue
                pause = np.zeros(int(PAUSE * RATE), np.int16)
                wave = np.concatenate([sound for part in parts for sound in (part, pause)])
                path = to / f"{package}-{voice}.flac"
                soundfile.write(path, wave, RATE)
                yield f"{path}: {len(wave) / RATE / 60:.1f} min, {len(parts)} recordings"


def _unpack(name: str, folder: Path) -> None:
    for command in (["apt-get", "download", name], ["sh", "-c", "dpkg-deb -x *.deb ."]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise FetchError(f"{name}: {command[0]} failed ({why}); try apt-get update")
    for path in folder.rglob(QUEEN):
        _split(path)


def _split(path: Path) -> None:
    """Write what is said in a game's container beside it, each line an MP3 file in `en`.

    Behind a magic, a version of six bytes, two flags and the number of entries they stand one
    after the other (as ScummVM's tools write them). Lines so short that they may be a word alone,
    a command for instance, are left out.
    """
    whole = path.read_bytes()
    (count,) = struct.unpack_from(">H", whole, 13)
    folder = path.parent / "en"
    folder.mkdir()
    for name, _, start, size in ENTRY.iter_unpack(whole[15 : 15 + count * ENTRY.size]):
        stem, _, kind = name.rstrip(b"\0").decode("latin-1").partition(".")
        if kind == "SB" and size >= LEAST:
            (folder / f"{stem}.mp3").write_bytes(whole[start : start + size])


def _voices(folders: Iterable[Path]) -> dict[str, list[Path]]:
    """The recordings of each voice, but for what is spelt, too short, or a silence."""
    found: dict[str, list[Path]] = {}
    for folder in sorted(path for path in folders if path.is_dir() and not path.is_symlink()):
        paths = [*files(folder.rglob("*")), *sorted(folder.rglob(f"*{G722}"))]
        for path in paths:
            spelt = {"letters", "silence"} & set(path.relative_to(folder).parts)
            if not spelt and (path.suffix != G722 or path.stat().st_size >= LEAST):
                found.setdefault(folder.name, []).append(path)
    return found


def _readable(paths: Iterable[Path]) -> Iterator[Wave]:
    for path in paths:
        try:
            yield _read(path)
        except AudioError as error:
            console.print(f"left out: {error}", soft_wrap=True, highlight=False)


def _read(path: Path) -> Wave:
    if path.suffix != G722:
        return _filled(path)
    command = [READER, "-v", "error", "-f", "g722", "-i", str(path)]
    command += ["-f", "s16le", "-ac", "1", "-ar", str(RATE), "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise AudioError(f"{path}: {READER} cannot read it; expected G.722")
    return np.frombuffer(done.stdout, np.int16)


def _filled(path: Path) -> Wave:
    """A recording; where its rate is lower, with an image of its band above it.

    Otherwise a network would tell such a recording by the silence there. The band is mirrored at
    its end (spectral folding, Makhoul and Berouti, 1979) and falls as speech does.
    """
    wave = read_audio(path, RATE)
    rate = soundfile.info(path).samplerate
    if rate >= RATE:
        return wave
    spectrum = np.fft.rfft(wave / FULL_SCALE)
    frequency = np.fft.rfftfreq(len(wave), 1 / RATE)
    edge = int(np.searchsorted(frequency, BAND * rate))
    image = spectrum[edge - 1 : 0 : -1][: len(spectrum) - edge]
    above = slice(edge, edge + len(image))
    fall = (frequency[above] - BAND * rate) / 1000 * FALL_DB
    spectrum[above] += image * 10 ** (fall / 20)
    return to_int16(np.fft.irfft(spectrum, len(wave)).astype(np.float32))
