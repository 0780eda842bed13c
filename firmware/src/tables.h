/* SPDX-License-Identifier: Apache-2.0 */
/* The front-end's sizes and constants, computed in Python (app/kws/tables.py). */
#ifndef KWS_TABLES_H
#define KWS_TABLES_H

#include <stdint.h>

/* The formats of the tables: the same names and values as in app/kws/tables.py. */
enum {
    KWS_POWER_SHIFT = 11,   /* bits dropped from a bin's power before the mel sum */
    KWS_MEL_BITS = 15,      /* fraction bits of a mel weight */
    KWS_LOG_BITS = 24,      /* fraction bits of log2 */
    KWS_LOG_SEGMENTS = 128, /* linear pieces per octave of the log2 table */
    KWS_MATRIX_BITS = 18,   /* fraction bits of the matrix that ends the front-end */
};

struct kws_tables {
    uint32_t sample_rate;  /* Hz */
    uint32_t window;       /* samples a frame, a power of two */
    uint32_t hop;          /* samples from one frame to the next */
    uint32_t mels;         /* mel bands */
    uint32_t coefficients; /* values a column */
    uint32_t columns;      /* columns that the model sees */

    const int32_t *weight;     /* [window] Q31, Hann */
    const int32_t *twiddle;    /* [2][window / 2] Q31, cosine and -sine of 2 pi k / window */
    const int32_t *mel_first;  /* [mels + 2] first bin of each rising slope */
    const int32_t *mel_weight; /* [window / 2 + 1] Q15, the rising share of a bin */
    const int64_t *mel_floor;  /* [mels] the noise floor's energy, at no normalising shift */
    const int32_t *log;        /* [KWS_LOG_SEGMENTS + 1] Q24, log2(1 + k / KWS_LOG_SEGMENTS) */
    const int32_t *matrix;     /* [coefficients][mels] Q18 */
    const int64_t *bias;       /* [coefficients] Q42 */
};

#endif
