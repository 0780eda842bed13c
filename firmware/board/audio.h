/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of samples on their way from an interrupt to the main loop: one writes, one reads. */
#ifndef KWS_AUDIO_H
#define KWS_AUDIO_H

#include <stddef.h>
#include <stdint.h>

#include "frontend.h"

/* Room for the audio that arrives while the longest layer or a line on the terminal takes its time.
 */
enum {
    AUDIO_BLOCK = KWS_HOP, /* samples */
    AUDIO_BLOCKS = 8,      /* a power of two */
};

/* The interrupt's: where the next block goes; null, and its samples counted as lost, if full. */
int16_t *audio_next(void);

/* Counts samples as lost that the hardware overwrote before they got here. */
void audio_miss(size_t count);

/* Hands that block over with `count` samples in it, at most AUDIO_BLOCK. */
void audio_put(size_t count);

/* The main loop's: the oldest block and its length, or null; it stays until audio_release. */
const int16_t *audio_get(size_t *count);
void audio_release(void);

/* Samples lost so far. */
uint32_t audio_lost(void);

#endif
