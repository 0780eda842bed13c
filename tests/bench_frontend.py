"""The front-end's speed, in numpy and in C: python tests/bench_frontend.py (`make bench`)."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kws.mfcc import Mfcc
from kws.native import NativeMfcc
from kws.ring import SampleRing
from kws.spec import FrontEnd

MICRO = 1e6
CLIPS = 20_000  # of one second, what a training reads
STREAM_TARGET, C_TARGET, CLIPS_TARGET = 300, 10, 120  # us, us, s


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Processor time of the shortest of some runs, which other programs disturb little."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def stream(mfcc: Mfcc | NativeMfcc, samples: NDArray[np.int16]) -> float:
    """Microseconds a column, pushed hop by hop."""
    spec = mfcc.spec
    ring = SampleRing(spec.window, spec.hop)
    ring.push(samples[: spec.window])
    hop = samples[: spec.hop]
    return seconds(lambda: mfcc.columns(ring.push(hop)), 2_000) * MICRO


def batch(mfcc: Mfcc | NativeMfcc, samples: NDArray[np.int16]) -> float:
    """Microseconds a column of a long recording."""
    return seconds(lambda: mfcc.clip(samples), 5) / mfcc.spec.columns_in(len(samples)) * MICRO


def clips(mfcc: NativeMfcc, samples: NDArray[np.int16]) -> float:
    """Seconds for the columns of 20,000 clips."""
    second = mfcc.spec.sample_rate
    waves = samples[: len(samples) // second * second].reshape(-1, second)
    return seconds(lambda: [mfcc.clip(waves[i % len(waves)]) for i in range(CLIPS)], 1)


def main() -> None:
    """Print one line a figure."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    spec = FrontEnd()
    random = np.random.default_rng(1)
    samples = random.integers(-3_000, 3_000, 30 * spec.sample_rate).astype(np.int16)
    python, c = Mfcc(spec), NativeMfcc(spec)
    streamed = stream(python, samples)
    share = streamed / MICRO / spec.hop_seconds
    hop = f"{spec.hop_seconds * 1_000:.0f} ms hop"
    print(f"numpy, stream:       {streamed:6.1f} us a column (target: below {STREAM_TARGET})")
    print(f"  its share of a {hop}: {share:.1%} of a core")
    print(f"numpy, batch:        {batch(python, samples):6.1f} us a column")
    print(f"C, stream by ctypes: {stream(c, samples):6.1f} us a column")
    print(f"C, batch:            {batch(c, samples):6.1f} us a column (target: below {C_TARGET})")
    print(f"{CLIPS:,} clips of 1 s, C: {clips(c, samples):.1f} s (target: below {CLIPS_TARGET})")


if __name__ == "__main__":
    main()
