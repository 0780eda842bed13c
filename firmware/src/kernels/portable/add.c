/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/requantise.h"

enum { FINER = 20 }; /* bits by which both inputs are finer than twice the larger scale */

void kws_add(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_add *o = options;
    const int8_t *other = o->constant ? o->constant : b;
    (void)scratch;

    for (uint32_t i = 0; i < o->count; ++i) {
        const int32_t first = (a[i] - o->a_zero) * (1 << FINER);
        const int32_t second = (other[i] - o->b_zero) * (1 << FINER);
        const int32_t sum = kws_multiply(first, o->a_multiplier, o->a_shift) +
                            kws_multiply(second, o->b_multiplier, o->b_shift);

        out[i] = kws_requantise(sum, o->multiplier, o->shift, &o->output);
    }
}
