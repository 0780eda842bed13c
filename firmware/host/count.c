/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what an emulated Cortex-M executes: the callback that app/kws/emulate.py gives unicorn. */
#include <stdint.h>

struct kws_count {
    const uint8_t *code; /* a copy of the emulated memory */
    uint64_t base;       /* the address of its first byte */
    uint64_t size;
    uint64_t instructions;
    uint64_t limit; /* of instructions: the engine stops before the block that finds it */
    int (*stop)(void *engine);
    uint64_t stopped; /* 1: that is why the engine stopped */
};

void kws_count_block(void *engine, uint64_t address, uint32_t size, void *count);

/*
 * Called before each block of code, `size` bytes without a jump. In Thumb-2 a halfword that
 * begins with 0b11101 to 0b11111 is the first of two.
 */
void kws_count_block(void *engine, uint64_t address, uint32_t size, void *count)
{
    struct kws_count *c = count;
    const uint64_t first = address - c->base;

    if (c->instructions >= c->limit) {
        c->stopped = 1;
        (void)c->stop(engine);
        return;
    }
    if (address < c->base || first + size > c->size) {
        return;
    }
    for (uint32_t i = 0; i < size; ++c->instructions) {
        i += c->code[first + i + 1] >> 3 >= 0x1d ? 4 : 2;
    }
}
