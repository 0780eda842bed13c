/* SPDX-License-Identifier: Apache-2.0 */
#include "columns.h"

#include <string.h>

enum kws_status kws_columns_init(struct kws_columns *fifo, int8_t *ring, size_t columns,
                                 size_t coefficients)
{
    if (!fifo || !ring || columns == 0 || coefficients == 0) {
        return KWS_BAD_ARGUMENT;
    }
    *fifo = (struct kws_columns){.ring = ring, .columns = columns, .coefficients = coefficients};
    return KWS_OK;
}

enum kws_status kws_columns_reset(struct kws_columns *fifo)
{
    if (!fifo) {
        return KWS_BAD_ARGUMENT;
    }
    fifo->next = 0;
    fifo->held = 0;
    return KWS_OK;
}

enum kws_status kws_columns_push(struct kws_columns *fifo, const int8_t *column)
{
    if (!fifo || !fifo->ring || !column) {
        return KWS_BAD_ARGUMENT;
    }
    memcpy(fifo->ring + fifo->next * fifo->coefficients, column, fifo->coefficients);
    fifo->next = fifo->next + 1 < fifo->columns ? fifo->next + 1 : 0;
    fifo->held += fifo->held < fifo->columns;
    return KWS_OK;
}

enum kws_status kws_columns_window(const struct kws_columns *fifo, int8_t *window)
{
    if (!fifo || !fifo->ring || !window) {
        return KWS_BAD_ARGUMENT;
    }
    if (fifo->held < fifo->columns) {
        return KWS_NOT_READY;
    }

    const size_t newest = fifo->next * fifo->coefficients;
    const size_t oldest = fifo->columns * fifo->coefficients - newest;

    memcpy(window, fifo->ring + newest, oldest);
    memcpy(window + oldest, fifo->ring, newest);
    return KWS_OK;
}
