/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/fast/columns.h"
#include "kernels/fast/round.h"
#include "kernels/fast/window.h"

static KWS_APART void widen_one_of_two(const int8_t *column, uint32_t count, int32_t zero,
                                       uint32_t *words, uint32_t which)
{
    kws_widen(column, count, zero, 1, words, which, 2);
}

static KWS_APART void widen_one_of_four(const int8_t *column, uint32_t count, int32_t zero,
                                        uint32_t *words, uint32_t which)
{
    kws_widen(column, count, zero, 2, words, which, 4);
}

/* Four places of each channel, the last of them `last` codes behind the first. */
static KWS_APART void four_places(const struct kws_conv *o, const struct kws_channel *channel,
                                  const uint32_t *words, uint32_t count, int8_t *out, uint32_t last)
{
    const uint32_t depth = o->out.depth;
    const int8_t *weights = o->weights;
    const int8_t *end = out + depth;

    for (; out < end; ++out, ++channel) {
        const int32_t bias = channel->bias;
        int32_t sums[4] = {bias, bias, bias, bias};

        weights = kws_dot_columns(weights, words, count, sums);
        KWS_FORGET(out); /* or the compiler keeps four pointers, and in memory */

        const struct kws_round by = channel->round;

        out[last] = kws_quick(sums[3], &by);
        out[2 * depth] = kws_quick(sums[2], &by);
        out[depth] = kws_quick(sums[1], &by);
        out[0] = kws_quick(sums[0], &by);
    }
}

/* Two places of each channel, two channels at once; the last two may be one that was before. */
static KWS_APART void two_places(const struct kws_conv *o, const uint32_t *words, uint32_t count,
                                 int8_t *out)
{
    const uint32_t depth = o->out.depth, last = depth - 2;
    const int32_t middle = 2 * o->output.zero + 1;
    uint32_t c = 0;

    for (;;) {
        const int32_t one = o->bias ? o->bias[c] : 0, other = o->bias ? o->bias[c + 1] : 0;
        int32_t sums[4] = {one, one, other, other};

        kws_dot_square(o->weights + c * count, count, words, count, sums);

        const int32_t *by = o->multiplier + c;
        const uint32_t shift = (uint32_t)o->shift[c], next = (uint32_t)o->shift[c + 1];

        out[c] = kws_code(sums[0], by[0], shift, middle);
        out[c + depth] = kws_code(sums[1], by[0], shift, middle);
        out[c + 1] = kws_code(sums[2], by[1], next, middle);
        out[c + 1 + depth] = kws_code(sums[3], by[1], next, middle);
        if (c == last) {
            return;
        }
        c = c + 2 < last ? c + 2 : last;
    }
}

/* One place of each channel, four at once; the last four may be some that were before. */
static KWS_APART void one_place(const struct kws_conv *o, const uint32_t *words, uint32_t count,
                                int8_t *out)
{
    const uint32_t last = o->out.depth - 4U;
    uint32_t c = 0;

    for (;;) {
        int32_t sums[4];

        kws_biases(o->bias, c, sums);
        kws_dot_channels(o->weights + c * count, count, words, count, sums);
        kws_codes(sums, o->multiplier + c, o->shift + c, &o->output, out + c);
        if (c == last) {
            return;
        }
        c = c + 4 < last ? c + 4 : last;
    }
}

/* The same of fewer channels. */
static KWS_APART void slow_place(const struct kws_conv *o, const uint32_t *words, uint32_t count,
                                 int8_t *out)
{
    for (uint32_t c = 0; c < o->out.depth; ++c) {
        const int32_t sum = kws_dot_channel(o->weights + c * count, words, count);

        out[c] = kws_requantise(sum + (o->bias ? o->bias[c] : 0), o->multiplier[c], o->shift[c],
                                &o->output);
    }
}

/* Scratch: a struct kws_channel for each, four columns widened, then one as it is. */
void kws_conv(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_conv *o = options;
    const uint32_t count = (uint32_t)o->taps.height * o->taps.width * o->in.depth;
    const uint32_t depth = o->out.depth;
    struct kws_channel *channels = scratch;
    uint32_t *words = (uint32_t *)(channels + depth);
    int8_t *gathered = (int8_t *)(words + kws_column_words(4, count));
    struct kws_window window = kws_window(&o->in, &o->taps, o->out.width, o->in_zero, a, gathered);
    uint32_t left = (uint32_t)o->out.height * o->out.width;
    (void)b;

    if (left > 2 && kws_prepare_channels(channels, depth, o->bias, o->multiplier, o->shift, count,
                                         &o->output)) {
        while (left > 2) { /* the last three are four of which two are the same */
            const uint32_t places = left < 4 ? 3 : 4;

            for (uint32_t i = 0; i < places; ++i) {
                widen_one_of_four(kws_window_next(&window), count, o->in_zero, words, i);
            }
            four_places(o, channels, words, count, out, (places - 1) * depth);
            out += places * depth;
            left -= places;
        }
    }
    if (left == 2 && depth >= 4 && kws_all_plain(o->shift, depth, &o->output)) {
        for (uint32_t i = 0; i < 2; ++i) {
            widen_one_of_two(kws_window_next(&window), count, o->in_zero, words, i);
        }
        two_places(o, words, count, out);
        return;
    }
    for (; left > 0; --left, out += depth) {
        kws_widen(kws_window_next(&window), count, o->in_zero, 1, words, 0, 1);
        if (depth < 4) {
            slow_place(o, words, count, out);
        } else {
            one_place(o, words, count, out);
        }
    }
}
