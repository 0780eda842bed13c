/* SPDX-License-Identifier: Apache-2.0 */
/* The last columns of a stream, which are the model's input: the twin of app/kws/columns.py. */
#ifndef KWS_COLUMNS_H
#define KWS_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

/* The last `columns` columns of `coefficients` values each. */
struct kws_columns {
    int8_t *ring; /* [columns][coefficients], the caller's */
    size_t columns;
    size_t coefficients;
    size_t next; /* where the next column goes: the oldest's place once all are filled */
    size_t held;
};

enum kws_status kws_columns_init(struct kws_columns *fifo, int8_t *ring, size_t columns,
                                 size_t coefficients);

/* Forgets all columns. */
enum kws_status kws_columns_reset(struct kws_columns *fifo);

/* Adds a column [coefficients]; the oldest leaves where the places are filled. */
enum kws_status kws_columns_push(struct kws_columns *fifo, const int8_t *column);

/* Copies all columns, oldest first, to window [columns][coefficients]; KWS_NOT_READY until full. */
enum kws_status kws_columns_window(const struct kws_columns *fifo, int8_t *window);

#endif
