/* SPDX-License-Identifier: Apache-2.0 */
/* kws: a keyword spotter, from samples to detections, in the caller's memory. */
#ifndef KWS_H
#define KWS_H

#include <stddef.h>
#include <stdint.h>

#include "columns.h"
#include "decide.h"
#include "mfcc.h"
#include "network.h"
#include "ring.h"
#include "smooth.h"
#include "status.h"

/* An exported model: what `kws-export` writes as `kws_model`. */
struct kws_model {
    const struct kws_tables *front_end;
    const struct kws_plan *plan;
    const char *const *labels;
    const uint8_t *enabled; /* [label_count] 1 for what can be detected */
    uint16_t label_count;
    uint16_t smoothing;  /* inferences in the moving mean */
    uint16_t threshold;  /* mean posterior, 1 to 255 in steps of 1 / 256 */
    uint16_t refractory; /* columns from a detection to the next one possible */
    uint16_t hop;        /* columns from one inference to the next */
};

/* One keyword heard. */
struct kws_detection {
    uint64_t column;     /* its last column, counted from 0 */
    uint64_t end;        /* samples from the start to the end of that column */
    uint16_t label;      /* index into the model's labels */
    uint8_t score;       /* mean posterior in steps of 1 / 256 */
    const char *keyword; /* its label */
};

/* A spotter: fill it with `kws_init`; what is inside is its own. */
struct kws {
    const struct kws_model *model;
    struct kws_ring ring;
    struct kws_mfcc mfcc;
    struct kws_columns fifo;
    struct kws_network network;
    struct kws_smooth smooth;
    struct kws_decide decide;
    uint64_t columns; /* made so far */
    uint64_t judged;  /* column that the network is at work on */
    int working;
    void (*detected)(void *context, const struct kws_detection *detection);
    void *context;
};

/* The version of the firmware, "1.2.3". */
const char *kws_version(void);

/* Bytes that `kws_init` needs for a model. */
size_t kws_memory(const struct kws_model *model);

/* Prepares a spotter in `memory`, aligned to 8; `detected` is called for each detection. */
enum kws_status kws_init(struct kws *kws, const struct kws_model *model, void *memory, size_t bytes,
                         void (*detected)(void *context, const struct kws_detection *detection),
                         void *context);

/* Starts anew, at time 0. */
enum kws_status kws_reset(struct kws *kws);

/* All that these samples lead to: int16 mono at the front-end's rate, blocks of any size. */
enum kws_status kws_feed(struct kws *kws, const int16_t *samples, size_t count);

/*
 * The same in slices, for a main loop that must come back soon.
 *
 * kws_take takes samples up to the end of the next column and advances both arguments: KWS_OK
 * after a column, KWS_NOT_READY when all samples are taken. kws_work does the next piece of the
 * network's work: KWS_NOT_READY while there is more. Any order of the two gives the same
 * detections; kws_take finishes work that is left over where it would be overtaken.
 */
enum kws_status kws_take(struct kws *kws, const int16_t **samples, size_t *count);
enum kws_status kws_work(struct kws *kws);

#endif
