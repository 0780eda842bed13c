/* SPDX-License-Identifier: Apache-2.0 */
/* From a stream of samples to overlapping frames: the twin of app/kws/ring.py. */
#ifndef KWS_RING_H
#define KWS_RING_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

/* Frames of `window` samples, one every `hop`, from blocks of any size. */
struct kws_ring {
    int16_t *frame; /* [window], the caller's: the frame that is being filled */
    size_t window;
    size_t hop;
    size_t held; /* samples in it */
};

/* 0 < hop <= window. */
enum kws_status kws_ring_init(struct kws_ring *ring, int16_t *frame, size_t window, size_t hop);

/* Forgets all samples: the next frame starts at the next sample. */
enum kws_status kws_ring_reset(struct kws_ring *ring);

/*
 * Takes samples up to the end of the next frame, and advances both arguments past them.
 *
 * KWS_OK: a frame stands in ring->frame until the next call, and samples may be left.
 * KWS_NOT_READY: all samples are taken and the next frame still lacks some.
 *
 *     while (kws_ring_push(&ring, &samples, &count) == KWS_OK)
 *         ... ring.frame ...
 *
 * Not for an interrupt and the main loop at the same time.
 */
enum kws_status kws_ring_push(struct kws_ring *ring, const int16_t **samples, size_t *count);

#endif
