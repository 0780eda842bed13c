/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of products for four channels at once, by the vector instructions that the CPU has. */
#ifndef KWS_DOT_H
#define KWS_DOT_H

#include <stddef.h>
#include <stdint.h>

enum { KWS_CHANNELS = 4 };

/* How weights are stored: a byte each, or a bit that stands for 1 or -1. */
enum kws_weights { KWS_CODES, KWS_SIGNS };

/* Sums of (x - zero) * weight over `count` places. */
typedef void kws_dot4(int32_t sums[KWS_CHANNELS], const int8_t *x, int32_t zero,
                      const void *const weights[KWS_CHANNELS], uint32_t count,
                      enum kws_weights kind);

/* The fastest that this CPU can run. */
kws_dot4 *kws_fastest_dot4(void);

/* The weights of channels `first` to `first` + 3, the last one's again where there are fewer. */
static inline void kws_weights4(const void *rows[KWS_CHANNELS], const void *weights, size_t bytes,
                                uint32_t first, uint32_t channels)
{
    for (uint32_t i = 0; i < KWS_CHANNELS; ++i) {
        const uint32_t channel = first + i < channels ? first + i : channels - 1;

        rows[i] = (const uint8_t *)weights + channel * bytes;
    }
}

/* Bytes of a channel's bits, which fill words of 32. */
static inline size_t kws_bit_bytes(uint32_t count)
{
    return ((size_t)count + 31) / 32 * sizeof(uint32_t);
}

#endif
