/* SPDX-License-Identifier: Apache-2.0 */
#include <arm_neon.h>

#include "kernels/requantise.h"
#include "kernels/taps.h"

enum { LANES = 8 };

/* The part of a kernel that lies on the input, for one place of the output. */
struct part {
    const struct kws_depthwise *options;
    struct kws_inside rows, places;
    const int8_t *in;
};

static const int8_t *input(const struct part *part, int32_t i, int32_t j)
{
    const struct kws_depthwise *o = part->options;
    const int32_t row = part->rows.start + i * o->taps.dilation_height;
    const int32_t place = part->places.start + j * o->taps.dilation_width;

    return part->in + (row * o->in.width + place) * o->in.depth;
}

static const int8_t *weights(const struct part *part, int32_t i, int32_t j)
{
    const struct kws_depthwise *o = part->options;

    return o->weights + (i * o->taps.width + j) * o->out.depth;
}

/* Sums of channels `first` to `first` + 7, of an input with as many channels, or with one. */
static void sum_lanes(int32_t sums[LANES], const struct part *part, uint32_t first)
{
    const struct kws_depthwise *o = part->options;
    const int8x8_t zero = vdup_n_s8((int8_t)o->in_zero);
    int32x4_t low = vdupq_n_s32(0);
    int32x4_t high = low;

    for (int32_t i = part->rows.first; i < part->rows.end; ++i) {
        for (int32_t j = part->places.first; j < part->places.end; ++j) {
            const int8_t *x = input(part, i, j);
            const int8x8_t codes = o->in.depth == 1 ? vdup_n_s8(*x) : vld1_s8(x + first);
            const int8x8_t w = vld1_s8(weights(part, i, j) + first);
            const int16x8_t products = vmlsl_s8(vmull_s8(codes, w), zero, w);

            low = vaddw_s16(low, vget_low_s16(products));
            high = vaddw_s16(high, vget_high_s16(products));
        }
    }
    vst1q_s32(sums, low);
    vst1q_s32(sums + LANES / 2, high);
}

static int32_t sum_one(const struct part *part, uint32_t channel)
{
    const struct kws_depthwise *o = part->options;
    const uint32_t from = channel / (o->out.depth / o->in.depth);
    int32_t sum = 0;

    for (int32_t i = part->rows.first; i < part->rows.end; ++i) {
        for (int32_t j = part->places.first; j < part->places.end; ++j) {
            sum += (input(part, i, j)[from] - o->in_zero) * weights(part, i, j)[channel];
        }
    }
    return sum;
}

static int8_t *put(int8_t *out, const struct kws_depthwise *o, const int32_t *sums, uint32_t first,
                   uint32_t count)
{
    for (uint32_t c = first; c < first + count; ++c) {
        *out++ = kws_requantise(*sums++ + (o->bias ? o->bias[c] : 0), o->multiplier[c], o->shift[c],
                                &o->output);
    }
    return out;
}

void kws_depthwise(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                   void *scratch)
{
    const struct kws_depthwise *o = options;
    const struct kws_taps *t = &o->taps;
    const uint32_t depth = o->out.depth;
    const int together = o->in.depth == depth || o->in.depth == 1;
    struct part part = {.options = o, .in = a};
    (void)b;
    (void)scratch;

    for (uint32_t y = 0; y < o->out.height; ++y) {
        part.rows =
            kws_inside(y, t->stride_height, t->top, t->height, t->dilation_height, o->in.height);
        for (uint32_t x = 0; x < o->out.width; ++x) {
            uint32_t c = 0;
            int32_t sums[LANES];

            part.places =
                kws_inside(x, t->stride_width, t->left, t->width, t->dilation_width, o->in.width);
            for (; together && c + LANES <= depth; c += LANES) {
                sum_lanes(sums, &part, c);
                out = put(out, o, sums, c, LANES);
            }
            for (; c < depth; ++c) {
                sums[0] = sum_one(&part, c);
                out = put(out, o, sums, c, 1);
            }
        }
    }
}
