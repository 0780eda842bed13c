/* SPDX-License-Identifier: Apache-2.0 */
#include "mfcc.h"

#include "fft.h"

/* Bits of a number: 0 for 0, else 1 + floor(log2). */
static uint32_t bit_length(uint64_t value)
{
    return value ? 64U - (uint32_t)__builtin_clzll(value) : 0;
}

static inline uint32_t magnitude(int32_t sample)
{
    return (uint32_t)((sample ^ (sample >> 31)) - (sample >> 31));
}

/* Left shifts that bring the frame's peak to full scale: 0 to 16. */
static uint32_t normalising_shift(const int16_t *frame, uint32_t window)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < window; i += 2) {
        bits |= magnitude(frame[i]) | magnitude(frame[i + 1]);
    }
    return 16 - bit_length(bits);
}

/* Half of a sample, shifted into Q31, times its weight in Q31, rounded. */
static inline int32_t weigh(int32_t sample, uint32_t shift, int32_t weight)
{
    const int32_t shifted = (int32_t)((uint32_t)sample << shift);

    return (int32_t)(((int64_t)shifted * weight + INT64_C(0x80000000)) >> 32);
}

/* Leaves the samples under the window in pairs, where kws_fft expects them. */
static void apply_window(int32_t *work, const int16_t *frame, uint32_t shift,
                         const struct kws_tables *t)
{
    const uint32_t half = t->window / 2;
    const int32_t *weight = t->weight;
    uint32_t place = 0;

    for (uint32_t k = 0;;) {
        work[2 * place] = weigh(frame[0], shift + 15, weight[0]);
        work[2 * place + 1] = weigh(frame[1], shift + 15, weight[1]);
        if (++k == half) {
            return;
        }
        frame += 2;
        weight += 2;
        place = kws_fft_next(place, half);
    }
}

static inline uint64_t power(int32_t re, int32_t im)
{
    return (uint64_t)((int64_t)re * re + (int64_t)im * im) >> KWS_POWER_SHIFT;
}

/* log2 in Q24 of energies >= 2^11, by a table with linear interpolation. */
static int32_t log2_q24(uint64_t energy, const int32_t *table)
{
    const uint32_t exponent = bit_length(energy) - 1;
    const uint32_t fraction = (uint32_t)((energy << (63 - exponent)) >> 32) & 0x7fffffffU;
    const uint32_t piece = fraction / (0x80000000U / KWS_LOG_SEGMENTS);
    const int32_t rest = (int32_t)(fraction & 0xffffffU);
    const int32_t low = table[piece];
    const int32_t slope = table[piece + 1] - low;

    return (int32_t)(exponent << KWS_LOG_BITS) + low + (int32_t)(((int64_t)slope * rest) >> 24);
}

/*
 * Replaces the spectrum by the log energies of the mel bands: work [mels].
 *
 * Slope s rises in band s and falls in band s - 1, so one pass over the bins is enough. Every
 * band has a bin and bands two apart share none, so that at least m / 2 + 1 bins (a pair each)
 * have been read when band m is written to work[m]: nothing unread is overwritten.
 */
static void log_mel(int32_t *work, uint32_t shift, const struct kws_tables *t)
{
    const uint32_t half = t->window / 2;
    const int32_t last = work[1]; /* X(window / 2), see fft.h */
    uint64_t band = 0;

    work[1] = 0;
    for (uint32_t slope = 0; slope <= t->mels; slope++) {
        const uint32_t stop = (uint32_t)t->mel_first[slope + 1];
        uint64_t rising = 0;
        uint64_t all = 0;

        for (uint32_t k = (uint32_t)t->mel_first[slope]; k < stop; k++) {
            const uint64_t p = k < half ? power(work[2 * k], work[2 * k + 1]) : power(last, 0);
            rising += p * (uint32_t)t->mel_weight[k];
            all += p;
        }
        if (slope > 0) {
            band += (all << KWS_MEL_BITS) - rising;
            band += (uint64_t)t->mel_floor[slope - 1] << (2 * shift);
            work[slope - 1] = log2_q24(band, t->log) - (int32_t)(shift << (KWS_LOG_BITS + 1));
        }
        band = rising;
    }
}

static int8_t saturate(int64_t value)
{
    return (int8_t)(value < INT8_MIN ? INT8_MIN : value > INT8_MAX ? INT8_MAX : value);
}

/* The matrix that is DCT, normalisation and quantisation in one, two coefficients at a time. */
static void project(const int32_t *log, int8_t *column, const struct kws_tables *t)
{
    for (uint32_t c = 0; c < t->coefficients; c += 2) {
        const uint32_t d = c + 1 < t->coefficients ? c + 1 : c;
        const int32_t *row = t->matrix + c * t->mels;
        const int32_t *next = t->matrix + d * t->mels;
        int64_t sum = t->bias[c];
        int64_t other = t->bias[d];

        for (const int32_t *at = log; at < log + t->mels; at++) {
            sum += (int64_t)*at * *row++;
            other += (int64_t)*at * *next++;
        }
        column[c] = saturate(sum >> (KWS_MATRIX_BITS + KWS_LOG_BITS));
        column[d] = saturate(other >> (KWS_MATRIX_BITS + KWS_LOG_BITS));
    }
}

static void compute(const struct kws_mfcc *mfcc, const int16_t *frame, int8_t *column)
{
    const struct kws_tables *t = mfcc->tables;
    const uint32_t shift = normalising_shift(frame, t->window);

    apply_window(mfcc->work, frame, shift, t);
    kws_fft(mfcc->work, t->window, t->twiddle);
    log_mel(mfcc->work, shift, t);
    project(mfcc->work, column, t);
}

enum kws_status kws_mfcc_init(struct kws_mfcc *mfcc, const struct kws_tables *tables, int32_t *work)
{
    if (!mfcc || !tables || !work) {
        return KWS_BAD_ARGUMENT;
    }
    if (tables->window < 8 || (tables->window & (tables->window - 1)) || tables->hop == 0 ||
        tables->hop > tables->window || tables->coefficients == 0 || tables->mels == 0 ||
        tables->mels > tables->window) {
        return KWS_BAD_ARGUMENT;
    }
    mfcc->tables = tables;
    mfcc->work = work;
    return KWS_OK;
}

enum kws_status kws_mfcc_column(const struct kws_mfcc *mfcc, const int16_t *frame, int8_t *column)
{
    if (!mfcc || !mfcc->tables || !frame || !column) {
        return KWS_BAD_ARGUMENT;
    }
    compute(mfcc, frame, column);
    return KWS_OK;
}

enum kws_status kws_mfcc_clip(const struct kws_mfcc *mfcc, const int16_t *samples, size_t hop,
                              size_t frames, int8_t *columns)
{
    if (!mfcc || !mfcc->tables || !samples || !columns) {
        return KWS_BAD_ARGUMENT;
    }
    for (size_t i = 0; i < frames; i++) {
        compute(mfcc, samples + i * hop, columns + i * mfcc->tables->coefficients);
    }
    return KWS_OK;
}
