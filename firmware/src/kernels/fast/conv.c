/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/column.h"
#include "kernels/fast/columns.h"
#include "kernels/fast/round.h"

/* Four outputs of each channel; the last two may be the same. */
static void four_places(const struct kws_conv *o, const uint32_t *words, uint32_t count,
                        int8_t *out, int8_t *last)
{
    const uint32_t depth = o->out.depth;
    const int8_t *weights = o->weights;

    for (uint32_t c = 0; c < depth; ++c, weights += count, ++out) {
        const int32_t bias = o->bias ? o->bias[c] : 0;
        const struct kws_round round =
            kws_round(o->multiplier[c], o->shift[c], bias, count, o->output.zero);
        int32_t sums[4] = {bias, bias, bias, bias};

        kws_dot_columns(weights, words, count, sums);
        out[0] = kws_code(sums[0], &round, &o->output);
        out[depth] = kws_code(sums[1], &round, &o->output);
        out[2 * depth] = kws_code(sums[2], &round, &o->output);
        *last++ = kws_code(sums[3], &round, &o->output);
    }
}

/* One output of each channel. */
static void one_place(const struct kws_conv *o, const uint32_t *words, uint32_t count, int8_t *out)
{
    const uint32_t depth = o->out.depth;

    for (uint32_t c = 0; c < depth; c += 2) {
        const uint32_t d = c + 1 < depth ? c + 1 : c;
        int32_t sums[2] = {o->bias ? o->bias[c] : 0, o->bias ? o->bias[d] : 0};
        const struct kws_round first =
            kws_round(o->multiplier[c], o->shift[c], sums[0], count, o->output.zero);
        const struct kws_round second =
            kws_round(o->multiplier[d], o->shift[d], sums[1], count, o->output.zero);

        kws_dot_channels(o->weights + c * count, o->weights + d * count, words, count, sums);
        out[c] = kws_code(sums[0], &first, &o->output);
        out[d] = kws_code(sums[1], &second, &o->output);
    }
}

/* Scratch: four columns widened, then one as it is. */
void kws_conv(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_conv *o = options;
    const uint32_t count = (uint32_t)o->taps.height * o->taps.width * o->in.depth;
    const uint32_t depth = o->out.depth;
    uint32_t *words = scratch;
    int8_t *gathered = (int8_t *)(words + kws_column_words(4, count));
    uint32_t left = (uint32_t)o->out.height * o->out.width;
    uint32_t y = 0, x = 0;
    (void)b;

    while (left > 0) {
        const uint32_t places = left < 3 ? 1 : 4; /* three are four of which one is void */
        const uint32_t real = left < places ? left : places;

        for (uint32_t i = 0; i < real; ++i) {
            const int8_t *column = kws_column(&o->in, &o->taps, a, y, x, o->in_zero, gathered);

            kws_widen(column, count, o->in_zero, words, i, places);
            if (i + 1 == real && real < places) {
                kws_widen(column, count, o->in_zero, words, i + 1, places);
            }
            if (++x == o->out.width) {
                x = 0;
                ++y;
            }
        }
        if (places == 4) {
            four_places(o, words, count, out, out + (real - 1) * depth);
        } else {
            one_place(o, words, count, out);
        }
        out += real * depth;
        left -= real;
    }
}
