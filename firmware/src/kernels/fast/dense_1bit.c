/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/fast/bits.h"
#include "kernels/fast/round.h"

/* Scratch: tables of one column, then a sum a unit. */
void kws_dense_1bit(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                    void *scratch)
{
    const struct kws_dense_1bit *o = options;
    const uint32_t stride = (o->inputs + KWS_WORD - 1) / KWS_WORD;
    uint32_t *table = scratch;
    int32_t *sums = (int32_t *)(table + KWS_TABLES / 2);
    int32_t total = 0;
    (void)b;

    memset(sums, 0, o->units * sizeof *sums);
    for (uint32_t word = 0; word < stride; ++word) {
        const uint32_t done = word * KWS_WORD;
        const uint32_t left = o->inputs - done;
        uint32_t values[KWS_WORD];

        total += kws_values_one(values, a + done, left < KWS_WORD ? left : KWS_WORD, o->in_zero);
        kws_tables_one(table, values);
        kws_look_up_one(o->weights.words + word, stride, (const int16_t *)table, sums, o->units);
    }
    for (uint32_t unit = 0; unit < o->units; ++unit) {
        sums[unit] = o->weights.magnitude * (2 * sums[unit] - total);
        sums[unit] += o->bias ? o->bias[unit] : 0;
    }
    kws_codes_of_one(sums, o->units, o->multiplier, o->shift, &o->output, out);
}
