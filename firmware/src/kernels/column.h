/* SPDX-License-Identifier: Apache-2.0 */
/* What of an activation lies under a convolution's kernel. */
#ifndef KWS_COLUMN_H
#define KWS_COLUMN_H

#include <string.h>

#include "kernels/kernels.h"

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
    const size_t depth = shape->depth;
    const int inside = top >= 0 && left >= 0 && bottom < shape->height && right < shape->width;
    const int rows_follow =
        taps->height == 1 || (taps->dilation_height == 1 && taps->width == shape->width);
    const int places_follow = taps->width == 1 || taps->dilation_width == 1;

    if (inside && rows_follow && places_follow) {
        return in + ((size_t)top * shape->width + (size_t)left) * depth;
    }

    int8_t *to = scratch;

    for (int32_t row = top; row <= bottom; row += taps->dilation_height) {
        for (int32_t place = left; place <= right; place += taps->dilation_width) {
            if (row < 0 || row >= shape->height || place < 0 || place >= shape->width) {
                memset(to, zero, depth);
            } else {
                memcpy(to, in + ((size_t)row * shape->width + (size_t)place) * depth, depth);
            }
            to += depth;
        }
    }
    return scratch;
}

#endif
