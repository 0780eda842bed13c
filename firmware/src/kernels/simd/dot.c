/* SPDX-License-Identifier: Apache-2.0 */
#include "dot.h"

#include "lanes.h"

#if defined(__ARM_NEON)
#include "neon.h"
#elif defined(__x86_64__)
#include "avx2.h"
#endif

#ifndef __ARM_NEON
static void dot4_plain(int32_t sums[KWS_CHANNELS], const int8_t *x, int32_t zero,
                       const void *const weights[KWS_CHANNELS], uint32_t count,
                       enum kws_weights kind)
{
    for (uint32_t i = 0; i < KWS_CHANNELS; ++i) {
        sums[i] = 0;
    }
    kws_dot4_rest(sums, x, zero, weights, 0, count, kind);
}
#endif

kws_dot4 *kws_fastest_dot4(void)
{
#if defined(__ARM_NEON)
#ifdef WITH_SDOT
    if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) {
        return dot4_sdot;
    }
#endif
    return dot4_neon;
#elif defined(__x86_64__)
    return __builtin_cpu_supports("avx2") ? dot4_avx2 : dot4_plain;
#else
    return dot4_plain;
#endif
}
