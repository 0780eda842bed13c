/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of samples form one complex number (Numerical Recipes, 12.3.2), transformed by radix-2
 * decimation in time that halves at every stage, so that nothing can overflow.
 *
 * Here and in the other files of this folder: >> of a negative number is arithmetic, as every
 * compiler for the machines in question defines it.
 */
#include "fft.h"

#include "apart.h"

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

/* Half of x times Q31's one, which is 2^-31 less than 1; |x| is at most 2^30. */
static inline int32_t halve(int32_t x)
{
    return (x - (x >> 31)) >> 1;
}

/*
 * The stages of span 1 and 2 at once. Their factors are Q31's one and -i, whose -1 is exact, so
 * that products are sums and shifts.
 */
static KWS_APART void first_stages(int32_t *z, uint32_t half)
{
    for (const int32_t *const end = z + 2 * half; z < end; z += 8) {
        const int32_t even_re = z[0] >> 1;
        const int32_t even_im = z[1] >> 1;
        const int32_t odd_re = z[4] >> 1;
        const int32_t odd_im = z[5] >> 1;
        const int32_t a_re = (even_re + halve(z[2])) >> 1;
        const int32_t a_im = (even_im + halve(z[3])) >> 1;
        const int32_t b_re = halve(odd_re + halve(z[6]));
        const int32_t b_im = halve(odd_im + halve(z[7]));
        const int32_t c_re = (even_re - halve(z[2])) >> 1;
        const int32_t c_im = (even_im - halve(z[3])) >> 1;
        const int32_t d_re = (odd_im - halve(z[7]) + 1) >> 1;
        const int32_t d_im = (halve(z[6]) - odd_re + 1) >> 1;

        z[0] = a_re + b_re;
        z[1] = a_im + b_im;
        z[2] = c_re + d_re;
        z[3] = c_im + d_im;
        z[4] = a_re - b_re;
        z[5] = a_im - b_im;
        z[6] = c_re - d_re;
        z[7] = c_im - d_im;
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

static KWS_APART void later_stages(int32_t *z, uint32_t half, const int32_t *twiddle)
{
    const int32_t *const end = z + 2 * half;

    for (uint32_t span = 4; span < half; span *= 2) {
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
static KWS_APART void join(int32_t *z, uint32_t half, const int32_t *twiddle)
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

    first_stages(work, half);
    later_stages(work, half, twiddle);
    join(work, half, twiddle);
}
