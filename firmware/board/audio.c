/* SPDX-License-Identifier: Apache-2.0 */
#include "audio.h"

static int16_t blocks[AUDIO_BLOCKS][AUDIO_BLOCK];
static size_t counts[AUDIO_BLOCKS];
static volatile uint32_t written; /* by the interrupt alone; both wrap around */
static volatile uint32_t read;    /* by the main loop alone */
static volatile uint32_t lost;

/* The block is complete before the other side sees it; one core: the compiler's order is enough. */
static inline void settle(void)
{
    __asm volatile("" ::: "memory");
}

void audio_miss(size_t count)
{
    lost += (uint32_t)count;
}

int16_t *audio_next(void)
{
    if (written - read == AUDIO_BLOCKS) {
        audio_miss(AUDIO_BLOCK);
        return NULL;
    }
    return blocks[written % AUDIO_BLOCKS];
}

void audio_put(size_t count)
{
    counts[written % AUDIO_BLOCKS] = count;
    settle();
    written++;
}

const int16_t *audio_get(size_t *count)
{
    if (read == written) {
        return NULL;
    }
    settle();
    *count = counts[read % AUDIO_BLOCKS];
    return blocks[read % AUDIO_BLOCKS];
}

void audio_release(void)
{
    settle();
    read++;
}

uint32_t audio_lost(void)
{
    return lost;
}
