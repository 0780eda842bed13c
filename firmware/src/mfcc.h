/* SPDX-License-Identifier: Apache-2.0 */
/* From frames of samples to int8 columns, in integers: the twin of app/kws/mfcc.py. */
#ifndef KWS_MFCC_H
#define KWS_MFCC_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"
#include "tables.h"

/* A front-end's columns; it keeps no state between frames. */
struct kws_mfcc {
    const struct kws_tables *tables;
    int32_t *work; /* [tables->window], the caller's, overwritten by every frame */
};

/* Checks the tables' sizes and keeps the two pointers. */
enum kws_status kws_mfcc_init(struct kws_mfcc *mfcc, const struct kws_tables *tables,
                              int32_t *work);

/* One column [coefficients] from one frame [window]. */
enum kws_status kws_mfcc_column(const struct kws_mfcc *mfcc, const int16_t *frame, int8_t *column);

/*
 * The columns of `frames` frames, the first at samples[0], each `hop` samples after the one
 * before: samples [(frames - 1) * hop + window], columns [frames][coefficients].
 */
enum kws_status kws_mfcc_clip(const struct kws_mfcc *mfcc, const int16_t *samples, size_t hop,
                              size_t frames, int8_t *columns);

#endif
