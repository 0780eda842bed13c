/* SPDX-License-Identifier: Apache-2.0 */
#include "dot.h"
#include "kernels/column.h"
#include "kernels/requantise.h"

/* Scratch: the codes under the kernel. */
void kws_conv_1bit(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                   void *scratch)
{
    const struct kws_conv_1bit *o = options;
    const uint32_t depth = o->out.depth;
    const uint32_t count = (uint32_t)o->taps.height * o->taps.width * o->in.depth;
    kws_dot4 *dot = kws_fastest_dot4();
    (void)b;

    for (uint32_t y = 0; y < o->out.height; ++y) {
        for (uint32_t x = 0; x < o->out.width; ++x) {
            const int8_t *column = kws_column(&o->in, &o->taps, a, y, x, o->in_zero, scratch);

            for (uint32_t first = 0; first < depth; first += KWS_CHANNELS) {
                const void *weights[KWS_CHANNELS];
                int32_t sums[KWS_CHANNELS];

                kws_weights4(weights, o->weights.words, kws_bit_bytes(count), first, depth);
                dot(sums, column, o->in_zero, weights, count, KWS_SIGNS);
                for (uint32_t c = first; c < depth && c < first + KWS_CHANNELS; ++c) {
                    const int32_t sum = o->weights.magnitude * sums[c - first];

                    *out++ = kws_requantise(sum + (o->bias ? o->bias[c] : 0), o->multiplier[c],
                                            o->shift[c], &o->output);
                }
            }
        }
    }
}
