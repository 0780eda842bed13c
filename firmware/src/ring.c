/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <string.h>

enum kws_status kws_ring_init(struct kws_ring *ring, int16_t *frame, size_t window, size_t hop)
{
    if (!ring || !frame || hop == 0 || hop > window) {
        return KWS_BAD_ARGUMENT;
    }
    *ring = (struct kws_ring){.frame = frame, .window = window, .hop = hop, .held = 0};
    return KWS_OK;
}

enum kws_status kws_ring_reset(struct kws_ring *ring)
{
    if (!ring) {
        return KWS_BAD_ARGUMENT;
    }
    ring->held = 0;
    return KWS_OK;
}

enum kws_status kws_ring_push(struct kws_ring *ring, const int16_t **samples, size_t *count)
{
    if (!ring || !ring->frame || !samples || !count || (*count && !*samples)) {
        return KWS_BAD_ARGUMENT;
    }
    if (*count == 0) {
        return KWS_NOT_READY;
    }
    if (ring->held == ring->window) { /* the frame has been read: its first hop leaves */
        ring->held -= ring->hop;
        memmove(ring->frame, ring->frame + ring->hop, ring->held * sizeof *ring->frame);
    }

    const size_t missing = ring->window - ring->held;
    const size_t taken = *count < missing ? *count : missing;

    memcpy(ring->frame + ring->held, *samples, taken * sizeof *ring->frame);
    ring->held += taken;
    *samples += taken;
    *count -= taken;
    return ring->held == ring->window ? KWS_OK : KWS_NOT_READY;
}
