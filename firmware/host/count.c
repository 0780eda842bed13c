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
    uint64_t cycles;  /* an estimate of a Cortex-M4's: see cycles_of */
    uint64_t end;     /* behind the last block: one that begins elsewhere was jumped to */
    uint64_t loading; /* 1: the last instruction loaded a word */
};

enum { JUMP = 2, DIVISION = 12 };

static uint32_t ones(uint32_t word)
{
    uint32_t count = 0;

    for (; word != 0; word &= word - 1) {
        ++count;
    }
    return count;
}

/*
 * By the Cortex-M4's manual (DDI 0439, 3.3.1), without wait states: 1, but 2 for a load, 1 behind
 * another one; 1 and 1 a register for those of several; division as long as it may take. A jump
 * refills the pipeline: JUMP more, of 1 to 3.
 */
static uint32_t cycles_of(struct kws_count *count, uint32_t first, uint32_t second, int wide)
{
    const uint32_t top = first >> 12;
    const uint64_t loading = count->loading;

    if (wide ? (first & 0xfe40U) == 0xe800U : top == 0xcU || (first & 0xf600U) == 0xb400U) {
        count->loading = 0;
        return 1 + ones(wide ? second : first & (top == 0xcU ? 0xffU : 0x1ffU));
    }
    if (wide && (first & 0xfe40U) == 0xe840U) { /* two words */
        count->loading = 0;
        return 3;
    }
    if (wide && (first & 0xffd0U) == 0xfb90U) {
        count->loading = 0;
        return DIVISION;
    }
    if (wide) {
        count->loading = (first & 0xfe10U) == 0xf810U;
    } else if (top == 5U) {
        count->loading = (first >> 9 & 7U) >= 3U;
    } else {
        count->loading = top == 4U ? first >> 11 == 9U : top >= 6U && top <= 9U && first >> 11 & 1U;
    }
    return count->loading && !loading ? 2 : 1;
}

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
    c->cycles += address == c->end ? 0 : JUMP;
    c->end = address + size;
    for (uint32_t i = 0; i < size; ++c->instructions) {
        const uint8_t *at = &c->code[first + i];
        const int wide = at[1] >> 3 >= 0x1d;

        c->cycles += cycles_of(c, at[0] | (uint32_t)at[1] << 8,
                               wide ? at[2] | (uint32_t)at[3] << 8 : 0, wide);
        i += wide ? 4 : 2;
    }
}
