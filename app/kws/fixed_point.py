"""gemmlowp's fixed-point arithmetic, as TFLite's reference kernels use it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]

_ONE = 2**31 - 1  # 1 in Q31, as near as it gets
_EXP_BITS = 5  # softmax's exponents are Q5.26
_SUM_BITS = 12  # and their sums Q12.19


def quantise_multiplier(real: ArrayLike) -> tuple[Ints, Ints]:
    """Positive factors as `multiplier / 2^31 * 2^shift`, multiplier of 31 bits; 0 below 2^-32.

    QuantizeMultiplier of TFLite's quantization_util.cc.
    """
    mantissa, exponent = np.frexp(np.asarray(real, np.float64))
    multiplier = np.floor(mantissa * 2.0**31 + 0.5).astype(np.int64)
    shift = exponent.astype(np.int64)
    carry = multiplier == 2**31
    multiplier, shift = np.where(carry, 2**30, multiplier), shift + carry
    vanished = shift < -31
    return np.where(vanished, 0, multiplier), np.where(vanished, 0, shift)


def multiply(x: Ints, multiplier: Ints, shift: Ints) -> Ints:
    """Round twice x * multiplier / 2^31 * 2^shift: MultiplyByQuantizedMultiplier."""
    high = high_multiply(x << np.maximum(shift, 0), multiplier)
    return divide_by_power(high, np.maximum(-shift, 0))


def high_multiply(a: Ints, b: Ints | int) -> Ints:
    """Round a * b / 2^31 to the nearest, ties up: SaturatingRoundingDoublingHighMul."""
    return np.asarray((a * b + 2**30) >> 31)


def divide_by_power(x: Ints, exponent: Ints | int) -> Ints:
    """Round x / 2^exponent to the nearest, ties away from zero: RoundingDivideByPOT."""
    half = (np.int64(1) << np.asarray(exponent, np.int64)) >> 1
    return np.asarray((x + half - ((x < 0) & (half > 0))) >> exponent)


def softmax(x: NDArray[np.int8], scale: float) -> NDArray[np.int8]:
    """Softmax over the last axis: int8 of any zero point to int8 of scale 1/256, zero at -128.

    `scale` is the input's, times beta. reference_ops::Softmax of TFLite.
    """
    real = min(scale * 2.0 ** (31 - _EXP_BITS), 2.0**31 - 1)
    multiplier, shift = quantise_multiplier(real)
    difference = x.astype(np.int64) - x.max(axis=-1, keepdims=True)
    # what would overflow Q5.26 is too small to matter
    seen = difference >= -((31 << (31 - _EXP_BITS)) >> int(shift))
    scaled = high_multiply(np.where(seen, difference, 0) << shift, multiplier)
    exps = np.where(seen, _exp_of_negative(scaled), 0)
    sums = divide_by_power(exps, _SUM_BITS).sum(axis=-1, keepdims=True)
    reciprocal, exponent = _reciprocal(sums)
    return np.clip(
        divide_by_power(high_multiply(exps, reciprocal), exponent) - 128, -128, 127
    ).astype(np.int8)


def _exp_of_negative(a: Ints) -> Ints:
    """The exponential of values <= 0 in Q5.26, in Q31: gemmlowp's exp_on_negative_values.

    A Taylor series around -1/8 for what is left below a quarter, then one factor for each bit.
    """
    fraction = 31 - _EXP_BITS
    quarter = 1 << (fraction - 2)
    rest = (a & (quarter - 1)) - quarter
    x = (rest << _EXP_BITS) + 2**28
    x2 = high_multiply(x, x)
    x3, x4 = high_multiply(x2, x), high_multiply(x2, x2)
    third = round(2**31 / 3)
    series = divide_by_power(high_multiply(divide_by_power(x4, 2) + x3, third) + x2, 1)
    start = round(2**31 * np.exp(-1 / 8))
    result = start + high_multiply(x + series, start)
    for power in range(-2, _EXP_BITS):
        factor = round(2**31 * np.exp(-(2.0**power)))
        chosen = (rest - a) >> (fraction + power) & 1
        result = np.where(chosen, high_multiply(result, factor), result)
    return np.where(a == 0, _ONE, result)


def _reciprocal(sums: Ints) -> tuple[Ints, Ints]:
    """1 / sum for sums in Q12.19, as Q31 and the shift from there to int8: GetReciprocal.

    Newton's iteration for the sum's leading bits, which lie in [1, 2).
    """
    bits = np.frexp(sums.astype(np.float64))[1].astype(np.int64)  # as far as the leading one
    half = (sums << (32 - bits)) >> 1  # the sum in [1, 2), halved, in Q31
    x = round(2**29 * 48 / 17) + high_multiply(half, -round(2**29 * 32 / 17))  # Q2.29
    for _ in range(3):
        x = x + np.clip(high_multiply(x, 2**29 - high_multiply(half, x)) << 2, -(2**31), _ONE)
    return np.minimum(x << 1, _ONE), bits - (32 - _SUM_BITS) + 31 - 8
