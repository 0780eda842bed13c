/* SPDX-License-Identifier: Apache-2.0 */
/* Spectrum of a real frame in fixed point: the twin of app/kws/fft.py. */
#ifndef KWS_FFT_H
#define KWS_FFT_H

#include <stdint.h>

/*
 * Where pair k + 1 of `half` pairs lies, from the place of pair k, which is not the last one: one
 * is added from the top, carrying downwards.
 */
static inline uint32_t kws_fft_next(uint32_t place, uint32_t half)
{
    return place ^ (half - (UINT32_C(0x80000000) >> __builtin_clz(~place & (half - 1))));
}

/*
 * Transforms a windowed frame in place.
 *
 * work    [window] in: samples of at most 2^30 in magnitude under a Hann window, 2^29 without
 *         one, in pairs, pair k where k's bits in reverse order say, pair 0 being the first;
 *         out: X(k) / (window / 2) as pairs (real, imaginary) for k = 0 to window / 2 - 1.
 *         X(0) and X(window / 2) are real, so the place of X(0)'s imaginary part holds
 *         X(window / 2).
 * window  a power of two, at least 8
 * twiddle [2][window / 2] Q31, cosine and -sine of 2 pi k / window
 */
void kws_fft(int32_t *work, uint32_t window, const int32_t *twiddle);

#endif
