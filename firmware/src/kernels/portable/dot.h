/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of products, written so that a compiler finds vectors in them. */
#ifndef KWS_DOT_H
#define KWS_DOT_H

#include <stdint.h>

/* Sum of (x - zero) * weight. */
static inline int32_t kws_dot(const int8_t *x, int32_t zero, const int8_t *weights, uint32_t count)
{
    int32_t sum = 0;

    for (uint32_t i = 0; i < count; ++i) {
        sum += (int16_t)(x[i] - zero) * weights[i];
    }
    return sum;
}

/* Sum of x - zero where the bit is set, less the sum where it is not. */
static inline int32_t kws_dot_1bit(const int8_t *x, int32_t zero, const uint32_t *words,
                                   uint32_t count)
{
    int32_t all = 0;
    int32_t set = 0;

    for (uint32_t i = 0; i < count; ++i) {
        const int32_t value = x[i] - zero;

        all += value;
        set += value & -(int32_t)(words[i / 32] >> (i % 32) & 1);
    }
    return 2 * set - all;
}

/* Words of 32 bits that hold the weights of a channel. */
static inline uint32_t kws_words(uint32_t count)
{
    return (count + 31) / 32;
}

#endif
