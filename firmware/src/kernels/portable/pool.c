/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kernels/requantise.h"
#include "kernels/taps.h"

/* What of the input lies under the pool for one output. */
struct area {
    const int8_t *first;
    int32_t height, width;
    uint32_t row, depth; /* bytes from one row, one place to the next */
};

static struct area area_under(const struct kws_pool *o, const int8_t *in, uint32_t y, uint32_t x)
{
    const struct kws_taps *t = &o->taps;
    const struct kws_inside rows =
        kws_inside(y, t->stride_height, t->top, t->height, 1, o->in.height);
    const struct kws_inside places =
        kws_inside(x, t->stride_width, t->left, t->width, 1, o->in.width);
    const int32_t first = (rows.start + rows.first) * o->in.width + places.start + places.first;

    return (struct area){.first = in + first * o->in.depth,
                         .height = rows.end - rows.first,
                         .width = places.end - places.first,
                         .row = (uint32_t)o->in.width * o->in.depth,
                         .depth = o->in.depth};
}

void kws_max_pool(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_pool *o = options;
    (void)b;
    (void)scratch;

    for (uint32_t y = 0; y < o->out.height; ++y) {
        for (uint32_t x = 0; x < o->out.width; ++x, out += o->out.depth) {
            const struct area under = area_under(o, a, y, x);

            memset(out, o->output.low, under.depth);
            for (int32_t i = 0; i < under.height; ++i) {
                const int8_t *from = under.first + (uint32_t)i * under.row;

                for (int32_t j = 0; j < under.width; ++j, from += under.depth) {
                    for (uint32_t c = 0; c < under.depth; ++c) {
                        out[c] = out[c] > from[c] ? out[c] : from[c];
                    }
                }
            }
            for (uint32_t c = 0; c < under.depth; ++c) {
                out[c] = out[c] < o->output.high ? out[c] : o->output.high;
            }
        }
    }
}

/* Scratch: a sum a channel, int32_t. */
void kws_average_pool(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                      void *scratch)
{
    const struct kws_pool *o = options;
    int32_t *sums = scratch;
    (void)b;

    for (uint32_t y = 0; y < o->out.height; ++y) {
        for (uint32_t x = 0; x < o->out.width; ++x, out += o->out.depth) {
            const struct area under = area_under(o, a, y, x);
            const int32_t count = under.height * under.width;

            memset(sums, 0, under.depth * sizeof *sums);
            for (int32_t i = 0; i < under.height; ++i) {
                const int8_t *from = under.first + (uint32_t)i * under.row;

                for (int32_t j = 0; j < under.width; ++j, from += under.depth) {
                    for (uint32_t c = 0; c < under.depth; ++c) {
                        sums[c] += from[c];
                    }
                }
            }
            for (uint32_t c = 0; c < under.depth; ++c) {
                const int32_t half = sums[c] < 0 ? -(count / 2) : count / 2;

                out[c] = kws_clamp((sums[c] + half) / count, &o->output);
            }
        }
    }
}
