/* SPDX-License-Identifier: Apache-2.0 */
/* From sums to codes, in few instructions where the numbers allow it. */
#ifndef KWS_ROUND_H
#define KWS_ROUND_H

#include "kernels/fast/dsp.h"
#include "kernels/requantise.h"

/*
 * How the sums of a channel become codes.
 *
 * Twice the sum fits 32 bits, so that one SMMULR is kws_high_multiply, and there is something to
 * divide by, which is (high - (high < 0) + half) >> exponent; `round` is that half, and the
 * output's zero point times 2^exponent. |high| is at most 2^30 and |round| below it.
 */
struct kws_round {
    int32_t bias; /* doubled */
    int32_t multiplier, round, exponent;
};

#define KWS_EXPONENTS 22 /* the largest: 257 << 21 is below 2^30 */

/* The code, from -128 to 127, of a sum that comes doubled. */
static inline int32_t kws_quick(int32_t twice, const struct kws_round *by)
{
    const int32_t high = kws_multiply_top(twice, by->multiplier);

    return kws_saturate((high + (high >> 31) + by->round) >> by->exponent);
}

/*
 * Prepares a channel whose sums are its bias and so many products of 8 and 9 bits.
 *
 * 0 where that cannot be, because of numbers that hardly occur: a multiplier of 1 or more or of
 * 2^-23 or less, a bias or as many products that come to 2^30, limits within those of int8.
 */
static inline int kws_prepare(struct kws_round *by, int32_t bias, int32_t multiplier, int32_t shift,
                              uint32_t products, const struct kws_output *output)
{
    const uint32_t most = (1U << 15) - 256;
    const uint32_t room = (UINT32_C(1) << 30) - products * (128 * 255);

    if (products > most || (uint32_t)bias + room > 2 * room || shift >= 0 ||
        shift < -KWS_EXPONENTS || output->low != INT8_MIN || output->high != INT8_MAX) {
        return 0;
    }
    by->bias = 2 * bias;
    by->multiplier = multiplier;
    by->round = (2 * output->zero + 1) * (1 << (-shift - 1));
    by->exponent = -shift;
    return 1;
}

#endif
