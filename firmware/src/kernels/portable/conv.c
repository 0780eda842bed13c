/* SPDX-License-Identifier: Apache-2.0 */
#include "dot.h"
#include "kernels/column.h"
#include "kernels/requantise.h"

/* Scratch: the codes under the kernel. */
void kws_conv(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_conv *o = options;
    const uint32_t count = (uint32_t)o->taps.height * o->taps.width * o->in.depth;
    (void)b;

    for (uint32_t y = 0; y < o->out.height; ++y) {
        for (uint32_t x = 0; x < o->out.width; ++x) {
            const int8_t *column = kws_column(&o->in, &o->taps, a, y, x, o->in_zero, scratch);
            const int8_t *weights = o->weights;

            for (uint32_t c = 0; c < o->out.depth; ++c, weights += count) {
                const int32_t sum =
                    kws_dot(column, o->in_zero, weights, count) + (o->bias ? o->bias[c] : 0);

                *out++ = kws_requantise(sum, o->multiplier[c], o->shift[c], &o->output);
            }
        }
    }
}
