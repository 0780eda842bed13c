/* SPDX-License-Identifier: Apache-2.0 */
/* From reset to main on any Cortex-M4 or M7, and the vectors of the core. */
#include <stdint.h>
#include <string.h>

#include "board.h"

/* The linker's: sections.ld. */
extern uint32_t stack_bottom[], stack_top[];
extern uint8_t data_start[], data_end[], data_image[], bss_start[], bss_end[];

int main(void);
void reset(void);

enum { FAULT = 99 }; /* the status that a fault stops with */

#define SCB_VTOR (*(volatile uint32_t *)UINT32_C(0xE000ED08))

static void fault(void)
{
    board_stop(FAULT);
}

union vector {
    uint32_t *stack;
    void (*handler)(void);
};

/* Stack, reset, and the exceptions 2 to 15; the board's interrupts follow. */
__attribute__((section(".vectors"), used)) static const union vector vectors[16] = {
    {.stack = stack_top}, {.handler = reset}, {.handler = fault}, {.handler = fault},
    {.handler = fault},   {.handler = fault}, {.handler = fault}, {.handler = fault},
    {.handler = fault},   {.handler = fault}, {.handler = fault}, {.handler = fault},
    {.handler = fault},   {.handler = fault}, {.handler = fault}, {.handler = fault},
};

void reset(void)
{
    SCB_VTOR = (uint32_t)(uintptr_t)vectors;
    memcpy(data_start, data_image, (size_t)(data_end - data_start));
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    board_stop(main());
}
