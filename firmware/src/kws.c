/* SPDX-License-Identifier: Apache-2.0 */
/* The whole chain, from samples to detections: the twin of app/kws/spotter.py. */
#include "kws.h"

/* Whether there is an inference when so many columns have been made. */
static int is_due(const struct kws_model *model, uint64_t columns)
{
    const uint32_t window = model->front_end->columns;

    return columns >= window && (columns - window) % model->hop == 0;
}

/* What the network says of a column leads to a detection, or not. */
static void judge(struct kws *kws)
{
    const int8_t *posteriors = kws_network_output(&kws->network);
    struct kws_detection detection;

    if (posteriors && is_due(kws->model, kws->judged + 1)) {
        kws_smooth_push(&kws->smooth, posteriors);
        if (kws_decide_push(&kws->decide, kws->judged, kws->smooth.sums, kws->smooth.count,
                            &detection) == KWS_OK) {
            kws->detected(kws->context, &detection);
        }
    }
}

/* A stream's network takes every column; a window's takes all of them when it is due. */
static void start_network(struct kws *kws)
{
    const int streams = kws->model->plan->stride != 0;

    if (!streams && !is_due(kws->model, kws->columns)) {
        return;
    }
    while (kws_work(kws) == KWS_NOT_READY) { /* what is left over */
    }
    if (streams) {
        kws_network_push(&kws->network, kws->column);
    } else {
        kws_columns_window(&kws->fifo, kws_network_input(&kws->network));
        kws_network_start(&kws->network);
    }
    kws->judged = kws->columns - 1;
    kws->working = kws->network.due;
}

enum kws_status kws_take(struct kws *kws, const int16_t **samples, size_t *count)
{
    if (!kws || !kws->model) {
        return KWS_BAD_ARGUMENT;
    }

    const enum kws_status status = kws_ring_push(&kws->ring, samples, count);

    if (status == KWS_OK) {
        kws_mfcc_column(&kws->mfcc, kws->ring.frame, kws->column);
        kws->columns++;
        if (kws->model->plan->stride == 0) {
            kws_columns_push(&kws->fifo, kws->column);
        }
        start_network(kws);
    }
    return status;
}

enum kws_status kws_work(struct kws *kws)
{
    if (!kws || !kws->model) {
        return KWS_BAD_ARGUMENT;
    }
    if (kws->working) {
        if (kws_network_work(&kws->network) == KWS_NOT_READY) {
            return KWS_NOT_READY;
        }
        kws->working = 0;
        judge(kws);
    }
    return KWS_OK;
}

enum kws_status kws_feed(struct kws *kws, const int16_t *samples, size_t count)
{
    enum kws_status status;

    while ((status = kws_take(kws, &samples, &count)) == KWS_OK) {
        while (kws_work(kws) == KWS_NOT_READY) {
        }
    }
    return status == KWS_NOT_READY ? KWS_OK : status;
}

void kws_keep(void *context, const struct kws_detection *detection)
{
    struct kws_list *list = context;

    if (list->count < list->size) {
        list->detections[list->count] = *detection;
    }
    list->count++;
}

enum kws_status kws_top(const struct kws *kws, uint16_t *label, uint8_t *score)
{
    if (!kws || !kws->model) {
        return KWS_BAD_ARGUMENT;
    }
    if (kws->smooth.count == 0) {
        return KWS_NOT_READY;
    }
    return kws_decide_top(&kws->decide, kws->smooth.sums, kws->smooth.count, label, score);
}
