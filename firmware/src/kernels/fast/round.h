/* SPDX-License-Identifier: Apache-2.0 */
/* From sums to codes, in few instructions where the numbers allow it. */
#ifndef KWS_ROUND_H
#define KWS_ROUND_H

#include "kernels/fast/dsp.h"
#include "kernels/requantise.h"

/*
 * kws_requantise with what does not depend on the sum worked out before.
 *
 * Where `quick` holds, twice the sum fits 32 bits, so that one SMMULR is kws_high_multiply. The
 * code is then (high - (high < 0) + half) >> exponent, plus the zero point; half and the zero
 * point are added at once in `round`. |high| is at most 2^30 and |round| below 2^30, so that
 * nothing overflows.
 */
struct kws_round {
    int32_t multiplier, shift;
    int32_t round;
    uint32_t exponent;
    int quick;
};

#define KWS_EXPONENTS 22 /* the largest: 257 << 21 is below 2^30 */

/*
 * `bias` is part of the sums; what else is in them is a sum of `products` products, each of 8
 * and 9 bits.
 */
static inline struct kws_round kws_round(int32_t multiplier, int32_t shift, int32_t bias,
                                         uint32_t products, int32_t zero)
{
    const uint32_t room = (UINT32_C(1) << 30) - 1 - products * (128 * 255);
    const uint32_t last = (uint32_t)(-1 - shift); /* exponent - 1 */
    struct kws_round round = {.multiplier = multiplier, .shift = shift};

    round.quick =
        last < KWS_EXPONENTS && products < (1 << 15) - 256 && (uint32_t)bias + room <= 2 * room;
    round.exponent = last + 1;
    round.round = round.quick ? (int32_t)((uint32_t)(2 * zero + 1) << last) : 0;
    return round;
}

/* The code of a sum. */
static inline int8_t kws_code(int32_t sum, const struct kws_round *round,
                              const struct kws_output *output)
{
    if (!round->quick) {
        return kws_requantise(sum, round->multiplier, round->shift, output);
    }
    const int32_t high = kws_multiply_top(2 * sum, round->multiplier);
    const int32_t code = kws_saturate((high + (high >> 31) + round->round) >> round->exponent);

    if (output->low == INT8_MIN && output->high == INT8_MAX) {
        return (int8_t)code;
    }
    return kws_clamp(code, output);
}

#endif
