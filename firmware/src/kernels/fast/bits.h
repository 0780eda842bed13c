/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums of codes that weights of one bit choose, looked up instead of added.
 *
 * A word of 32 weights is cut into fields of 6, 6, 5, 5, 5 and 5 bits. For each field there is a
 * table of all sums that its bits can choose among the codes that they meet; all channels share
 * the tables, so that a channel takes six look-ups for 32 codes.
 *
 * A sum has 16 bits. Tables of one column hold two sums a word; tables of two columns hold both
 * columns' sums in a word, and one look-up serves both.
 */
#ifndef KWS_BITS_H
#define KWS_BITS_H

#include "kernels/fast/dsp.h"

#define KWS_WORD 32      /* codes that a word of weights meets */
#define KWS_TABLES 256   /* sums in all tables */
#define KWS_WORDS_SAFE 4 /* words that two columns may add up: 128 * 255 is below 2^15 */

#define KWS_TABLE_NEXT(step)                                                                       \
    "uadd16 r8, r8, %[" step "]\n"                                                                 \
    "uadd16 r9, r9, %[" step "]\n"                                                                 \
    "uadd16 r10, r10, %[" step "]\n"                                                               \
    "uadd16 r11, r11, %[" step "]\n"                                                               \
    "stmia %[table]!, {r8-r11}\n"

/* Sixteen words: `first` plus all sums of the steps. */
static inline void kws_table(uint32_t *table, uint32_t first, const uint32_t steps[4])
{
#if KWS_DSP
    uint32_t change;

    __asm__ volatile("uadd16 r9, %[first], %[s0]\n"
                     "mov r8, %[first]\n"
                     "uadd16 r10, %[first], %[s1]\n"
                     "uadd16 r11, r9, %[s1]\n"
                     "stmia %[table]!, {r8-r11}\n"
                     "usub16 %[change], %[s3], %[s2]\n" KWS_TABLE_NEXT("s2")
                         KWS_TABLE_NEXT("change") KWS_TABLE_NEXT("s2")
                     : [table] "+r"(table), [change] "=&r"(change)
                     : [first] "r"(first), [s0] "r"(steps[0]), [s1] "r"(steps[1]),
                       [s2] "r"(steps[2]), [s3] "r"(steps[3])
                     : "r8", "r9", "r10", "r11", "memory");
#else
    table[0] = first;
    for (uint32_t step = 0, made = 1; step < 4; ++step, made *= 2) {
        for (uint32_t i = 0; i < made; ++i) {
            table[made + i] = kws_add_pairs(table[i], steps[step]);
        }
    }
#endif
}

/* Tables of one column, two sums a word, from words that hold each of 32 values twice. */
static KWS_APART void kws_tables_one(uint32_t *table, const uint32_t *values)
{
    for (uint32_t field = 0; field < 6; ++field, table += 16) {
        const uint32_t first = values[0] & UINT32_C(0xffff0000);

        kws_table(table, first, values + 1);
        if (field < 2) {
            table += 16;
            kws_table(table, kws_add_pairs(first, values[5]), values + 1);
            ++values;
        }
        values += 5;
    }
}

/* Tables of two columns, a sum of each a word. */
static KWS_APART void kws_tables_two(uint32_t *table, const uint32_t *values)
{
    for (uint32_t field = 0; field < 6; ++field, table += 32) {
        kws_table(table, 0, values);
        kws_table(table + 16, values[4], values);
        if (field < 2) {
            table += 32;
            kws_table(table, values[5], values);
            kws_table(table + 16, kws_add_pairs(values[4], values[5]), values);
            ++values;
        }
        values += 5;
    }
}

/* Up to 32 codes less the zero point, each twice, 0 for those that are missing; their sum. */
static inline int32_t kws_values_one(uint32_t *values, const int8_t *codes, uint32_t count,
                                     int32_t zero)
{
    const uint32_t offset = kws_pair(-zero, -zero), ones = kws_pair(1, 1);
    int32_t sum = 0;
    uint32_t i = 0;

    for (; i + 4 <= count; i += 4) {
        const uint32_t four = kws_four(codes + i);
        const uint32_t even = kws_even(offset, four), odd = kws_odd(offset, four);

        values[i] = kws_lows(even, even);
        values[i + 1] = kws_lows(odd, odd);
        values[i + 2] = kws_highs(even, even);
        values[i + 3] = kws_highs(odd, odd);
        sum = kws_multiply_pairs(odd, ones, kws_multiply_pairs(even, ones, sum));
    }
    for (; i < KWS_WORD; ++i) {
        const int32_t value = i < count ? codes[i] - zero : 0;

        values[i] = kws_pair(value, value);
        sum += value;
    }
    return sum;
}

/* The same of two columns, a code of each a word; both sums. */
static inline uint32_t kws_values_two(uint32_t *values, const int8_t *a, const int8_t *b,
                                      uint32_t count, int32_t zero)
{
    const uint32_t offset = kws_pair(-zero, -zero);
    uint32_t sums = 0;
    uint32_t i = 0;

    for (; i + 4 <= count; i += 4) {
        const uint32_t even_a = kws_even(offset, kws_four(a + i));
        const uint32_t even_b = kws_even(offset, kws_four(b + i));
        const uint32_t odd_a = kws_odd(offset, kws_four(a + i));
        const uint32_t odd_b = kws_odd(offset, kws_four(b + i));

        values[i] = kws_lows(even_a, even_b);
        values[i + 1] = kws_lows(odd_a, odd_b);
        values[i + 2] = kws_highs(even_a, even_b);
        values[i + 3] = kws_highs(odd_a, odd_b);
        sums = kws_add_pairs(sums, kws_add_pairs(kws_add_pairs(values[i], values[i + 1]),
                                                 kws_add_pairs(values[i + 2], values[i + 3])));
    }
    for (; i < KWS_WORD; ++i) {
        values[i] = i < count ? kws_pair(a[i] - zero, b[i] - zero) : 0;
        sums = kws_add_pairs(sums, values[i]);
    }
    return sums;
}

/* One channel: what a word of weights chooses. */
static inline int32_t kws_choose_one(uint32_t word, const int16_t *table)
{
    return table[word & 63] + table[64 + (word >> 6 & 63)] + table[128 + (word >> 12 & 31)] +
           table[160 + (word >> 17 & 31)] + table[192 + (word >> 22 & 31)] +
           table[224 + (word >> 27)];
}

static inline uint32_t kws_choose_two(uint32_t word, const uint32_t *table)
{
    uint32_t sum = kws_add_pairs(table[word & 63], table[64 + (word >> 6 & 63)]);

    sum = kws_add_pairs(sum, table[128 + (word >> 12 & 31)]);
    sum = kws_add_pairs(sum, table[160 + (word >> 17 & 31)]);
    sum = kws_add_pairs(sum, table[192 + (word >> 22 & 31)]);
    return kws_add_pairs(sum, table[224 + (word >> 27)]);
}

#if KWS_DSP
/* Two channels; `bytes` from the weights of one to those of the next. */
#define KWS_FIELD(load, scale, add, first, bits, table)                                            \
    "ubfx %[i], %[word], #" first ", #" bits "\n" load " %[i], [%[" table "], %[i], lsl #" scale   \
    "]\n" add " %[sum], %[sum], %[i]\n"
#define KWS_FIELDS(load, scale, add)                                                               \
    "ldr %[sum], [%[sums]]\n" KWS_FIELD(load, scale, add, "0", "6", "t0")                          \
        KWS_FIELD(load, scale, add, "6", "6", "t1") KWS_FIELD(load, scale, add, "12", "5", "t2")   \
            KWS_FIELD(load, scale, add, "17", "5", "t3")                                           \
                KWS_FIELD(load, scale, add, "22", "5", "t4")                                       \
                    KWS_FIELD(load, scale, add, "27", "5", "t5") "str %[sum], [%[sums]], #4\n"
#define KWS_CHANNELS(load, scale, add)                                                             \
    __asm__ volatile("1: ldr %[word], [%[weights]]\n" KWS_FIELDS(                                  \
                         load, scale, add) "ldr %[word], [%[weights], %[bytes]]\n"                 \
                                           "add %[weights], %[weights], %[bytes], lsl "            \
                                           "#1\n" KWS_FIELDS(load, scale, add) "cmp %[sums], "     \
                                                                               "%[end]\n"          \
                                                                               "bne 1b\n"          \
                     : [weights] "+r"(weights), [sums] "+r"(sums), [word] "=&r"(word),             \
                       [i] "=&r"(i), [sum] "=&r"(sum)                                              \
                     : [bytes] "r"(bytes), [end] "r"(end), [t0] "r"(table), [t1] "r"(table + 64),  \
                       [t2] "r"(table + 128), [t3] "r"(table + 160), [t4] "r"(table + 192),        \
                       [t5] "r"(table + 224)                                                       \
                     : "cc", "memory")
#endif

/* Adds to the sum of each channel what its word of weights chooses. */
static KWS_APART void kws_look_up_one(const uint32_t *weights, uint32_t stride,
                                      const int16_t *table, int32_t *sums, uint32_t channels)
{
#if KWS_DSP
    if (channels > 1) {
        const uint32_t bytes = 4 * stride;
        int32_t *const end = sums + channels / 2 * 2;
        uint32_t word, i, sum;

        KWS_CHANNELS("ldrsh", "1", "add");
        channels %= 2;
    }
#endif
    for (; channels > 0; --channels, weights += stride) {
        *sums++ += kws_choose_one(*weights, table);
    }
}

static KWS_APART void kws_look_up_two(const uint32_t *weights, uint32_t stride,
                                      const uint32_t *table, uint32_t *sums, uint32_t channels)
{
#if KWS_DSP
    if (channels > 1) {
        const uint32_t bytes = 4 * stride;
        uint32_t *const end = sums + channels / 2 * 2;
        uint32_t word, i, sum;

        KWS_CHANNELS("ldr", "2", "uadd16");
        channels %= 2;
    }
#endif
    for (; channels > 0; --channels, weights += stride, ++sums) {
        *sums = kws_add_pairs(*sums, kws_choose_two(*weights, table));
    }
}

#endif
