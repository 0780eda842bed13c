/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/fast/round.h"

/* For numbers that hardly occur. */
#define kws_add(...) portable_add(__VA_ARGS__)
static KWS_APART void portable_add(const void *options, const int8_t *a, const int8_t *b,
                                   int8_t *out, void *scratch);
#include "kernels/portable/add.c"
#undef kws_add

/*
 * One input has a scale of exactly 1/2, so that nothing is rounded; the other is as coarse or
 * finer. Both are less their zero points, times 2^20, and a sum is at most 2^28.
 */
void kws_add(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_add *o = options;
    const int32_t one_half = INT32_C(1) << 30;
    const int first = o->a_multiplier == one_half && o->a_shift == 0;
    const int second = o->b_multiplier == one_half && o->b_shift == 0;
    const int8_t *other = o->constant ? o->constant : b;
    const int8_t *coarse = first ? a : other, *fine = first ? other : a;
    const int32_t shift = first ? o->b_shift : o->a_shift;

    if (!(first || second) || shift > 0 || o->shift >= 0 || o->output.low != INT8_MIN ||
        o->output.high != INT8_MAX) {
        portable_add(options, a, b, out, scratch);
        return;
    }

    /* doubled for SMMULR; once more where there is nothing to divide by, so that there is */
    const int32_t exponent = shift < 0 ? -shift : 1;
    const int32_t scale = 1 << (FINER + (shift < 0 ? 1 : 2));
    const int32_t round = 1 << (exponent - 1);
    const int32_t multiplier = first ? o->b_multiplier : o->a_multiplier;
    const int32_t offset = -(first ? o->a_zero : o->b_zero) * (1 << FINER);
    const int32_t last = o->multiplier, middle = 2 * o->output.zero + 1;
    const uint32_t last_shift = ~(uint32_t)o->shift;
    int32_t start = -(first ? o->b_zero : o->a_zero) * scale;

    KWS_FORGET(start); /* or the compiler subtracts before it multiplies */
    for (const int8_t *end = coarse + o->count; coarse < end;) {
        const int32_t high = kws_multiply_top(*fine++ * scale + start, multiplier);
        const int32_t rounded = (high + (high >> 31) + round) >> exponent;
        const int32_t twice = 2 * rounded + offset + *coarse++ * (1 << FINER);
        const int32_t product = kws_multiply_top(twice, last);

        *out++ = (int8_t)kws_saturate_half(kws_shift_right(product + (product >> 31), last_shift) +
                                           middle);
    }
}
