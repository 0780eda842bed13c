/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/fast/bits.h"
#include "kernels/fast/round.h"
#include "kernels/fast/window.h"

/* The codes of a place, from the sums of what the weights choose and of all under the kernel. */
static KWS_APART void codes(const struct kws_conv_1bit *o, const int32_t *sums, int32_t total,
                            int8_t *out)
{
    const uint32_t depth = o->out.depth;
    const int32_t magnitude = o->weights.magnitude;
    uint32_t c = 0;

    for (; c + 4 <= depth; c += 4) {
        int32_t four[4];

        kws_biases(o->bias, c, four);
        for (uint32_t i = 0; i < 4; ++i) {
            four[i] += magnitude * (2 * sums[c + i] - total);
        }
        kws_codes(four, o->multiplier + c, o->shift + c, &o->output, out + c);
    }
    for (; c < depth; ++c) {
        out[c] = kws_requantise(magnitude * (2 * sums[c] - total) + (o->bias ? o->bias[c] : 0),
                                o->multiplier[c], o->shift[c], &o->output);
    }
}

static uint32_t at_most(uint32_t value, uint32_t most)
{
    return value < most ? value : most;
}

static void one_place(const struct kws_conv_1bit *o, const int8_t *column, uint32_t count,
                      uint32_t *table, int32_t *sums, int8_t *out)
{
    const uint32_t stride = (count + KWS_WORD - 1) / KWS_WORD;
    int32_t total = 0;

    memset(sums, 0, o->out.depth * sizeof *sums);
    for (uint32_t word = 0; word < stride; ++word) {
        const int8_t *at = column + word * KWS_WORD;
        uint32_t values[KWS_WORD];

        total += kws_values_one(values, at, at_most(count - word * KWS_WORD, KWS_WORD), o->in_zero);
        kws_tables_one(table, values);
        kws_look_up_one(o->weights.words + word, stride, (const int16_t *)table, sums,
                        o->out.depth);
    }
    codes(o, sums, total, out);
}

/* Two at once; the sums are those of the first, those of the second, those of both in halves. */
static void two_places(const struct kws_conv_1bit *o, const int8_t *const columns[2],
                       uint32_t count, uint32_t *table, int32_t *sums, int8_t *out)
{
    const uint32_t stride = (count + KWS_WORD - 1) / KWS_WORD;
    const uint32_t depth = o->out.depth;
    uint32_t *both = (uint32_t *)(sums + 2 * depth);
    int32_t totals[2] = {0, 0};

    memset(sums, 0, 3 * depth * sizeof *sums);
    for (uint32_t word = 0; word < stride; ++word) {
        const uint32_t done = word * KWS_WORD;
        uint32_t values[KWS_WORD];
        const uint32_t total = kws_values_two(values, columns[0] + done, columns[1] + done,
                                              at_most(count - done, KWS_WORD), o->in_zero);

        totals[0] += kws_low(total);
        totals[1] += kws_high(total);
        kws_tables_two(table, values);
        kws_look_up_two(o->weights.words + word, stride, table, both, depth);
        if (word % KWS_WORDS_SAFE == KWS_WORDS_SAFE - 1 || word == stride - 1) {
            for (uint32_t c = 0; c < depth; ++c) {
                sums[c] += kws_low(both[c]);
                sums[depth + c] += kws_high(both[c]);
                both[c] = 0;
            }
        }
    }
    codes(o, sums, totals[0], out);
    codes(o, sums + depth, totals[1], out + depth);
}

/* Scratch: tables of two columns, three sums a channel, then two columns as they are. */
void kws_conv_1bit(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                   void *scratch)
{
    const struct kws_conv_1bit *o = options;
    const uint32_t count = (uint32_t)o->taps.height * o->taps.width * o->in.depth;
    const uint32_t depth = o->out.depth;
    uint32_t *table = scratch;
    int32_t *sums = (int32_t *)(table + KWS_TABLES);
    int8_t *gathered = (int8_t *)(sums + 3 * depth);
    struct kws_window window = kws_window(&o->in, &o->taps, o->out.width, o->in_zero, a, gathered);
    uint32_t left = (uint32_t)o->out.height * o->out.width;
    (void)b;

    for (; left > 1; left -= 2, out += 2 * depth) {
        const int8_t *columns[2];

        window.gathered = gathered;
        columns[0] = kws_window_next(&window);
        window.gathered = gathered + count;
        columns[1] = kws_window_next(&window);
        two_places(o, columns, count, table, sums, out);
    }
    if (left > 0) {
        one_place(o, kws_window_next(&window), count, table, sums, out);
    }
}
