/* SPDX-License-Identifier: Apache-2.0 */
#include "dot.h"
#include "kernels/requantise.h"

void kws_dense_1bit(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                    void *scratch)
{
    const struct kws_dense_1bit *o = options;
    const uint32_t *words = o->weights.words;
    (void)b;
    (void)scratch;

    for (uint32_t unit = 0; unit < o->units; ++unit, words += kws_words(o->inputs)) {
        const int32_t signs = kws_dot_1bit(a, o->in_zero, words, o->inputs);
        const int32_t sum = o->weights.magnitude * signs + (o->bias ? o->bias[unit] : 0);

        out[unit] = kws_requantise(sum, o->multiplier, o->shift, &o->output);
    }
}
