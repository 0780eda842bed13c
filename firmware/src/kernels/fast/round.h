/* SPDX-License-Identifier: Apache-2.0 */
/* From sums to codes, in few instructions where the numbers allow it. */
#ifndef KWS_ROUND_H
#define KWS_ROUND_H

#include "kernels/fast/dsp.h"
#include "kernels/requantise.h"

/*
 * How sums become codes.
 *
 * Twice the sum fits 32 bits, so that one SMMULR is kws_high_multiply, and there is something to
 * divide by, which is (high - (high < 0) + half) >> exponent; `round` is that half, and the
 * output's zero point times 2^exponent. |high| is at most 2^30 and |round| below it.
 */
struct kws_round {
    int32_t multiplier, round, exponent;
};

#define KWS_EXPONENTS 22 /* the largest: 257 << 21 is below 2^30 */

/* The code, from -128 to 127, of a sum that comes doubled. */
static inline int8_t kws_quick(int32_t twice, const struct kws_round *by)
{
    const int32_t high = kws_multiply_top(twice, by->multiplier);

    return (int8_t)kws_saturate((high + (high >> 31) + by->round) >> by->exponent);
}

/*
 * 0 where that cannot be, because of numbers that hardly occur: a multiplier of 1 or more, or
 * below 2^-23, or limits within those of int8.
 */
static inline int kws_prepare(struct kws_round *by, int32_t multiplier, int32_t shift,
                              const struct kws_output *output)
{
    if (shift >= 0 || shift < -KWS_EXPONENTS || output->low != INT8_MIN ||
        output->high != INT8_MAX) {
        return 0;
    }
    by->multiplier = multiplier;
    by->round = (2 * output->zero + 1) * (1 << (-shift - 1));
    by->exponent = -shift;
    return 1;
}

/* Whether a bias and so many products of 8 and 9 bits stay below 2^30. */
static inline int kws_fits(int32_t bias, uint32_t products)
{
    const uint32_t most = (1U << 15) - 256;
    const uint32_t room = (UINT32_C(1) << 30) - 1 - products * (128 * 255);

    return products <= most && (uint32_t)bias + room <= 2 * room;
}

/* The same for each channel of a convolution, and its bias. */
struct kws_channel {
    int32_t bias; /* doubled */
    struct kws_round round;
};

static inline int kws_prepare_channels(struct kws_channel *channels, uint32_t count,
                                       const int32_t *bias, const int32_t *multiplier,
                                       const int8_t *shift, uint32_t products,
                                       const struct kws_output *output)
{
    for (uint32_t c = 0; c < count; ++c) {
        const int32_t own = bias ? bias[c] : 0;

        if (!kws_fits(own, products) ||
            !kws_prepare(&channels[c].round, multiplier[c], shift[c], output)) {
            return 0;
        }
        channels[c].bias = 2 * own;
    }
    return 1;
}

#endif
