/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kernels/requantise.h"
#include "kernels/taps.h"

/* Adds one place of the kernel to the sums of all channels. */
static void add_place(int32_t *sums, const int8_t *in, int32_t zero, const int8_t *weights,
                      uint32_t depth, uint32_t multiple)
{
    if (multiple == 1) {
        for (uint32_t c = 0; c < depth; ++c) {
            sums[c] += (int16_t)(in[c] - zero) * weights[c];
        }
        return;
    }
    for (uint32_t c = 0; c < depth; c += multiple) {
        const int32_t value = *in++ - zero;

        for (uint32_t i = c; i < c + multiple; ++i) {
            sums[i] += value * weights[i];
        }
    }
}

/* Scratch: a sum a channel, int32_t. */
void kws_depthwise(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                   void *scratch)
{
    const struct kws_depthwise *o = options;
    const struct kws_taps *t = &o->taps;
    const uint32_t depth = o->out.depth;
    int32_t *sums = scratch;
    (void)b;

    for (uint32_t y = 0; y < o->out.height; ++y) {
        const struct kws_inside rows =
            kws_inside(y, t->stride_height, t->top, t->height, t->dilation_height, o->in.height);

        for (uint32_t x = 0; x < o->out.width; ++x) {
            const struct kws_inside places =
                kws_inside(x, t->stride_width, t->left, t->width, t->dilation_width, o->in.width);

            memset(sums, 0, depth * sizeof *sums);
            for (int32_t i = rows.first; i < rows.end; ++i) {
                for (int32_t j = places.first; j < places.end; ++j) {
                    const int32_t row = rows.start + i * t->dilation_height;
                    const int32_t place = places.start + j * t->dilation_width;

                    add_place(sums, a + (row * o->in.width + place) * o->in.depth, o->in_zero,
                              o->weights + (i * t->width + j) * (int32_t)depth, depth,
                              depth / o->in.depth);
                }
            }
            for (uint32_t c = 0; c < depth; ++c) {
                *out++ = kws_requantise(sums[c] + (o->bias ? o->bias[c] : 0), o->multiplier[c],
                                        o->shift[c], &o->output);
            }
        }
    }
}
