/* SPDX-License-Identifier: Apache-2.0 */
/* kws_dot4 in AVX2: everything widened to 16 bits, where pairs of products are added at once. */
#ifndef KWS_AVX2_H
#define KWS_AVX2_H

#include <immintrin.h>

#include "lanes.h"

#define WITH_AVX2 __attribute__((target("avx2")))

WITH_AVX2 static inline __m256i wide(const int8_t *codes)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)codes));
}

WITH_AVX2 static inline __m256i load(const void *weights, uint32_t first, enum kws_weights kind)
{
    if (kind == KWS_CODES) {
        return wide((const int8_t *)weights + first);
    }

    const __m256i places =
        _mm256_setr_epi16(1, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 8, 1 << 9,
                          1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, INT16_MIN);
    const __m256i all = _mm256_set1_epi16(((const int16_t *)weights)[first / KWS_LANES]);
    const __m256i clear = _mm256_cmpeq_epi16(_mm256_and_si256(all, places), _mm256_setzero_si256());

    return _mm256_or_si256(clear, _mm256_set1_epi16(1));
}

WITH_AVX2 static inline __m256i wide_half(const int8_t *codes)
{
    return _mm256_cvtepi8_epi16(_mm_loadl_epi64((const void *)codes));
}

/* Eight weights, and zeros to which any x may belong. */
WITH_AVX2 static inline __m256i load_half(const void *weights, uint32_t first,
                                          enum kws_weights kind)
{
    if (kind == KWS_CODES) {
        return wide_half((const int8_t *)weights + first);
    }
    return _mm256_zextsi128_si256(_mm256_castsi256_si128(load(weights, first, kind)));
}

WITH_AVX2 static inline __m256i add(__m256i sum, __m256i x, __m256i weights)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(x, weights));
}

WITH_AVX2 static inline void dot4(int32_t sums[KWS_CHANNELS], const int8_t *x, int32_t zero,
                                  const void *const weights[KWS_CHANNELS], uint32_t count,
                                  enum kws_weights kind)
{
    const __m256i zeros = _mm256_set1_epi16((int16_t)zero);
    __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
    uint32_t i = 0;

    for (; i + KWS_LANES <= count; i += KWS_LANES) {
        const __m256i here = _mm256_sub_epi16(wide(x + i), zeros);

        a = add(a, here, load(weights[0], i, kind));
        b = add(b, here, load(weights[1], i, kind));
        c = add(c, here, load(weights[2], i, kind));
        d = add(d, here, load(weights[3], i, kind));
    }
    if (i + KWS_LANES / 2 <= count) {
        const __m256i here = _mm256_sub_epi16(wide_half(x + i), zeros);

        a = add(a, here, load_half(weights[0], i, kind));
        b = add(b, here, load_half(weights[1], i, kind));
        c = add(c, here, load_half(weights[2], i, kind));
        d = add(d, here, load_half(weights[3], i, kind));
        i += KWS_LANES / 2;
    }

    const __m256i halves = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    const __m128i all =
        _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));

    _mm_storeu_si128((void *)sums, all);
    kws_dot4_rest(sums, x, zero, weights, i, count, kind);
}

WITH_AVX2 static void dot4_avx2(int32_t sums[KWS_CHANNELS], const int8_t *x, int32_t zero,
                                const void *const weights[KWS_CHANNELS], uint32_t count,
                                enum kws_weights kind)
{
    if (kind == KWS_CODES) {
        dot4(sums, x, zero, weights, count, KWS_CODES);
    } else {
        dot4(sums, x, zero, weights, count, KWS_SIGNS);
    }
}

#endif
