/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/fast/round.h"
#include "kernels/fast/window.h"

/* For several channels made of one, and numbers that hardly occur. */
#define kws_depthwise(...) portable_depthwise(__VA_ARGS__)
static void portable_depthwise(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                               void *scratch);
#include "kernels/portable/depthwise.c"
#undef kws_depthwise

#define FEW 8 /* places of the output for which preparing the weights would not pay */

/* How far two places of the kernel are from its first, in codes. */
struct pair {
    uint32_t first, second;
};

/*
 * Doubled weights of two places, the first in the lower half: a word a channel, for four channels
 * and all pairs of places, then for the next four. What is missing is 0. Of four channels, the
 * order is 0, 2, 1, 3. The zero point goes into the bias.
 */
static void widen_weights(const struct kws_depthwise *o, uint32_t places, uint32_t *words,
                          struct kws_channel *channels)
{
    const uint32_t depth = o->out.depth;

    for (uint32_t c = 0; c < depth; c += 4) {
        for (uint32_t place = 0; place < places; place += 2) {
            for (uint32_t i = 0; i < 4; ++i) {
                const uint32_t channel = c + (i >> 1) + (i & 1) * 2;
                const int8_t *weight = o->weights + place * depth + channel;
                int32_t first = 0, second = 0;

                if (channel < depth) {
                    first = 2 * weight[0];
                    second = place + 1 < places ? 2 * weight[depth] : 0;
                    channels[channel].bias -= o->in_zero * (first + second);
                }
                *words++ = kws_pair(first, second);
            }
        }
    }
}

static void list_pairs(struct pair *pairs, const struct kws_taps *taps, uint32_t row,
                       uint32_t depth)
{
    const uint32_t places = (uint32_t)taps->height * taps->width;
    uint32_t *offset = &pairs->first;

    for (uint32_t place = 0; place < places; ++place) {
        *offset++ = place / taps->width * row + place % taps->width * depth;
    }
    if (places % 2 != 0) {
        *offset = 0; /* met by no weight */
    }
}

/* Adds to the sums of four channels. */
static inline void add_pairs(const struct pair *pair, const struct pair *end, const uint32_t *words,
                             const int8_t *in, int32_t sums[4])
{
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];

#if KWS_DSP
    uint32_t x, y, t, u, v;

    __asm__(
        "1: ldrd %[x], %[y], [%[pair]], #8\n"
        "ldr %[x], [%[in], %[x]]\n"
        "ldr %[y], [%[in], %[y]]\n"
        "sxtb16 %[t], %[x]\n"
        "sxtb16 %[u], %[y]\n"
        "pkhbt %[v], %[t], %[u], lsl #16\n"
        "pkhtb %[u], %[u], %[t], asr #16\n"
        "ldr %[t], [%[words]], #4\n"
        "smlad %[a], %[v], %[t], %[a]\n"
        "ldr %[t], [%[words]], #4\n"
        "smlad %[c], %[u], %[t], %[c]\n"
        "sxtb16 %[x], %[x], ror #8\n"
        "sxtb16 %[y], %[y], ror #8\n"
        "pkhbt %[v], %[x], %[y], lsl #16\n"
        "pkhtb %[y], %[y], %[x], asr #16\n"
        "ldrd %[t], %[u], [%[words]], #8\n"
        "smlad %[b], %[v], %[t], %[b]\n"
        "smlad %[d], %[y], %[u], %[d]\n"
        "cmp %[pair], %[end]\n"
        "bne 1b\n"
        : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [pair] "+r"(pair),
          [words] "+r"(words), [x] "=&r"(x), [y] "=&r"(y), [t] "=&r"(t), [u] "=&r"(u), [v] "=&r"(v)
        : [in] "r"(in), [end] "r"(end)
        : "cc", "memory");
#else
    for (; pair < end; ++pair, words += 4) {
        const uint32_t x = kws_four(in + pair->first), y = kws_four(in + pair->second);
        const uint32_t even_x = kws_even(0, x), even_y = kws_even(0, y);
        const uint32_t odd_x = kws_odd(0, x), odd_y = kws_odd(0, y);

        a = kws_multiply_pairs(kws_lows(even_x, even_y), words[0], a);
        c = kws_multiply_pairs(kws_highs(even_x, even_y), words[1], c);
        b = kws_multiply_pairs(kws_lows(odd_x, odd_y), words[2], b);
        d = kws_multiply_pairs(kws_highs(odd_x, odd_y), words[3], d);
    }
#endif
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

/* All channels of a place. */
static KWS_APART void one_place(const struct kws_channel *channel, const struct pair *pairs,
                                const struct pair *end, const uint32_t *words, const int8_t *in,
                                uint32_t depth, int8_t *out)
{
    const int8_t *fours = out + depth / 4 * 4;

    for (; out < fours; in += 4, channel += 4, out += 4, words += 4 * (end - pairs)) {
        int32_t sums[4] = {channel[0].bias, channel[1].bias, channel[2].bias, channel[3].bias};

        add_pairs(pairs, end, words, in, sums);
        out[0] = kws_quick(sums[0], &channel[0].round);
        out[1] = kws_quick(sums[1], &channel[1].round);
        out[2] = kws_quick(sums[2], &channel[2].round);
        out[3] = kws_quick(sums[3], &channel[3].round);
    }
    for (uint32_t i = 0; i < depth % 4; ++i) {
        const uint32_t *word = words + (i >> 1) + (i & 1) * 2;
        int32_t sum = channel[i].bias;

        for (const struct pair *pair = pairs; pair < end; ++pair, word += 4) {
            sum += in[pair->first + i] * kws_low(*word) + in[pair->second + i] * kws_high(*word);
        }
        out[i] = kws_quick(sum, &channel[i].round);
    }
}

/* A place of four channels or more, all codes under the kernel in a row. */
static KWS_APART void direct_place(const struct kws_depthwise *o, const int8_t *column,
                                   uint32_t places, int8_t *out)
{
    const uint32_t depth = o->out.depth, last = depth - 4;
    const uint32_t offset = kws_pair(-o->in_zero, -o->in_zero);
    uint32_t c = 0;

    for (;;) {
        const int8_t *in = column + c, *weights = o->weights + c;
        int32_t sums[4];

        kws_biases(o->bias, c, sums);
        for (uint32_t left = places; left > 0; --left, in += depth, weights += depth) {
            const uint32_t x = kws_four(in), y = kws_four(weights);
            const uint32_t even_x = kws_even(offset, x), even_y = kws_even(0, y);
            const uint32_t odd_x = kws_odd(offset, x), odd_y = kws_odd(0, y);

            sums[0] += kws_low(even_x) * kws_low(even_y);
            sums[1] += kws_low(odd_x) * kws_low(odd_y);
            sums[2] += kws_high(even_x) * kws_high(even_y);
            sums[3] += kws_high(odd_x) * kws_high(odd_y);
        }
        kws_codes(sums, o->multiplier + c, o->shift + c, &o->output, out + c);
        if (c == last) {
            return;
        }
        c = c + 4 < last ? c + 4 : last;
    }
}

/*
 * Scratch: a struct kws_channel for each, pairs of places inside, pairs of places gathered, weights
 * widened, then what was gathered.
 */
void kws_depthwise(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                   void *scratch)
{
    const struct kws_depthwise *o = options;
    const uint32_t depth = o->out.depth;
    const uint32_t places = (uint32_t)o->taps.height * o->taps.width;
    const uint32_t count = (places + 1) / 2;
    struct kws_channel *channels = scratch;
    struct pair *inside = (struct pair *)(channels + depth);
    struct pair *together = inside + count;
    uint32_t *words = (uint32_t *)(together + count);
    int8_t *gathered = (int8_t *)(words + (depth + 3) / 4 * 4 * count);

    struct kws_window window = kws_window(&o->in, &o->taps, o->out.width, o->in_zero, a, gathered);
    uint32_t left = (uint32_t)o->out.height * o->out.width;

    if (depth == o->in.depth && depth >= 4 && left <= FEW) {
        for (; left > 0; --left, out += depth) {
            direct_place(o, kws_window_next(&window), places, out);
        }
        return;
    }
    if (depth != o->in.depth || !kws_prepare_channels(channels, depth, o->bias, o->multiplier,
                                                      o->shift, places, &o->output)) {
        portable_depthwise(options, a, b, out, scratch);
        return;
    }
    widen_weights(o, places, words, channels);
    list_pairs(inside, &o->taps, (uint32_t)o->in.width * depth * o->taps.dilation_height, depth);
    list_pairs(together, &o->taps, (uint32_t)o->taps.width * depth, depth);

    for (; left > 0; --left, out += depth) {
        const int within = kws_window_inside(&window);
        const struct pair *pairs = within ? inside : together;
        const int8_t *in = within ? kws_window_first(&window) : kws_window_column(&window);

        one_place(channels, pairs, pairs + count, words, in, depth, out);
        kws_window_move(&window);
    }
}
