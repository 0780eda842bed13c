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

/*
 * Without anything prepared, for channels of one sum or a few: a shift from -21 to -1, and limits
 * that are int8's.
 *
 * The sum is doubled with saturation: where that happens the product is at least 2^29, and a code
 * beyond int8 after a division by 2^21 or less. `middle` is twice the zero point and 1, and
 * `~shift` the exponent less one, in the lowest byte.
 */
static inline int8_t kws_code(int32_t sum, int32_t multiplier, uint32_t shift, int32_t middle)
{
    const int32_t high = kws_multiply_top(kws_twice(sum), multiplier);

    return (int8_t)kws_saturate_half(kws_shift_right(high + (high >> 31), ~shift) + middle);
}

/* Whether that can be with each of four shifts. */
static inline int kws_plain(uint32_t shifts, const struct kws_output *output)
{
    const uint32_t signs = UINT32_C(0x80808080);
    const uint32_t within = shifts & ((shifts & ~signs) + UINT32_C(21) * 0x01010101);

    return (within & signs) == signs && output->low == INT8_MIN && output->high == INT8_MAX;
}

/* And with each of four or more. */
static inline int kws_all_plain(const int8_t *shift, uint32_t count,
                                const struct kws_output *output)
{
    const int8_t *const last = shift + count - 4;

    for (; shift < last; shift += 4) {
        if (!kws_plain(kws_four(shift), output)) {
            return 0;
        }
    }
    return kws_plain(kws_four(last), output);
}

static KWS_APART void kws_slow_codes(int32_t a, int32_t b, int32_t c, int32_t d,
                                     const int32_t *multiplier, const int8_t *shift,
                                     const struct kws_output *output, int8_t *out)
{
    out[0] = kws_requantise(a, multiplier[0], shift[0], output);
    out[1] = kws_requantise(b, multiplier[1], shift[1], output);
    out[2] = kws_requantise(c, multiplier[2], shift[2], output);
    out[3] = kws_requantise(d, multiplier[3], shift[3], output);
}

/* Codes of four channels, whatever the numbers. */
static inline void kws_codes(const int32_t sums[4], const int32_t *multiplier, const int8_t *shift,
                             const struct kws_output *output, int8_t *out)
{
    const uint32_t shifts = kws_four(shift);
    const int32_t middle = 2 * output->zero + 1;

    if (!kws_plain(shifts, output)) {
        kws_slow_codes(sums[0], sums[1], sums[2], sums[3], multiplier, shift, output, out);
        return;
    }
    out[0] = kws_code(sums[0], multiplier[0], shifts, middle);
    out[1] = kws_code(sums[1], multiplier[1], shifts >> 8, middle);
    out[2] = kws_code(sums[2], multiplier[2], shifts >> 16, middle);
    out[3] = kws_code(sums[3], multiplier[3], shifts >> 24, middle);
}

/* Where the sums of four channels begin. */
static inline void kws_biases(const int32_t *bias, uint32_t channel, int32_t sums[4])
{
    sums[0] = sums[1] = sums[2] = sums[3] = 0;
    if (bias) {
        sums[0] = bias[channel];
        sums[1] = bias[channel + 1];
        sums[2] = bias[channel + 2];
        sums[3] = bias[channel + 3];
    }
}

/* From sums to codes where there is one multiplier for all. */
static inline void kws_codes_of_one(const int32_t *sums, uint32_t count, int32_t multiplier,
                                    int32_t shift, const struct kws_output *output, int8_t *out)
{
    const int32_t middle = 2 * output->zero + 1;

    if (!kws_plain((uint32_t)(shift & 0xff) * UINT32_C(0x01010101), output)) {
        for (uint32_t i = 0; i < count; ++i) {
            out[i] = kws_requantise(sums[i], multiplier, shift, output);
        }
        return;
    }
    for (uint32_t i = 0; i < count; ++i) {
        out[i] = kws_code(sums[i], multiplier, (uint32_t)shift, middle);
    }
}

#endif
