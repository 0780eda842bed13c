"""Makes commands.wav: synthetic voices say the ten commands (needs espeak-ng and flite)."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from kws.artefact import Artefact
from kws.audio import read_audio
from kws.spec import FrontEnd
from kws.spotter import Spotter

Wave = NDArray[np.int16]

OUT = Path(__file__).with_name("commands.wav")
RATE = FrontEnd().sample_rate
PAUSE_SECONDS = 1.2  # before, between and after the words
LEVEL = 3_000.0  # rms of a word, in int16 steps
ROOM = 10.0  # rms of the noise that lies under everything: no room is digitally silent

# What each voice is called here, and the command that makes it speak.
VOICES = {
    **{f"flite {v}": ["flite", "-voice", v] for v in ("slt", "rms", "awb", "kal16")},
    **{
        f"espeak-ng {v} {speed}": ["espeak-ng", "-v", v, "-s", str(speed)]
        for v in ("en-us", "en-us+f3", "en-us+m3", "en-gb", "en-gb-scotland", "en-gb-x-rp")
        for speed in (120, 150)
    },
}

# Who says which word, in the order of the file.
CAST = {
    "yes": "flite slt",
    "no": "flite rms",
    "up": "flite slt",
    "down": "flite rms",
    "left": "flite slt",
    "right": "flite rms",
    "on": "flite slt",
    "off": "flite rms",
    "stop": "flite slt",
    "go": "flite rms",
}


def main() -> int:
    """Write commands.wav, or look for the cast that a model hears best."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--choose", metavar="MODEL", help="try every voice with every word")
    parser.add_argument("--out", type=Path, default=OUT, help="(default: %(default)s)")
    args = parser.parse_args()
    if args.choose:
        return choose(Spotter(Artefact.load(args.choose)))
    track = in_a_room([speak(word, voice) for word, voice in CAST.items()])
    soundfile.write(args.out, track, RATE, subtype="PCM_16")
    print(f"{args.out}: {len(track) / RATE:.1f} s, {' '.join(CAST)}")
    return 0


def speak(word: str, voice: str) -> Wave:
    """One word, trimmed of silence, at the level that all have."""
    command = VOICES[voice]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "word.wav"
        text = ["-t", word, "-o", str(path)] if command[0] == "flite" else ["-w", str(path), word]
        subprocess.run([*command, *text], check=True, timeout=60)
        sound = read_audio(path, RATE).astype(np.float64)
    loud = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    sound = sound[loud[0] : loud[-1] + 1]
    sound *= LEVEL / np.sqrt(np.mean(sound**2))
    return np.clip(np.rint(sound), -32_768, 32_767).astype(np.int16)


def in_a_room(words: list[Wave]) -> Wave:
    """Words with pauses around them, over quiet noise that is always the same."""
    pause = np.zeros(round(PAUSE_SECONDS * RATE), np.int16)
    track = np.concatenate([pause, *(part for word in words for part in (word, pause))])
    noise = np.random.default_rng(1).normal(0.0, ROOM, len(track))
    return np.clip(track + np.rint(noise), -32_768, 32_767).astype(np.int16)


def choose(spotter: Spotter) -> int:
    """Print which voices the model hears alone in the room: their word once, nothing else.

    The figure beside a voice is the highest smoothed posterior of its word.
    """
    heard = 0
    for word in CAST:
        peaks = {voice: peak(spotter, word, speak(word, voice)) for voice in VOICES}
        best = sorted((voice for voice in VOICES if peaks[voice]), key=lambda v: -peaks[v])
        heard += len(best)
        voices = ", ".join(f"{voice} {peaks[voice]:.3f}" for voice in best)
        print(f"{word:<6} {len(best):2} of {len(VOICES)}: {voices or 'none'}", flush=True)
    print(f"{heard} of {len(CAST) * len(VOICES)} words heard, each once and nothing else")
    return 0


def peak(spotter: Spotter, word: str, wave: Wave) -> float:
    """The word's highest smoothed posterior; 0 where it is not all that is heard, or not once."""
    spotter.reset()
    found, scores = [], [0.0]
    track = in_a_room([wave])
    for first in range(0, len(track), spotter.spec.hop):
        found += spotter.feed(track[first : first + spotter.spec.hop])
        if spotter.top is not None and spotter.top[0] == word:
            scores.append(spotter.top[1])
    return max(scores) if [d.keyword for d in found] == [word] else 0.0


if __name__ == "__main__":
    sys.exit(main())
