/* SPDX-License-Identifier: Apache-2.0 */
/* What a board provides: all that main.c asks of the hardware. */
#ifndef KWS_BOARD_H
#define KWS_BOARD_H

#include <stddef.h>

/* Its name, as in firmware/board/NAME. */
extern const char board_name[];

/* What follows the vectors of the core, each at its number; those that are null never come. */
typedef void (*board_interrupt)(void);
extern const board_interrupt board_interrupts[];
#define BOARD_INTERRUPTS __attribute__((section(".vectors.board"), used))

/* Clocks, caches, terminal and LED; interrupts are enabled in the core, none in the NVIC. */
void board_init(void);

/* Starts the microphone: from now on an interrupt moves its samples to audio.h's queue. */
void board_listen(void);

/* Writes to the terminal, and waits until there is room for all of it; lines end in "\n". */
void board_write(const char *text);

/* The LED of a detection. */
void board_led(int on);

/*
 * Waits for an interrupt: WFI. It is called with interrupts masked (PRIMASK), so that none is
 * missed between the look at the queue and the sleep; one that is pending ends the wait and is
 * served after the return.
 */
void board_sleep(void);

/* After main: `status` is not 0 where something failed; it must not return. */
void board_stop(int status) __attribute__((noreturn));

#endif
