/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of samples form one complex number (Numerical Recipes, 12.3.2), transformed by radix-2
 * decimation in time that halves at every stage, so that nothing can overflow.
 *
 * Here and in the other files of this folder: >> of a negative number is arithmetic, as every
 * compiler for the machines in question defines it.
 */
#include "fft.h"

/* The high word, rounded, of a 64-bit sum of products: SMULL, SMLAL, ADDS, ADC on Cortex-M. */
static inline int32_t high_word(int64_t sum)
{
    return (int32_t)((sum + INT64_C(0x80000000)) >> 32);
}

/* Real and imaginary part of the complex product (a + bi)(c + di) / 2, c and d in Q31. */
static inline int32_t product_re(int32_t a, int32_t b, int32_t c, int32_t d)
{
    return high_word((int64_t)a * c + (int64_t)-b * d);
}

static inline int32_t product_im(int32_t a, int32_t b, int32_t c, int32_t d)
{
    return high_word((int64_t)a * d + (int64_t)b * c);
}

static void swap_pairs(int32_t *z, uint32_t a, uint32_t b)
{
    const int32_t re = z[2 * a];
    const int32_t im = z[2 * a + 1];

    z[2 * a] = z[2 * b];
    z[2 * a + 1] = z[2 * b + 1];
    z[2 * b] = re;
    z[2 * b + 1] = im;
}

/* Puts complex number k where the number with k's bits in reverse order was. */
static void reverse_bits(int32_t *z, uint32_t half)
{
    uint32_t reversed = 0;

    for (uint32_t k = 0; k < half; k++) {
        if (k < reversed) {
            swap_pairs(z, k, reversed);
        }
        uint32_t bit = half >> 1; /* add one from the top, carrying downwards */
        while (reversed & bit) {
            reversed ^= bit;
            bit >>= 1;
        }
        reversed |= bit;
    }
}

/* (a, b) becomes (a + wb, a - wb) / 2. */
static inline void butterfly(int32_t *a, int32_t *b, int32_t cosine, int32_t sine)
{
    const int32_t b_re = b[0];
    const int32_t b_im = b[1];
    const int32_t re = product_re(b_re, b_im, cosine, sine);
    const int32_t im = product_im(b_re, b_im, cosine, sine);
    const int32_t a_re = a[0] >> 1;
    const int32_t a_im = a[1] >> 1;

    a[0] = a_re + re;
    a[1] = a_im + im;
    b[0] = a_re - re;
    b[1] = a_im - im;
}

static void transform(int32_t *z, uint32_t half, const int32_t *twiddle)
{
    const int32_t *const end = z + 2 * half;

    for (uint32_t span = 1; span < half; span *= 2) {
        const int32_t *w = twiddle;

        for (int32_t *first = z; first < z + 2 * span; first += 2) {
            const int32_t cosine = w[0];
            const int32_t sine = w[half];

            for (int32_t *a = first; a < end; a += 4 * span) {
                butterfly(a, a + 2 * span, cosine, sine);
            }
            w += half / span;
        }
    }
}

/* Separates the spectra of the even and odd samples and joins them, bin k and its mirror. */
static void join(int32_t *z, uint32_t half, const int32_t *twiddle)
{
    const int32_t re = z[0];
    const int32_t im = high_word((int64_t)(2 * z[1]) * INT32_MAX);

    z[0] = re + im;
    z[1] = re + high_word((int64_t)(2 * z[1]) * -INT32_MAX);
    for (uint32_t k = 1; k <= half / 2; k++) {
        const uint32_t m = half - k;
        const int32_t even_re = z[2 * k] + z[2 * m];
        const int32_t even_im = z[2 * k + 1] - z[2 * m + 1];
        const int32_t odd_re = z[2 * k + 1] + z[2 * m + 1];
        const int32_t odd_im = z[2 * m] - z[2 * k];
        const int32_t *c = twiddle;
        const int32_t *s = twiddle + half;

        z[2 * k] = (even_re >> 1) + product_re(odd_re, odd_im, c[k], s[k]);
        z[2 * k + 1] = (even_im >> 1) + product_im(odd_re, odd_im, c[k], s[k]);
        z[2 * m] = (even_re >> 1) + product_re(odd_re, -odd_im, c[m], s[m]);
        z[2 * m + 1] = (-even_im >> 1) + product_im(odd_re, -odd_im, c[m], s[m]);
    }
}

void kws_fft(int32_t *work, uint32_t window, const int32_t *twiddle)
{
    const uint32_t half = window / 2;

    reverse_bits(work, half);
    transform(work, half, twiddle);
    join(work, half, twiddle);
}
