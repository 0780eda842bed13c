/* SPDX-License-Identifier: Apache-2.0 */
/* A network as a plan of layers, run over a window or column by column: app/kws/plan.py's. */
#ifndef KWS_NETWORK_H
#define KWS_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

/* The last `rows` rows of a tensor, oldest first, in the arena. */
struct kws_buffer {
    uint32_t offset;    /* bytes from the arena's start */
    uint32_t row_bytes; /* of a row: all that has one index in time */
    uint16_t rows;
};

/* A kernel, its options, and where its operands lie. */
struct kws_layer {
    void (*run)(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch);
    const void *options;
    uint16_t a, b;             /* buffers; b is a where there is one input */
    uint16_t out;              /* buffer */
    uint16_t first_a, first_b; /* row of the buffer where the input begins */
    uint16_t rows;             /* that a run puts out, the newest ones of the buffer */
};

/*
 * A plan: each layer runs once for an output, which the last one makes. With stride 0 the input
 * buffer has all columns of a window, and each layer fills its buffer. Else the plan is a stream:
 * each column is pushed, and every `stride` columns the layers run and put out the rows that those
 * columns add, behind what their buffers hold of the rows before. The first output is there when
 * `columns` have come; until then layers compute rows from before the stream's beginning, too,
 * which none of its outputs depends on.
 */
struct kws_plan {
    const struct kws_layer *layers;
    const struct kws_buffer *buffers;
    uint16_t layer_count, buffer_count;
    uint16_t input, output; /* buffers */
    uint16_t stride, columns;
    uint32_t arena;   /* bytes in all, aligned to 8 */
    uint32_t scratch; /* offset of the scratch memory */
};

struct kws_network {
    const struct kws_plan *plan;
    int8_t *arena;
    uint16_t next;    /* layer to run: layer_count when there is no work */
    uint16_t due;     /* whether they run for this window or column */
    uint16_t wait;    /* columns of a stream up to the next run */
    uint16_t missing; /* and up to the first output */
};

/* Checks that the arena is large enough and aligned to 8, and resets. */
enum kws_status kws_network_init(struct kws_network *network, const struct kws_plan *plan,
                                 void *arena, size_t bytes);

/* Forgets all columns and unfinished work. */
void kws_network_reset(struct kws_network *network);

/* Of a window plan: where the window [columns][coefficients] goes; then start. */
int8_t *kws_network_input(struct kws_network *network);
void kws_network_start(struct kws_network *network);

/* Of a stream plan: adds one column [coefficients] and starts; the work before must be done. */
void kws_network_push(struct kws_network *network, const int8_t *column);

/* Runs the next layer: KWS_NOT_READY while there is more to do, KWS_OK at the end. */
enum kws_status kws_network_work(struct kws_network *network);

/* After the work: the output's codes, or null where this column of a stream gave none. */
const int8_t *kws_network_output(const struct kws_network *network);

#endif
