/* SPDX-License-Identifier: Apache-2.0 */
/* What of an activation lies under a convolution's kernel. */
#ifndef KWS_COLUMN_H
#define KWS_COLUMN_H

#include <string.h>

#include "kernels/kernels.h"

/* Runs are mostly too short for the library's functions. */
static inline int8_t *kws_copy_run(int8_t *to, const int8_t *from, int32_t count)
{
    for (; count >= 4; count -= 4, to += 4, from += 4) {
        memcpy(to, from, 4);
    }
    if (count >= 2) {
        memcpy(to, from, 2);
        count -= 2, to += 2, from += 2;
    }
    if (count > 0) {
        *to++ = *from;
    }
    return to;
}

static inline int8_t *kws_fill_run(int8_t *to, int32_t code, int32_t count)
{
    const uint32_t four = (uint32_t)(uint8_t)code * UINT32_C(0x01010101);

    for (; count >= 4; count -= 4, to += 4) {
        memcpy(to, &four, 4);
    }
    if (count >= 2) {
        memcpy(to, &four, 2);
        count -= 2, to += 2;
    }
    if (count > 0) {
        *to++ = (int8_t)code;
    }
    return to;
}

/*
 * The codes [taps.height][taps.width][in.depth] under the kernel for the output at (y, x), and
 * `zero` where it lies on padding: in `in` itself where they are together there, else gathered
 * in `scratch`.
 */
static inline const int8_t *kws_column(const struct kws_shape *shape, const struct kws_taps *taps,
                                       const int8_t *in, uint32_t y, uint32_t x, int32_t zero,
                                       int8_t *scratch)
{
    const int32_t top = (int32_t)(y * taps->stride_height) - taps->top;
    const int32_t left = (int32_t)(x * taps->stride_width) - taps->left;
    const int32_t bottom = top + (taps->height - 1) * taps->dilation_height;
    const int32_t right = left + (taps->width - 1) * taps->dilation_width;
    const int32_t width = shape->width, depth = shape->depth;
    const int inside = top >= 0 && left >= 0 && bottom < shape->height && right < width;
    const int rows_follow =
        taps->height == 1 || (taps->dilation_height == 1 && taps->width == width);
    const int places_follow = taps->width == 1 || taps->dilation_width == 1;

    if (inside && rows_follow && places_follow) {
        return in + (top * width + left) * depth;
    }

    /* a run is a row of the kernel, or one place of it */
    const int32_t run = places_follow ? right - left + 1 : 1;
    int8_t *to = scratch;

    for (int32_t row = top; row <= bottom; row += taps->dilation_height) {
        for (int32_t first = left; first <= right; first += run * taps->dilation_width) {
            const int8_t *from = in + (row * width + first) * depth;

            if (inside) {
                to = kws_copy_run(to, from, run * depth);
                continue;
            }

            const int32_t before = first < 0 ? -first : 0;
            const int32_t after = first + run > width ? first + run - width : 0;
            const int within = row >= 0 && row < shape->height && before < run && after < run;

            if (within) {
                to = kws_fill_run(to, zero, before * depth);
                to = kws_copy_run(to, from + before * depth, (run - before - after) * depth);
                to = kws_fill_run(to, zero, after * depth);
            } else {
                to = kws_fill_run(to, zero, run * depth);
            }
        }
    }
    return scratch;
}

#endif
