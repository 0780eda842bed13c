/* SPDX-License-Identifier: Apache-2.0 */
/* kws: a keyword spotter, from samples to detections, in the caller's memory. */
#ifndef KWS_H
#define KWS_H

#include <stddef.h>
#include <stdint.h>

/* What a spotter is made of, for its size; line.h alone has something to call. */
#include "columns.h"
#include "decide.h"
#include "line.h"
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
    const uint8_t *thresholds; /* [label_count] mean posteriors in steps of 1 / 256; 0: never */
    uint16_t label_count;
    uint16_t smoothing;  /* inferences in the moving mean */
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
    struct kws_columns fifo; /* unused by streams, whose network keeps what it needs */
    struct kws_network network;
    struct kws_smooth smooth;
    struct kws_decide decide;
    int8_t *column;   /* [coefficients] the newest */
    uint64_t columns; /* made so far */
    uint64_t judged;  /* column that the network is at work on */
    int working;
    void (*detected)(void *context, const struct kws_detection *detection);
    void *context;
};

/* The version of the firmware, "1.2.3". */
const char *kws_version(void);

/* Bytes that `kws_init` needs for a model; 0 where the model cannot be. */
size_t kws_memory(const struct kws_model *model);

/*
 * Prepares a spotter in `memory`, aligned to 8, which is its own from then on.
 *
 * `detected` is called for each detection, from inside the calls below; it may not call them.
 * KWS_BAD_ARGUMENT: too little memory, or a model whose parts do not fit together.
 */
enum kws_status kws_init(struct kws *kws, const struct kws_model *model, void *memory, size_t bytes,
                         void (*detected)(void *context, const struct kws_detection *detection),
                         void *context);

/* Starts anew, at time 0. */
enum kws_status kws_reset(struct kws *kws);

/* All that these samples lead to: int16 mono at the front-end's rate, blocks of any size. */
enum kws_status kws_feed(struct kws *kws, const int16_t *samples, size_t count);

/* Detections in the caller's memory, for one who would rather look than be called. */
struct kws_list {
    struct kws_detection *detections; /* [size] */
    size_t size;
    size_t count; /* detected so far; more than `size` are not kept */
};

/* A `detected` for kws_init whose context is a struct kws_list. */
void kws_keep(void *context, const struct kws_detection *detection);

/* The highest keyword of the last inference and its mean posterior; KWS_NOT_READY before one. */
enum kws_status kws_top(const struct kws *kws, uint16_t *label, uint8_t *score);

/*
 * The same as kws_feed in slices, for a main loop that must come back soon.
 *
 * kws_take takes samples up to the end of the next column and advances both arguments: KWS_OK
 * after a column, KWS_NOT_READY when all samples are taken. kws_work runs the next layer of the
 * network: KWS_NOT_READY while there is more to do. Any order of the two gives the same
 * detections: work that is left over where a new decision begins, or with a stream's next column,
 * is done by kws_take first.
 *
 * With audio in two halves that DMA fills in turn, each half is free again as soon as its samples
 * are taken, and it is overwritten one half's time after it was filled:
 *
 *     for (;;) {
 *         if (filled) {                     // by the interrupt: a half and its number
 *             samples = half, count = HALF;
 *             filled = NULL;
 *             while (kws_take(&kws, &samples, &count) == KWS_OK) {
 *             }
 *         } else if (kws_work(&kws) == KWS_OK) {
 *             sleep until an interrupt  // firmware/board/main.c: without missing one
 *         }
 *     }
 *
 * Nothing is lost where a layer and the columns of a half take less than the half's time
 * together, and all layers with `hop` columns less than the time of `hop` columns, those of a
 * stream with one column less than that of one: then no work is left over for kws_take.
 * tests/test_slices.py plays this with what the layers take.
 */
enum kws_status kws_take(struct kws *kws, const int16_t **samples, size_t *count);
enum kws_status kws_work(struct kws *kws);

#endif
