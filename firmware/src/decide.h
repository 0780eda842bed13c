/* SPDX-License-Identifier: Apache-2.0 */
/* From smoothed posteriors to detections, in integers: the twin of app/kws/decide.py. */
#ifndef KWS_DECIDE_H
#define KWS_DECIDE_H

#include <stdint.h>

#include "status.h"

struct kws_detection; /* both are kws.h's */
struct kws_model;

/* Fires for the highest of the enabled keywords when it reaches its threshold. */
struct kws_decide {
    const struct kws_model *model;
    uint64_t ready; /* the first column that may fire */
};

/* Checks the model's labels and decision, and resets. */
enum kws_status kws_decide_init(struct kws_decide *decide, const struct kws_model *model);

/* Forgets the last detection. */
enum kws_status kws_decide_reset(struct kws_decide *decide);

/* The highest enabled label and its mean posterior; sums are [labels] over `count` inferences. */
enum kws_status kws_decide_top(const struct kws_decide *decide, const uint32_t *sums,
                               uint16_t count, uint16_t *label, uint8_t *score);

/* KWS_OK where it fires at this column, counted from 0 at a reset; else KWS_NOT_READY. */
enum kws_status kws_decide_push(struct kws_decide *decide, uint64_t column, const uint32_t *sums,
                                uint16_t count, struct kws_detection *detection);

#endif
