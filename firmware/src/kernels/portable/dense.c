/* SPDX-License-Identifier: Apache-2.0 */
#include "dot.h"
#include "kernels/requantise.h"

void kws_dense(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_dense *o = options;
    const int8_t *weights = o->weights;
    (void)b;
    (void)scratch;

    for (uint32_t unit = 0; unit < o->units; ++unit, weights += o->inputs) {
        const int32_t sum =
            kws_dot(a, o->in_zero, weights, o->inputs) + (o->bias ? o->bias[unit] : 0);

        out[unit] = kws_requantise(sum, o->multiplier, o->shift, &o->output);
    }
}
