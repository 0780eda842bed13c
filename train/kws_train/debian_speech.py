"""Running speech of real voices, from Debian's packages, to train against: kws-data speech."""

from __future__ import annotations

import shutil
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
from kws_train import games
from kws_train.fetch import FetchError
from kws_train.own_words import files

Wave = NDArray[np.int16]
RATE = FrontEnd().sample_rate
PAUSE = 0.3  # seconds between two recordings
G722 = ".g722"  # ITU-T's wideband telephony, which libsndfile does not read
LEAST = 4000  # bytes of one that is more than a click
BAND, WAV_BAND = 0.38, 0.45  # of a rate, to which a spectrum reaches: compressed, and in a WAV
FALL_DB = -8.0  # a kHz, of the image that a recording of a lower rate gets above its band
TOOLS = ("apt-get", "dpkg-deb")
READER = "ffmpeg"  # of G.722
READERS = {"g722": READER, "steel-sky": games.UNPACKER}  # of packages with this in their names


# packages and, in them, folders of recordings, named after a voice or its language:
# telephone prompts (CC BY-SA 3.0), the dialogues of three games (GPL; two as freeware, by their
# own licences), and another's names of things (GPL)
PACKAGES = {
    "asterisk-core-sounds-en-g722": "usr/share/asterisk/sounds/*",
    "asterisk-core-sounds-es-g722": "usr/share/asterisk/sounds/*",
    "asterisk-core-sounds-fr-g722": "usr/share/asterisk/sounds/*",
    "beneath-a-steel-sky": "usr/share/scummvm/*/en",
    "fillets-ng-data": "usr/share/games/fillets-ng/sound/**/en",
    "fillets-ng-data-cs": "usr/share/games/fillets-ng/sound/**/cs",
    "fillets-ng-data-nl": "usr/share/games/fillets-ng/sound/**/nl",
    "flight-of-the-amazon-queen": "usr/share/scummvm/*/en",
    "ktuberling-data": "usr/share/ktuberling/sounds/*",
}
console = Console(stderr=True)


def gather(to: Path, packages: Mapping[str, str] = PACKAGES) -> Iterator[str]:
    """Fetch packages and write a recording for each voice into `to`; lines that say how long.

    Nothing is installed. Raises `RuntimeMissing` without Debian's tools and those of `READERS`,
    `FetchError` for a package that cannot be had.
    """
    readers = [tool for part, tool in READERS.items() if any(part in name for name in packages)]
    if absent := [tool for tool in (*TOOLS, *readers) if not shutil.which(tool)]:
        raise RuntimeMissing(
            f"{', '.join(absent)} not found; expected Debian or Ubuntu, "
            f"with apt install {' '.join(READERS.values())}"
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
    games.split(folder)


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
    band = rate * (WAV_BAND if path.suffix == ".wav" else BAND)
    edge = int(np.searchsorted(frequency, band))
    image = spectrum[edge - 1 : 0 : -1][: len(spectrum) - edge]
    above = slice(edge, edge + len(image))
    fall = (frequency[above] - band) / 1000 * FALL_DB
    spectrum[above] += image * 10 ** (fall / 20)
    return to_int16(np.fft.irfft(spectrum, len(wave)).astype(np.float32))
