/* SPDX-License-Identifier: Apache-2.0 */
/* What the vector forms of kws_dot4 have in common. */
#ifndef KWS_LANES_H
#define KWS_LANES_H

#include "dot.h"

#define KWS_INLINE static inline __attribute__((always_inline))

enum { KWS_LANES = 16 };

/* Adds the places from `first` on, fewer than a vector holds. */
KWS_INLINE void kws_dot4_rest(int32_t sums[KWS_CHANNELS], const int8_t *x, int32_t zero,
                              const void *const weights[KWS_CHANNELS], uint32_t first,
                              uint32_t count, enum kws_weights kind)
{
    for (uint32_t i = first; i < count; ++i) {
        const int32_t value = x[i] - zero;

        for (uint32_t channel = 0; channel < KWS_CHANNELS; ++channel) {
            if (kind == KWS_CODES) {
                sums[channel] += value * ((const int8_t *)weights[channel])[i];
            } else {
                const uint8_t bits = ((const uint8_t *)weights[channel])[i / 8];

                sums[channel] += (bits >> (i % 8) & 1) != 0 ? value : -value;
            }
        }
    }
}

#endif
