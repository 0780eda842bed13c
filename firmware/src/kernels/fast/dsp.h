/* SPDX-License-Identifier: Apache-2.0 */
/* The instructions of ARMv7E-M's DSP extension that the kernels are made of, or what they do. */
#ifndef KWS_DSP_H
#define KWS_DSP_H

#include <stdint.h>
#include <string.h>

#include "apart.h"

/* Without optimisation the compiler runs out of registers. */
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__OPTIMIZE__)
#define KWS_DSP 1
#else
#define KWS_DSP 0
#endif

#ifdef __GNUC__
#define KWS_FORGET(variable) __asm__("" : "+r"(variable)) /* how its value came about */
#else
#define KWS_FORGET(variable) ((void)(variable))
#endif

/* Four codes, wherever they lie. */
static inline uint32_t kws_four(const int8_t *codes)
{
    uint32_t word;

    memcpy(&word, codes, sizeof word);
    return word;
}

/* The halves of a word, and a word of two halves. */
static inline int32_t kws_low(uint32_t word)
{
    return (int16_t)(word & UINT32_C(0xffff));
}

static inline int32_t kws_high(uint32_t word)
{
    return (int16_t)(word >> 16);
}

static inline uint32_t kws_pair(int32_t low, int32_t high)
{
    return ((uint32_t)low & UINT32_C(0xffff)) | (uint32_t)high << 16;
}

#if KWS_DSP

/* Halves: offset plus the bytes 0 and 2. */
static inline uint32_t kws_even(uint32_t offset, uint32_t four)
{
    uint32_t pair;

    __asm__("sxtab16 %0, %1, %2" : "=r"(pair) : "r"(offset), "r"(four));
    return pair;
}

/* Halves: offset plus the bytes 1 and 3. */
static inline uint32_t kws_odd(uint32_t offset, uint32_t four)
{
    uint32_t pair;

    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(pair) : "r"(offset), "r"(four));
    return pair;
}

/* sum + a.low * b.low + a.high * b.high */
static inline int32_t kws_multiply_pairs(uint32_t a, uint32_t b, int32_t sum)
{
    int32_t out;

    __asm__("smlad %0, %1, %2, %3" : "=r"(out) : "r"(a), "r"(b), "r"(sum));
    return out;
}

/* Halves: a.low + b.low, a.high + b.high. */
static inline uint32_t kws_add_pairs(uint32_t a, uint32_t b)
{
    uint32_t out;

    __asm__("uadd16 %0, %1, %2" : "=r"(out) : "r"(a), "r"(b));
    return out;
}

/* The lower halves, a's first; the upper halves. */
static inline uint32_t kws_lows(uint32_t a, uint32_t b)
{
    uint32_t out;

    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(out) : "r"(a), "r"(b));
    return out;
}

static inline uint32_t kws_highs(uint32_t a, uint32_t b)
{
    uint32_t out;

    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(out) : "r"(b), "r"(a));
    return out;
}

/* a * b / 2^32 to the nearest, ties up. */
static inline int32_t kws_multiply_top(int32_t a, int32_t b)
{
    int32_t out;

    __asm__("smmulr %0, %1, %2" : "=r"(out) : "r"(a), "r"(b));
    return out;
}

/* To -128 to 127. */
static inline int32_t kws_saturate(int32_t x)
{
    int32_t out;

    __asm__("ssat %0, #8, %1" : "=r"(out) : "r"(x));
    return out;
}

/* Half of it, rounded down, to -128 to 127. */
static inline int32_t kws_saturate_half(int32_t x)
{
    int32_t out;

    __asm__("ssat %0, #8, %1, asr #1" : "=r"(out) : "r"(x));
    return out;
}

/* 2 x, to 32 bits. */
static inline int32_t kws_twice(int32_t x)
{
    int32_t out;

    __asm__("qadd %0, %1, %1" : "=r"(out) : "r"(x));
    return out;
}

/* x / 2^by rounded down; by is the lowest byte, 0 to 31. */
static inline int32_t kws_shift_right(int32_t x, uint32_t by)
{
    int32_t out;

    __asm__("asr %0, %1, %2" : "=r"(out) : "r"(x), "r"(by));
    return out;
}

#else

static inline uint32_t kws_even(uint32_t offset, uint32_t four)
{
    return kws_pair(kws_low(offset) + (int8_t)(four & 0xff),
                    kws_high(offset) + (int8_t)(four >> 16 & 0xff));
}

static inline uint32_t kws_odd(uint32_t offset, uint32_t four)
{
    return kws_even(offset, four >> 8);
}

/* Sums wrap as they do there: a column that is not in use holds anything. */
static inline int32_t kws_multiply_pairs(uint32_t a, uint32_t b, int32_t sum)
{
    const uint32_t low = (uint32_t)(kws_low(a) * kws_low(b));

    return (int32_t)((uint32_t)sum + low + (uint32_t)(kws_high(a) * kws_high(b)));
}

static inline uint32_t kws_add_pairs(uint32_t a, uint32_t b)
{
    return kws_pair(kws_low(a) + kws_low(b), kws_high(a) + kws_high(b));
}

static inline uint32_t kws_lows(uint32_t a, uint32_t b)
{
    return kws_pair(kws_low(a), kws_low(b));
}

static inline uint32_t kws_highs(uint32_t a, uint32_t b)
{
    return kws_pair(kws_high(a), kws_high(b));
}

static inline int32_t kws_multiply_top(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + (INT64_C(1) << 31)) >> 32);
}

static inline int32_t kws_saturate(int32_t x)
{
    const int32_t least = x < -128 ? -128 : x;

    return least > 127 ? 127 : least;
}

static inline int32_t kws_saturate_half(int32_t x)
{
    return kws_saturate(x >> 1);
}

static inline int32_t kws_twice(int32_t x)
{
    if (x > INT32_MAX / 2) {
        return INT32_MAX;
    }
    return x < INT32_MIN / 2 ? INT32_MIN : 2 * x;
}

static inline int32_t kws_shift_right(int32_t x, uint32_t by)
{
    return x >> (by & 0xff);
}

#endif

#endif
