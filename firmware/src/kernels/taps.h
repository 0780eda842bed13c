/* SPDX-License-Identifier: Apache-2.0 */
/* Which places of a kernel or a pool lie inside the input, along one axis. */
#ifndef KWS_TAPS_H
#define KWS_TAPS_H

#include <stdint.h>

/* Places `first` to `end` - 1 are inside; place i is at `start` + i * dilation. */
struct kws_inside {
    int32_t start;
    int32_t first, end;
};

static inline struct kws_inside kws_inside(uint32_t at, uint16_t stride, uint16_t padding,
                                           uint16_t places, uint16_t dilation, uint16_t size)
{
    struct kws_inside in = {.start = (int32_t)(at * stride) - padding, .first = 0, .end = places};

    while (in.first < in.end && in.start + in.first * dilation < 0) {
        ++in.first;
    }
    while (in.end > in.first && in.start + (in.end - 1) * dilation >= size) {
        --in.end;
    }
    return in;
}

#endif
