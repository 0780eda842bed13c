/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/requantise.h"

enum {
    EXP_FRACTION = 26, /* exponents are Q5.26 */
    SUM_BITS = 12,     /* and their sums Q12.19 */
};

/* x * 2^exponent, saturated; exponent 0 to 31. */
static int32_t shift_left(int32_t x, int32_t exponent)
{
    const int32_t limit = INT32_MAX >> exponent;

    if (x > limit) {
        return INT32_MAX;
    }
    return x < -limit - 1 ? INT32_MIN : (int32_t)((uint32_t)x << exponent);
}

/* The exponential of a value <= 0 in Q5.26, in Q31: gemmlowp's exp_on_negative_values. */
static int32_t exp_of_negative(int32_t a)
{
    /* exp(-1/4), exp(-1/2), ... exp(-16) in Q31 */
    static const int32_t factors[] = {1672461947, 1302514674, 790015084, 290630308,
                                      39332535,   720401,     242};
    const int32_t third = 715827883;       /* 1/3 in Q31 */
    const int32_t exp_eighth = 1895147668; /* exp(-1/8) */
    const int32_t quarter = 1 << (EXP_FRACTION - 2);
    const int32_t rest = (a & (quarter - 1)) - quarter;

    if (a == 0) {
        return INT32_MAX;
    }

    /* a Taylor series around -1/8 for what is left below a quarter ... */
    const int32_t x = rest * (1 << (31 - EXP_FRACTION)) + (1 << 28);
    const int32_t x2 = kws_high_multiply(x, x);
    const int32_t x3 = kws_high_multiply(x2, x);
    const int32_t x4 = kws_high_multiply(x2, x2);
    const int32_t end = kws_high_multiply(kws_divide_by_power(x4, 2) + x3, third) + x2;
    const int32_t series = x + kws_divide_by_power(end, 1);
    int32_t result = exp_eighth + kws_high_multiply(series, exp_eighth);

    /* ... then one factor for each bit */
    for (uint32_t i = 0; i < sizeof factors / sizeof *factors; ++i) {
        if ((rest - a) >> (EXP_FRACTION - 2 + i) & 1) {
            result = kws_high_multiply(result, factors[i]);
        }
    }
    return result;
}

/* 1 / sum by Newton's iteration, in Q31, for the sum's `bits` leading bits, which are in [1, 2). */
static int32_t reciprocal(uint32_t sum, int32_t bits)
{
    const int32_t half = (int32_t)(sum << (32 - bits) >> 1);
    int32_t x = 1515870810 + kws_high_multiply(half, -1010580540); /* 48/17 - 32/17 half, Q2.29 */

    for (int i = 0; i < 3; ++i) {
        const int32_t error = (1 << 29) - kws_high_multiply(half, x);

        x += shift_left(kws_high_multiply(x, error), 2);
    }
    return shift_left(x, 1);
}

/* Of how far a code lies below the largest of its row. */
static int32_t exp_of(const struct kws_softmax *o, int32_t difference)
{
    if (difference < o->lowest) {
        return 0;
    }
    return exp_of_negative(kws_high_multiply(shift_left(difference, o->shift), o->multiplier));
}

void kws_softmax(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_softmax *o = options;
    const struct kws_output output = {.zero = -128, .low = -128, .high = 127};
    (void)b;
    (void)scratch;

    for (uint32_t row = 0; row < o->rows; ++row, a += o->depth, out += o->depth) {
        int32_t largest = a[0];
        uint32_t sum = 0;
        int32_t bits = 0;

        for (uint32_t i = 1; i < o->depth; ++i) {
            largest = a[i] > largest ? a[i] : largest;
        }
        for (uint32_t i = 0; i < o->depth; ++i) {
            sum += (uint32_t)kws_divide_by_power(exp_of(o, a[i] - largest), SUM_BITS);
        }
        while (bits < 32 && sum >> bits) {
            ++bits;
        }

        const int32_t scale = reciprocal(sum, bits);
        const int32_t exponent = bits - (32 - SUM_BITS) + 31 - 8;

        for (uint32_t i = 0; i < o->depth; ++i) {
            const int32_t share = kws_high_multiply(exp_of(o, a[i] - largest), scale);

            /* a share of less than half a step is none, and would be shifted too far */
            out[i] = kws_clamp(
                (exponent > 31 ? 0 : kws_divide_by_power(share, exponent)) + output.zero, &output);
        }
    }
}
