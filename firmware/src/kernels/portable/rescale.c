/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/requantise.h"

void kws_rescale(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_rescale *o = options;
    (void)b;
    (void)scratch;

    for (uint32_t i = 0; i < o->count; ++i) {
        out[i] = kws_requantise(a[i] - o->in_zero, o->multiplier, o->shift, &o->output);
    }
}
