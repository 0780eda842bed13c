/* SPDX-License-Identifier: Apache-2.0 */
/* The moving sum of posteriors, in integers: the twin of app/kws/smooth.py. */
#ifndef KWS_SMOOTH_H
#define KWS_SMOOTH_H

#include <stdint.h>

#include "status.h"

/* Sums over the last `length` inferences of posteriors' codes that count from 0: 0 to 255. */
struct kws_smooth {
    uint8_t *history; /* [length][labels], the caller's */
    uint32_t *sums;   /* [labels], the caller's */
    uint16_t labels;
    uint16_t length;
    uint16_t next;  /* row of the history that the next inference replaces */
    uint16_t count; /* inferences in the sums */
};

/* Takes the sizes and the memory, and resets. */
enum kws_status kws_smooth_init(struct kws_smooth *smooth, uint8_t *history, uint32_t *sums,
                                uint16_t labels, uint16_t length);

/* Forgets all posteriors. */
enum kws_status kws_smooth_reset(struct kws_smooth *smooth);

/* Adds one inference, the network's int8 codes [labels]; then smooth->sums and count hold. */
enum kws_status kws_smooth_push(struct kws_smooth *smooth, const int8_t *posteriors);

#endif
