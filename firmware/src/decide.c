/* SPDX-License-Identifier: Apache-2.0 */
#include "decide.h"

#include "kws.h"

static int enabled_labels(const struct kws_model *model)
{
    int count = 0;

    for (uint16_t i = 0; i < model->label_count; i++) {
        count += model->thresholds[i] != 0;
    }
    return count;
}

enum kws_status kws_decide_init(struct kws_decide *decide, const struct kws_model *model)
{
    if (!decide || !model || !model->front_end || !model->labels || !model->thresholds ||
        enabled_labels(model) == 0) {
        return KWS_BAD_ARGUMENT;
    }
    decide->model = model;
    return kws_decide_reset(decide);
}

enum kws_status kws_decide_reset(struct kws_decide *decide)
{
    if (!decide) {
        return KWS_BAD_ARGUMENT;
    }
    decide->ready = 0;
    return KWS_OK;
}

enum kws_status kws_decide_top(const struct kws_decide *decide, const uint32_t *sums,
                               uint16_t count, uint16_t *label, uint8_t *score)
{
    if (!decide || !decide->model || !sums || count == 0 || !label || !score) {
        return KWS_BAD_ARGUMENT;
    }

    const struct kws_model *model = decide->model;
    uint16_t best = model->label_count;

    for (uint16_t i = 0; i < model->label_count; i++) {
        if (model->thresholds[i] && (best == model->label_count || sums[i] > sums[best])) {
            best = i;
        }
    }
    *label = best;
    *score = (uint8_t)(sums[best] / count);
    return KWS_OK;
}

enum kws_status kws_decide_push(struct kws_decide *decide, uint64_t column, const uint32_t *sums,
                                uint16_t count, struct kws_detection *detection)
{
    uint16_t label;
    uint8_t score;
    const enum kws_status status = kws_decide_top(decide, sums, count, &label, &score);

    if (status != KWS_OK || !detection) {
        return KWS_BAD_ARGUMENT;
    }

    const struct kws_model *model = decide->model;

    if (column < decide->ready || score < model->thresholds[label]) {
        return KWS_NOT_READY;
    }
    decide->ready = column + model->refractory;
    *detection = (struct kws_detection){
        .column = column,
        .end = model->front_end->window + column * model->front_end->hop,
        .label = label,
        .score = score,
        .keyword = model->labels[label],
    };
    return KWS_OK;
}
