"""The whole chain's share of one core in real time, beside microWakeWord's method."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.artefact import DEFAULT_MODEL, Artefact
from kws.audio import read_audio
from kws.listen import LIVE_HOPS
from kws.native_spotter import NativeSpotter
from kws.spotter import Spotter

COMMANDS = Path(__file__).resolve().parents[1] / "examples" / "commands.wav"
REPEATS = 4  # of the recording in a run
NATIVE_TARGET, TFLITE_TARGET = 0.3, 1.5  # per cent of one core
INSTALL = "microWakeWord: not measured; for it: pip install pymicro-wakeword==2.5.0 (Linux, x86-64)"

Wave = NDArray[np.int16]
Chain = Callable[[Wave], object]


def main() -> int:
    """Measure, print, return 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--runs", type=int, default=15, help="of each chain (default: 15)")
    args = parser.parse_args()
    artefact = Artefact.load(args.model)
    spec = artefact.manifest.front_end
    samples = np.tile(read_audio(COMMANDS, spec.sample_rate), REPEATS)
    native, tflite = NativeSpotter(artefact), Spotter(artefact)
    chains: dict[str, Chain] = {
        f"kws-listen's, {artefact.manifest.name}, native": lambda block: list(native.feed(block)),
        f"kws-listen's, {artefact.manifest.name}, tflite": lambda block: list(tflite.feed(block)),
    }
    chains |= micro_wake_word(len(artefact.model))
    block, seconds = LIVE_HOPS * spec.hop, len(samples) / spec.sample_rate
    shares = measure(chains, samples, block, seconds, args.runs)
    print(
        f"From samples to detections: CPU share of one core in real time; medians of {args.runs} "
        f"runs in turn\nof {seconds:.0f} s in blocks of {block} samples; "
        f"{artefact.manifest.name} has {len(artefact.model):,} bytes"
    )
    targets = (NATIVE_TARGET, TFLITE_TARGET)
    for index, (name, share) in enumerate(shares.items()):
        text = f"  {name:<48} {share:6.3f} %"
        if index < len(targets):
            verdict = "met" if share <= targets[index] else "MISSED"
            text += f"  (target {targets[index]:g} %: {verdict})"
        print(text)
    ours = list(shares.values())
    if len(ours) == len(targets):
        print(INSTALL)
        return 0
    print(f"  ratio to microWakeWord's: native {ours[0] / ours[2]:.2f}, ", end="")
    print(f"tflite {ours[1] / ours[2]:.2f}")
    return 0


def micro_wake_word(size: int) -> dict[str, Chain]:
    """microWakeWord's chain with the model of the package that is nearest in size, if it is there.

    Its front-end gives 40 features every 10 ms, three of which make an inference.
    """
    try:
        from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, Model
    except ImportError:
        return {}
    models = [MicroWakeWord.from_builtin(model) for model in Model]
    sizes = [Path(model.tflite_model).stat().st_size for model in models]
    nearest = min(range(len(models)), key=lambda i: abs(sizes[i] - size))
    detector, features = models[nearest], MicroWakeWordFeatures()

    def feed(block: Wave) -> object:
        return [
            detector.process_streaming(column)
            for column in features.process_streaming(block.tobytes())
        ]

    return {f"microWakeWord's, {detector.id}, {sizes[nearest]:,} bytes": feed}


def measure(
    chains: dict[str, Chain], samples: Wave, block: int, seconds: float, runs: int
) -> dict[str, float]:
    """The CPU share of each chain in per cent of one core: medians of runs in turn."""
    shares: dict[str, list[float]] = {name: [] for name in chains}
    for _ in range(runs + 1):
        for name, feed in chains.items():
            begin = time.process_time()
            for first in range(0, len(samples), block):
                feed(samples[first : first + block])
            shares[name].append(100 * (time.process_time() - begin) / seconds)
    return {name: statistics.median(share[1:]) for name, share in shares.items()}  # less a warm-up


if __name__ == "__main__":
    raise SystemExit(main())
