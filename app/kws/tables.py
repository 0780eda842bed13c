"""The front-end's constants, computed once as integers and guarded by a hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kws.errors import SpecError
from kws.spec import FrontEnd

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]

Q31 = 2**31
POWER_SHIFT = 11  # bits dropped from a bin's power before the mel sum, which then fits 64 bits
MEL_BITS = 15  # fraction bits of a mel weight
LOG_BITS = 24  # fraction bits of log2
LOG_SEGMENTS = 128  # linear pieces per octave of the log2 table; error below 1.2e-5
MATRIX_BITS = 18  # fraction bits of the matrix that ends the front-end


@dataclass(frozen=True, eq=False)
class Tables:
    """What the front-end reads besides the samples; the same bytes in Python and in C.

    window     [window] Q31, Hann
    twiddle    [2, window / 2] Q31, cosine and -sine of 2 pi k / window
    mel_first  [mels + 2] first bin of each rising slope; band m rises in [m], falls in [m + 1]
    mel_weight [bins] Q15, the rising share of a bin; its falling share is the rest to 1
    mel_floor  [mels] int64, the noise floor's energy in a band, at no normalising shift
    log        [LOG_SEGMENTS + 1] Q24, log2(1 + k / LOG_SEGMENTS)
    matrix     [coefficients, mels] Q18, DCT-II / deviation / step
    bias       [coefficients] int64, Q42, what the mean subtracts, with the half for rounding
    """

    window: Ints
    twiddle: Ints
    mel_first: Ints
    mel_weight: Ints
    mel_floor: NDArray[np.int64]
    log: Ints
    matrix: Ints
    bias: NDArray[np.int64]

    @property
    def digest(self) -> str:
        """SHA-256 over all tables: another mathematics library must not change a bit unnoticed."""
        total = hashlib.sha256()
        for field in fields(self):
            array = getattr(self, field.name)
            total.update(f"{field.name}{array.shape}".encode())
            total.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
        return total.hexdigest()


def mel(hz: float | Floats) -> Floats:
    """Mel scale of O'Shaughnessy (as in HTK): 2595 log10(1 + f / 700)."""
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hz) / 700.0))


def hann(window: int) -> Floats:
    """Periodic Hann window, 0.5 - 0.5 cos(2 pi n / N)."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window))


def mel_filters(spec: FrontEnd) -> Floats:
    """Triangles of height 1, evenly spaced and linear on the mel scale: [mels, bins]."""
    bins = np.arange(spec.window // 2 + 1) * spec.sample_rate / spec.window
    edges = np.linspace(mel(spec.low_hz), mel(spec.high_hz), spec.mels + 2)
    place = (mel(bins) - edges[0]) / (edges[1] - edges[0])
    return np.asarray(np.maximum(0.0, 1.0 - np.abs(place - np.arange(1, spec.mels + 1)[:, None])))


def dct(spec: FrontEnd) -> Floats:
    """Orthonormal DCT-II, [coefficients, mels]; the identity for log-mel features."""
    if spec.features == "log-mel":
        return np.eye(spec.mels)
    m = np.arange(spec.mels) + 0.5
    basis = np.cos(np.pi / spec.mels * np.arange(spec.coefficients)[:, None] * m)
    scale = np.full((spec.coefficients, 1), np.sqrt(2.0 / spec.mels))
    scale[0] /= np.sqrt(2.0)
    return np.asarray(basis * scale)


def floor_energy(spec: FrontEnd) -> Floats:
    """Expected energy of the noise floor in each mel band, for unscaled int16 samples: [mels]."""
    white = spec.noise_floor**2 * float(np.sum(hann(spec.window) ** 2))
    return np.asarray(white * mel_filters(spec).sum(axis=1))


@lru_cache(maxsize=8)
def tables(spec: FrontEnd) -> Tables:
    """All tables of a front-end; raises `SpecError` where the integers cannot hold them."""
    half = spec.window // 2
    angle = 2 * np.pi * np.arange(half) / spec.window
    edges = np.linspace(mel(spec.low_hz), mel(spec.high_hz), spec.mels + 2)
    bins = mel(np.arange(half + 1) * spec.sample_rate / spec.window)
    place = (bins - edges[0]) / (edges[1] - edges[0])
    first = np.searchsorted(place, np.arange(spec.mels + 2), side="left")
    matrix = dct(spec) / (np.array(spec.deviation)[:, None] * spec.step)
    bias = np.array(spec.mean) / (np.array(spec.deviation) * spec.step)
    octave = np.arange(LOG_SEGMENTS + 1) / LOG_SEGMENTS
    # log2 of the sum is that of the true energy plus what the integer scales added
    scale = _scale_bits(spec)
    exact = np.rint(matrix * 2**MATRIX_BITS)
    offset = (bias + exact.sum(axis=1) / 2**MATRIX_BITS * scale) * 2 ** (MATRIX_BITS + LOG_BITS)
    rounding = 2 ** (MATRIX_BITS + LOG_BITS - 1)
    floor = np.rint(floor_energy(spec) * 2.0**scale)
    _check_ranges(floor, exact, offset)
    return Tables(
        window=_q31(hann(spec.window)),
        twiddle=_q31(np.stack([np.cos(angle), -np.sin(angle)])),
        mel_first=first.astype(np.int32),
        mel_weight=np.rint((place - np.floor(place)) * 2**MEL_BITS).astype(np.int32),
        mel_floor=floor.astype(np.int64),
        log=np.rint(np.log2(1 + octave) * 2**LOG_BITS).astype(np.int32),
        matrix=exact.astype(np.int32),
        bias=(rounding - np.rint(offset)).astype(np.int64),
    )


def _check_ranges(floor: Floats, matrix: Floats, offset: Floats) -> None:
    """What the chain relies on: energies of 2^11 to 2^64, sums of at most 2^63.

    A frame with a peak below 2^(16 - s) is shifted left by s <= 16; a normalised frame's energy
    is at most 3/4 of 2^64, which leaves a quarter to the floor, shifted by 2 s <= 30; silence,
    at s = 16, has the floor alone.
    """
    if floor.min() < 2**11:
        raise SpecError(
            f"mel band {floor.argmin()} holds too little noise floor ({floor.min():.0f}, expected "
            f"{2**11}): take a wider window, fewer mels or a higher noise_floor"
        )
    if floor.max() >= 2**32:
        raise SpecError(
            f"mel band {floor.argmax()} holds too much noise floor ({floor.max():.0f}, expected "
            f"below {2**32}): take more mels or a lower noise_floor"
        )
    largest_log = 2.0 ** (LOG_BITS + 6)
    sums = np.abs(matrix).sum(axis=1) * largest_log + np.abs(offset)
    if sums.max() >= 2**63:
        raise SpecError(
            f"coefficient {sums.argmax()} does not fit 64 bits: take a larger deviation, a larger "
            "step or a mean nearer to 0"
        )


def _scale_bits(spec: FrontEnd) -> int:
    """log2 of (mel energy in the integer chain / true energy), for a frame at shift 0.

    Samples enter as x 2^15, the window's high word halves them, the transform of half the
    window's length divides by that length; power squares all this and drops POWER_SHIFT.
    """
    transform_bits = (spec.window // 2).bit_length() - 1
    return 2 * (15 - 1 - transform_bits) - POWER_SHIFT + MEL_BITS


def _q31(values: Floats) -> Ints:
    return np.asarray(np.minimum(np.rint(values * Q31), Q31 - 1)).astype(np.int32)
