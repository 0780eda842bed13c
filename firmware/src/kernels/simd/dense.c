/* SPDX-License-Identifier: Apache-2.0 */
#include "dot.h"
#include "kernels/requantise.h"

void kws_dense(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_dense *o = options;
    kws_dot4 *dot = kws_fastest_dot4();
    (void)b;
    (void)scratch;

    for (uint32_t first = 0; first < o->units; first += KWS_CHANNELS) {
        const void *weights[KWS_CHANNELS];
        int32_t sums[KWS_CHANNELS];

        kws_weights4(weights, o->weights, o->inputs, first, o->units);
        dot(sums, a, o->in_zero, weights, o->inputs, KWS_CODES);
        for (uint32_t unit = first; unit < o->units && unit < first + KWS_CHANNELS; ++unit) {
            out[unit] = kws_requantise(sums[unit - first] + (o->bias ? o->bias[unit] : 0),
                                       o->multiplier, o->shift, &o->output);
        }
    }
}
