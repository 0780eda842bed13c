/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/requantise.h"

/* Of `height` rows of `width` places each, `depth` bytes apart. */
static int32_t sum_of(const int8_t *in, uint32_t height, uint32_t width, uint32_t depth,
                      uint32_t row)
{
    int32_t sum = 0;

    for (uint32_t i = 0; i < height; ++i, in += row) {
        for (uint32_t j = 0; j < width; ++j) {
            sum += in[j * depth];
        }
    }
    return sum;
}

void kws_mean(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_mean *o = options;
    const uint32_t depth = o->in.depth;
    const uint32_t row = o->in.width * depth;
    const uint32_t height = o->over_height ? o->in.height : 1; /* of what one output takes in */
    const uint32_t width = o->over_width ? o->in.width : 1;
    const int32_t zeros = (int32_t)(height * width) * o->in_zero;
    (void)b;
    (void)scratch;

    for (uint32_t y = 0; y < o->in.height; y += height) {
        for (uint32_t x = 0; x < o->in.width; x += width) {
            const int8_t *from = a + y * row + x * depth;

            for (uint32_t c = 0; c < depth; ++c) {
                const int32_t sum = sum_of(from + c, height, width, depth, row) - zeros;

                *out++ = kws_requantise(sum, o->multiplier, o->shift, &o->output);
            }
        }
    }
}
