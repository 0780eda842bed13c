/* SPDX-License-Identifier: Apache-2.0 */
/* gemmlowp's fixed-point arithmetic, as app/kws/fixed_point.py states it. */
#ifndef KWS_REQUANTISE_H
#define KWS_REQUANTISE_H

#include <stdint.h>

#include "kernels/kernels.h"

/* a * b / 2^31 to the nearest, ties up; not both of them -2^31. */
static inline int32_t kws_high_multiply(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

/* x / 2^exponent to the nearest, ties away from zero; exponent 0 to 31. */
static inline int32_t kws_divide_by_power(int32_t x, int32_t exponent)
{
    const uint32_t mask = (UINT32_C(1) << exponent) - 1;
    const uint32_t threshold = (mask >> 1) + (x < 0);

    return (x >> exponent) + (((uint32_t)x & mask) > threshold);
}

/* x * multiplier / 2^31 * 2^shift, rounded twice; the plan sees to it that x * 2^shift fits. */
static inline int32_t kws_multiply(int32_t x, int32_t multiplier, int32_t shift)
{
    if (shift > 0) {
        return kws_high_multiply((int32_t)((uint32_t)x << shift), multiplier);
    }
    return kws_divide_by_power(kws_high_multiply(x, multiplier), -shift);
}

/* A code within the limits of the activation. */
static inline int8_t kws_clamp(int32_t code, const struct kws_output *output)
{
    const int32_t least = code < output->low ? output->low : code;

    return (int8_t)(least > output->high ? output->high : least);
}

/* From a sum to a code. */
static inline int8_t kws_requantise(int32_t sum, int32_t multiplier, int32_t shift,
                                    const struct kws_output *output)
{
    return kws_clamp(kws_multiply(sum, multiplier, shift) + output->zero, output);
}

#endif
