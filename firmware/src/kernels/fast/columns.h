/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of int8 weights with columns: codes under a kernel, widened to int16.
 *
 * One column, or two or four that lie interleaved. Of each four codes of a column there are two
 * words, in the order in which SXTB16 takes weights from memory: codes 0 and 2, codes 1 and 3. What
 * is left over stands behind them, a word each.
 */
#ifndef KWS_COLUMNS_H
#define KWS_COLUMNS_H

#include "kernels/fast/dsp.h"

/* Instructions, done `fours` times, at least once: a loop of two. */
#define KWS_EACH(four)                                                                             \
    "lsrs %[fours], #1\n"                                                                          \
    "bcc 1f\n"                                                                                     \
    "add %[fours], #1\n"                                                                           \
    "b 2f\n"                                                                                       \
    "1:\n" four "2:\n" four "subs %[fours], #1\n"                                                  \
    "bne 1b\n"

/* Words of `columns` columns of `count` codes. */
static inline uint32_t kws_column_words(uint32_t columns, uint32_t count)
{
    return columns * (count / 4 * 2 + count % 4);
}

/* Writes column `which` of `columns`, less the zero point, times one or two. */
static inline void kws_widen(const int8_t *codes, uint32_t count, int32_t zero, int32_t times,
                             uint32_t *words, uint32_t which, uint32_t columns)
{
    const uint32_t offset = kws_pair(-zero * times, -zero * times);
    uint32_t *word = words + 2 * which;

    for (uint32_t i = count / 4; i > 0; --i, codes += 4, word += 2 * columns) {
        const uint32_t four = kws_four(codes);

        if (times == 2) {
            word[0] = kws_even(kws_even(offset, four), four);
            word[1] = kws_odd(kws_odd(offset, four), four);
        } else {
            word[0] = kws_even(offset, four);
            word[1] = kws_odd(offset, four);
        }
    }
    word -= which;
    for (uint32_t i = count % 4; i > 0; --i, word += columns) {
        *word = (uint32_t)((*codes++ - zero) * times);
    }
}

/* Adds the products of four columns with the same weights, and returns the end of these. */
static inline const int8_t *kws_dot_columns(const int8_t *weights, const uint32_t *words,
                                            uint32_t count, int32_t sums[4])
{
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    uint32_t fours = count / 4;

    if (fours > 0) {
#if KWS_DSP
#define KWS_FOUR                                                                                   \
    "ldr %[even], [%[weights]], #4\n"                                                              \
    "ldmia %[words]!, {r8-r11}\n"                                                                  \
    "sxtb16 %[odd], %[even], ror #8\n"                                                             \
    "sxtb16 %[even], %[even]\n"                                                                    \
    "smlad %[a], %[even], r8, %[a]\n"                                                              \
    "smlad %[b], %[even], r10, %[b]\n"                                                             \
    "smlad %[a], %[odd], r9, %[a]\n"                                                               \
    "smlad %[b], %[odd], r11, %[b]\n"                                                              \
    "ldmia %[words]!, {r8-r11}\n"                                                                  \
    "smlad %[c], %[even], r8, %[c]\n"                                                              \
    "smlad %[d], %[even], r10, %[d]\n"                                                             \
    "smlad %[c], %[odd], r9, %[c]\n"                                                               \
    "smlad %[d], %[odd], r11, %[d]\n"
        uint32_t even, odd;

        __asm__(KWS_EACH(KWS_FOUR)
                : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [weights] "+r"(weights),
                  [words] "+r"(words), [fours] "+r"(fours), [even] "=&r"(even), [odd] "=&r"(odd)
                :
                : "r8", "r9", "r10", "r11", "cc", "memory");
#undef KWS_FOUR
#else
        for (; fours > 0; --fours, weights += 4, words += 8) {
            const uint32_t even = kws_even(0, kws_four(weights));
            const uint32_t odd = kws_odd(0, kws_four(weights));

            a = kws_multiply_pairs(odd, words[1], kws_multiply_pairs(even, words[0], a));
            b = kws_multiply_pairs(odd, words[3], kws_multiply_pairs(even, words[2], b));
            c = kws_multiply_pairs(odd, words[5], kws_multiply_pairs(even, words[4], c));
            d = kws_multiply_pairs(odd, words[7], kws_multiply_pairs(even, words[6], d));
        }
#endif
    }
    uint32_t ones = count % 4;

    if (ones > 0) {
#if KWS_DSP
        uint32_t weight;

        __asm__("1: ldrsb %[weight], [%[weights]], #1\n"
                "ldmia %[words]!, {r8-r11}\n"
                "mla %[a], %[weight], r8, %[a]\n"
                "mla %[b], %[weight], r9, %[b]\n"
                "mla %[c], %[weight], r10, %[c]\n"
                "mla %[d], %[weight], r11, %[d]\n"
                "subs %[ones], #1\n"
                "bne 1b\n"
                : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [weights] "+r"(weights),
                  [words] "+r"(words), [ones] "+r"(ones), [weight] "=&r"(weight)
                :
                : "r8", "r9", "r10", "r11", "cc", "memory");
#else
        for (; ones > 0; --ones, words += 4) {
            const uint32_t weight = (uint32_t)*weights++;

            a = (int32_t)((uint32_t)a + weight * words[0]);
            b = (int32_t)((uint32_t)b + weight * words[1]);
            c = (int32_t)((uint32_t)c + weight * words[2]);
            d = (int32_t)((uint32_t)d + weight * words[3]);
        }
#endif
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
    return weights;
}

/* Adds those of two columns with the weights of two channels, `stride` codes apart. */
static inline void kws_dot_square(const int8_t *weights, uint32_t stride, const uint32_t *words,
                                  uint32_t count, int32_t sums[4])
{
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    uint32_t fours = count / 4;

    if (fours > 0) {
#if KWS_DSP
#define KWS_CHANNEL(four, one, other)                                                              \
    "ldr %[even], [" four "\n"                                                                     \
    "sxtb16 %[odd], %[even], ror #8\n"                                                             \
    "sxtb16 %[even], %[even]\n"                                                                    \
    "smlad %[" one "], %[odd], r9, %[" one "]\n"                                                   \
    "smlad %[" other "], %[odd], r11, %[" other "]\n"                                              \
    "smlad %[" one "], %[even], r8, %[" one "]\n"                                                  \
    "smlad %[" other "], %[even], r10, %[" other "]\n"
#define KWS_FOUR                                                                                   \
    "ldmia %[words]!, {r8-r11}\n" KWS_CHANNEL("%[weights], %[stride]]", "c", "d")                  \
        KWS_CHANNEL("%[weights]], #4", "a", "b")
        uint32_t even, odd;

        __asm__(KWS_EACH(KWS_FOUR)
                : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [weights] "+r"(weights),
                  [words] "+r"(words), [fours] "+r"(fours), [even] "=&r"(even), [odd] "=&r"(odd)
                : [stride] "r"(stride)
                : "r8", "r9", "r10", "r11", "cc", "memory");
#undef KWS_FOUR
#undef KWS_CHANNEL
#else
        for (; fours > 0; --fours, weights += 4, words += 4) {
            const uint32_t one = kws_four(weights), other = kws_four(weights + stride);

            a = kws_multiply_pairs(kws_even(0, one), words[0], a);
            a = kws_multiply_pairs(kws_odd(0, one), words[1], a);
            b = kws_multiply_pairs(kws_even(0, one), words[2], b);
            b = kws_multiply_pairs(kws_odd(0, one), words[3], b);
            c = kws_multiply_pairs(kws_even(0, other), words[0], c);
            c = kws_multiply_pairs(kws_odd(0, other), words[1], c);
            d = kws_multiply_pairs(kws_even(0, other), words[2], d);
            d = kws_multiply_pairs(kws_odd(0, other), words[3], d);
        }
#endif
    }
    for (uint32_t i = count % 4; i > 0; --i, ++weights, words += 2) {
        a += weights[0] * (int32_t)words[0];
        b += weights[0] * (int32_t)words[1];
        c += weights[stride] * (int32_t)words[0];
        d += weights[stride] * (int32_t)words[1];
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

/* Adds the products of one column with the weights of four channels, `stride` codes apart. */
static inline void kws_dot_channels(const int8_t *weights, uint32_t stride, const uint32_t *words,
                                    uint32_t count, int32_t sums[4])
{
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    const int8_t *others = weights + 2 * stride;
    uint32_t fours = count / 4;

    if (fours > 0) {
#if KWS_DSP
#define KWS_CHANNEL(four, sum)                                                                     \
    "ldr %[even], [" four "\n"                                                                     \
    "sxtb16 %[odd], %[even], ror #8\n"                                                             \
    "sxtb16 %[even], %[even]\n"                                                                    \
    "smlad %[" sum "], %[odd], %[y], %[" sum "]\n"                                                 \
    "smlad %[" sum "], %[even], %[x], %[" sum "]\n"
#define KWS_FOUR                                                                                   \
    "ldrd %[x], %[y], [%[words]], #8\n" KWS_CHANNEL("%[weights], %[stride]]", "b")                 \
        KWS_CHANNEL("%[weights]], #4", "a") KWS_CHANNEL("%[others], %[stride]]", "d")              \
            KWS_CHANNEL("%[others]], #4", "c")
        uint32_t even, odd, x, y;

        __asm__(KWS_EACH(KWS_FOUR)
                : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [weights] "+r"(weights),
                  [others] "+r"(others), [words] "+r"(words), [fours] "+r"(fours),
                  [even] "=&r"(even), [odd] "=&r"(odd), [x] "=&r"(x), [y] "=&r"(y)
                : [stride] "r"(stride)
                : "cc", "memory");
#undef KWS_FOUR
#undef KWS_CHANNEL
#else
        for (; fours > 0; --fours, weights += 4, others += 4, words += 2) {
            const uint32_t four[4] = {kws_four(weights), kws_four(weights + stride),
                                      kws_four(others), kws_four(others + stride)};

            a = kws_multiply_pairs(kws_even(0, four[0]), words[0], a);
            a = kws_multiply_pairs(kws_odd(0, four[0]), words[1], a);
            b = kws_multiply_pairs(kws_even(0, four[1]), words[0], b);
            b = kws_multiply_pairs(kws_odd(0, four[1]), words[1], b);
            c = kws_multiply_pairs(kws_even(0, four[2]), words[0], c);
            c = kws_multiply_pairs(kws_odd(0, four[2]), words[1], c);
            d = kws_multiply_pairs(kws_even(0, four[3]), words[0], d);
            d = kws_multiply_pairs(kws_odd(0, four[3]), words[1], d);
        }
#endif
    }
    for (uint32_t i = count % 4; i > 0; --i, ++weights, ++others, ++words) {
        a += weights[0] * (int32_t)*words;
        b += weights[stride] * (int32_t)*words;
        c += others[0] * (int32_t)*words;
        d += others[stride] * (int32_t)*words;
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

/* The sum of the products of one column with the weights of one channel. */
static inline int32_t kws_dot_channel(const int8_t *weights, const uint32_t *words, uint32_t count)
{
    int32_t sum = 0;

    for (uint32_t i = count / 4; i > 0; --i, weights += 4, words += 2) {
        const uint32_t four = kws_four(weights);

        sum = kws_multiply_pairs(kws_even(0, four), words[0], sum);
        sum = kws_multiply_pairs(kws_odd(0, four), words[1], sum);
    }
    for (uint32_t i = count % 4; i > 0; --i) {
        sum += *weights++ * (int32_t)*words++;
    }
    return sum;
}

#endif
