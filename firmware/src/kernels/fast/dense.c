/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/fast/columns.h"
#include "kernels/fast/round.h"

#define TILE 256 /* inputs at a time */

/* Adds to all sums, four at once; the last four may be some that were before, and stay then. */
static KWS_APART void add_tile(const struct kws_dense *o, const int8_t *weights,
                               const uint32_t *words, uint32_t count, int32_t *sums)
{
    const uint32_t inputs = o->inputs, units = o->units;
    uint32_t unit = 0;

    for (; unit + 4 <= units; unit += 4) {
        kws_dot_channels(weights + unit * inputs, inputs, words, count, sums + unit);
    }
    if (unit < units && units > 4) {
        int32_t four[4] = {0, 0, 0, 0};

        kws_dot_channels(weights + (units - 4) * inputs, inputs, words, count, four);
        for (; unit < units; ++unit) {
            sums[unit] += four[unit - (units - 4)];
        }
    }
    for (; unit < units; ++unit) {
        sums[unit] += kws_dot_channel(weights + unit * inputs, words, count);
    }
}

/* Scratch: a tile of inputs widened, then a sum a unit and one more. */
void kws_dense(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_dense *o = options;
    uint32_t *words = scratch;
    int32_t *sums = (int32_t *)(words + TILE / 2 + 1); /* 255 inputs take a word more */
    (void)b;

    for (uint32_t unit = 0; unit < o->units; ++unit) {
        sums[unit] = o->bias ? o->bias[unit] : 0;
    }
    for (uint32_t done = 0; done < o->inputs; done += TILE) {
        const uint32_t count = o->inputs - done < TILE ? o->inputs - done : TILE;

        kws_widen(a + done, count, o->in_zero, 1, words, 0, 1);
        add_tile(o, o->weights + done, words, count, sums);
    }
    kws_codes_of_one(sums, o->units, o->multiplier, o->shift, &o->output, out);
}
