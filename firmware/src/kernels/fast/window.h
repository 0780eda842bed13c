/* SPDX-License-Identifier: Apache-2.0 */
/* The codes under a convolution's kernel, place after place. */
#ifndef KWS_WINDOW_H
#define KWS_WINDOW_H

#include "kernels/column.h"

/* Where the kernel stands, and what does not change as it moves. */
struct kws_window {
    const struct kws_shape *in;
    const struct kws_taps *taps;
    const int8_t *codes;
    int8_t *gathered;
    int32_t zero;
    uint32_t x, y, width; /* of the output */
    int32_t top, left;    /* of the kernel in the input */
    uint32_t tops, lefts; /* up to these it lies inside */
    int32_t pitch, run;   /* codes from row to row, and in a row of the kernel */
    uint32_t rows;
};

static inline struct kws_window kws_window(const struct kws_shape *in, const struct kws_taps *taps,
                                           uint32_t width, int32_t zero, const int8_t *codes,
                                           int8_t *gathered)
{
    const int32_t down = in->height - (taps->height - 1) * taps->dilation_height;
    const int32_t right = in->width - (taps->width - 1) * taps->dilation_width;
    const int gaps = taps->width > 1 && taps->dilation_width > 1; /* within a row of the kernel */
    struct kws_window w = {.in = in,
                           .taps = taps,
                           .codes = codes,
                           .gathered = gathered,
                           .zero = zero,
                           .width = width,
                           .top = -taps->top,
                           .left = -taps->left,
                           .tops = !gaps && down > 0 ? (uint32_t)down : 0,
                           .lefts = right > 0 ? (uint32_t)right : 0,
                           .pitch = in->width * in->depth * taps->dilation_height,
                           .run = taps->width * in->depth,
                           .rows = taps->height};

    if (w.pitch == w.run) { /* the rows follow each other: one long row */
        w.run *= taps->height;
        w.rows = 1;
    }
    return w;
}

/* Whether the kernel lies within the input, and without gaps in a row. */
static inline int kws_window_inside(const struct kws_window *w)
{
    return (uint32_t)w->top < w->tops && (uint32_t)w->left < w->lefts;
}

/* The first code under a kernel that lies inside. */
static inline const int8_t *kws_window_first(const struct kws_window *w)
{
    return w->codes + (w->top * w->in->width + w->left) * w->in->depth;
}

/* All codes under the kernel in a row, [taps.height][taps.width][in.depth]. */
static inline const int8_t *kws_window_column(const struct kws_window *w)
{
    if (!kws_window_inside(w)) {
        return kws_column(w->in, w->taps, w->codes, w->y, w->x, w->zero, w->gathered);
    }

    const int8_t *from = kws_window_first(w);

    if (w->rows == 1) {
        return from;
    }
    for (int8_t *to = w->gathered, *end = to + w->rows * (uint32_t)w->run; to < end;
         from += w->pitch) {
        to = kws_copy_run(to, from, w->run);
    }
    return w->gathered;
}

/* To the next place. */
static inline void kws_window_move(struct kws_window *w)
{
    w->left += w->taps->stride_width;
    if (++w->x == w->width) {
        w->x = 0;
        w->left = -w->taps->left;
        ++w->y;
        w->top += w->taps->stride_height;
    }
}

/* What is under the kernel; then it moves on. */
static inline const int8_t *kws_window_next(struct kws_window *w)
{
    const int8_t *column = kws_window_column(w);

    kws_window_move(w);
    return column;
}

#endif
