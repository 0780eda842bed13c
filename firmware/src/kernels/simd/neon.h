/* SPDX-License-Identifier: Apache-2.0 */
/* kws_dot4 in NEON of 32 and 64 bits, and in the dot products that 64-bit CPUs may have. */
#ifndef KWS_NEON_H
#define KWS_NEON_H

#include <arm_neon.h>

#include "lanes.h"

#if defined(__aarch64__) && defined(__linux__) && (!defined(__clang__) || __clang_major__ >= 16)
#include <sys/auxv.h>
#ifdef __clang__
#define WITH_SDOT __attribute__((target("dotprod")))
#else
#define WITH_SDOT __attribute__((target("arch=armv8.2-a+dotprod")))
#endif
#endif

KWS_INLINE int8x16_t load(const void *weights, uint32_t first, enum kws_weights kind)
{
    static const uint8_t places[KWS_LANES] = {1, 2, 4, 8, 16, 32, 64, 128,
                                              1, 2, 4, 8, 16, 32, 64, 128};

    if (kind == KWS_CODES) {
        return vld1q_s8((const int8_t *)weights + first);
    }

    const uint8_t *bits = (const uint8_t *)weights + first / 8;
    const uint8x16_t both = vcombine_u8(vdup_n_u8(bits[0]), vdup_n_u8(bits[1]));
    const uint8x16_t clear = vceqq_u8(vandq_u8(both, vld1q_u8(places)), vdupq_n_u8(0));

    return vreinterpretq_s8_u8(vorrq_u8(clear, vdupq_n_u8(1)));
}

/* Eight weights, and zeros to which any x may belong. */
KWS_INLINE int8x16_t load_half(const void *weights, uint32_t first, enum kws_weights kind)
{
    const int8x8_t zeros = vdup_n_s8(0);

    if (kind == KWS_CODES) {
        return vcombine_s8(vld1_s8((const int8_t *)weights + first), zeros);
    }
    return vcombine_s8(vget_low_s8(load(weights, first, kind)), zeros);
}

/* A sum in four parts: those of x * weight, and those of zero * weight to be taken off. */
struct sum {
    int32x4_t x, zero;
};

/* Adds 16 places. */
typedef struct sum step(struct sum sum, int8x16_t x, int8x16_t zero, int8x16_t weights);

/* (x - zero) * weight is at most 255 * 128: 16 bits hold it, whatever its terms do on the way. */
KWS_INLINE struct sum step_neon(struct sum sum, int8x16_t x, int8x16_t zero, int8x16_t weights)
{
    const int8x8_t z = vget_low_s8(zero);
    const int8x8_t low = vget_low_s8(weights);

    sum.x = vpadalq_s16(sum.x, vmlsl_s8(vmull_s8(vget_low_s8(x), low), z, low));
#ifdef __aarch64__ /* has instructions for the upper half, which the compiler does not find */
    sum.x = vpadalq_s16(sum.x, vmlsl_high_s8(vmull_high_s8(x, weights), zero, weights));
#else
    const int8x8_t high = vget_high_s8(weights);

    sum.x = vpadalq_s16(sum.x, vmlsl_s8(vmull_s8(vget_high_s8(x), high), z, high));
#endif
    return sum;
}

KWS_INLINE int32x2_t fold(struct sum sum)
{
    const int32x4_t parts = vsubq_s32(sum.x, sum.zero);

    return vpadd_s32(vget_low_s32(parts), vget_high_s32(parts));
}

KWS_INLINE void dot4(int32_t sums[KWS_CHANNELS], const int8_t *x, int32_t zero,
                     const void *const weights[KWS_CHANNELS], uint32_t count, enum kws_weights kind,
                     step *add)
{
    const int8x16_t zeros = vdupq_n_s8((int8_t)zero);
    const struct sum none = {vdupq_n_s32(0), vdupq_n_s32(0)};
    struct sum a = none, b = none, c = none, d = none;
    uint32_t i = 0;

    for (; i + KWS_LANES <= count; i += KWS_LANES) {
        const int8x16_t here = vld1q_s8(x + i);

        a = add(a, here, zeros, load(weights[0], i, kind));
        b = add(b, here, zeros, load(weights[1], i, kind));
        c = add(c, here, zeros, load(weights[2], i, kind));
        d = add(d, here, zeros, load(weights[3], i, kind));
    }
    if (i + KWS_LANES / 2 <= count) {
        const int8x16_t here = vcombine_s8(vld1_s8(x + i), vget_low_s8(zeros));

        a = add(a, here, zeros, load_half(weights[0], i, kind));
        b = add(b, here, zeros, load_half(weights[1], i, kind));
        c = add(c, here, zeros, load_half(weights[2], i, kind));
        d = add(d, here, zeros, load_half(weights[3], i, kind));
        i += KWS_LANES / 2;
    }
    vst1q_s32(sums, vcombine_s32(vpadd_s32(fold(a), fold(b)), vpadd_s32(fold(c), fold(d))));
    kws_dot4_rest(sums, x, zero, weights, i, count, kind);
}

static void dot4_neon(int32_t sums[KWS_CHANNELS], const int8_t *x, int32_t zero,
                      const void *const weights[KWS_CHANNELS], uint32_t count,
                      enum kws_weights kind)
{
    if (kind == KWS_CODES) {
        dot4(sums, x, zero, weights, count, KWS_CODES, step_neon);
    } else {
        dot4(sums, x, zero, weights, count, KWS_SIGNS, step_neon);
    }
}

#ifdef WITH_SDOT
WITH_SDOT static inline struct sum step_sdot(struct sum sum, int8x16_t x, int8x16_t zero,
                                             int8x16_t weights)
{
    sum.x = vdotq_s32(sum.x, x, weights);
    sum.zero = vdotq_s32(sum.zero, zero, weights);
    return sum;
}

WITH_SDOT static void dot4_sdot(int32_t sums[KWS_CHANNELS], const int8_t *x, int32_t zero,
                                const void *const weights[KWS_CHANNELS], uint32_t count,
                                enum kws_weights kind)
{
    if (kind == KWS_CODES) {
        dot4(sums, x, zero, weights, count, KWS_CODES, step_sdot);
    } else {
        dot4(sums, x, zero, weights, count, KWS_SIGNS, step_sdot);
    }
}
#endif

#endif
