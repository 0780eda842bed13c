"""The textbook's MFCC in float64, which the integer front-end is judged against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kws.spec import FrontEnd

Floats = NDArray[np.float64]


def coefficients(spec: FrontEnd, samples: NDArray[np.int16]) -> Floats:
    """Hann window, power spectrum, mel bands over the noise floor, log2, DCT-II: [n, values]."""
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(float), spec.window)
    window = np.sin(np.pi * np.arange(spec.window) / spec.window) ** 2
    power = np.abs(np.fft.rfft(frames[:: spec.hop] * window)) ** 2
    filters = mel_filters(spec)
    floor = spec.noise_floor**2 * np.sum(window**2) * filters.sum(axis=1)
    log = np.log2(power @ filters.T + floor)
    return log if spec.features == "log-mel" else log @ dct(spec).T


def mel_filters(spec: FrontEnd) -> Floats:
    """Triangles of height 1 between three neighbours of evenly spaced mels: [mels, bins]."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (spec.low_hz, spec.high_hz))
    edges = np.linspace(low, high, spec.mels + 2)
    hz = np.arange(spec.window // 2 + 1) * spec.sample_rate / spec.window
    mels = 2595 * np.log10(1 + hz / 700)
    rows = [
        np.maximum(0, np.minimum((mels - a) / (b - a), (c - mels) / (c - b)))
        for a, b, c in zip(edges, edges[1:], edges[2:], strict=False)
    ]
    return np.array(rows)


def dct(spec: FrontEnd) -> Floats:
    """Orthonormal DCT-II as a matrix [coefficients, mels]."""
    k, m = np.ogrid[: spec.coefficients, : spec.mels]
    scale = np.where(k == 0, np.sqrt(1 / spec.mels), np.sqrt(2 / spec.mels))
    return np.asarray(scale * np.cos(np.pi * k * (2 * m + 1) / (2 * spec.mels)))


def columns(spec: FrontEnd, samples: NDArray[np.int16]) -> NDArray[np.int64]:
    """The coefficients, normalised, rounded to the spec's steps and limited to int8."""
    values = (coefficients(spec, samples) - spec.mean) / spec.deviation / spec.step
    return np.clip(np.floor(values + 0.5), -128, 127).astype(np.int64)


def normalised(spec: FrontEnd, waves: Iterable[NDArray[np.int16]]) -> FrontEnd:
    """The spec with the mean and deviation of some recordings."""
    values = np.concatenate([coefficients(spec, wave) for wave in waves])
    return replace(spec, mean=tuple(values.mean(axis=0)), deviation=tuple(values.std(axis=0)))
