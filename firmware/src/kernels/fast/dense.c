/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/fast/columns.h"
#include "kernels/fast/round.h"

#define TILE 256 /* inputs at a time */

/* Scratch: a tile of inputs widened, then a sum a unit and one more. */
void kws_dense(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_dense *o = options;
    uint32_t *words = scratch;
    int32_t *sums = (int32_t *)(words + TILE / 2 + 1); /* 255 inputs take a word more */
    struct kws_round round;
    const int quick = kws_prepare(&round, o->multiplier, o->shift, &o->output);
    (void)b;

    for (uint32_t unit = 0; unit < o->units; ++unit) {
        sums[unit] = o->bias ? o->bias[unit] : 0;
    }
    for (uint32_t done = 0; done < o->inputs; done += TILE) {
        const uint32_t count = o->inputs - done < TILE ? o->inputs - done : TILE;
        const int8_t *weights = o->weights + done;

        kws_widen(a + done, count, o->in_zero, 1, words, 0, 1);
        for (uint32_t unit = 0; unit < o->units; unit += 2) {
            const int8_t *second = unit + 1 < o->units ? weights + o->inputs : weights;

            kws_dot_channels(weights, second, words, count, sums + unit);
            weights = second + o->inputs;
        }
    }
    for (uint32_t unit = 0; unit < o->units; ++unit) {
        if (quick && kws_fits(o->bias ? o->bias[unit] : 0, o->inputs)) {
            out[unit] = kws_quick(2 * sums[unit], &round);
        } else {
            out[unit] = kws_requantise(sums[unit], o->multiplier, o->shift, &o->output);
        }
    }
}
