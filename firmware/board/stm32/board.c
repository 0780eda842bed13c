/* SPDX-License-Identifier: Apache-2.0 */
/* board.h on an STM32: the microphone's words go round in a ring of two halves. */
#include "board.h"

#include <string.h>

#include "audio.h"
#include "family.h"
#include "stm32.h"

const char board_name[] = KWS_BOARD;

__attribute__((section(".dma"))) static volatile int32_t ring[2][AUDIO_BLOCK];
static unsigned next; /* the half that is taken next */

/* Copies one half into the queue, in far less time than the other half takes to fill. */
static void take_half(void)
{
    const unsigned gain = stm32_board.microphone.gain;
    int16_t *samples = audio_next();

    if (samples) {
        for (size_t i = 0; i < AUDIO_BLOCK; i++) {
            samples[i] = stm32_sample(ring[next][i], gain);
        }
        audio_put(AUDIO_BLOCK);
    }
    next ^= 1;
}

/* Two halves at once: the older is being overwritten. One sample can be lost before the DMA. */
static void on_dma(void)
{
    const unsigned filled = stm32_dma_filled();

    if (filled == 2) {
        audio_miss(AUDIO_BLOCK);
        next ^= 1;
    }
    if (filled) {
        take_half();
    }
    if (stm32_dfsdm_overrun()) {
        audio_miss(1);
    }
}

const board_interrupt board_interrupts[] BOARD_INTERRUPTS = {[MICROPHONE_INTERRUPT] = on_dma};

void board_init(void)
{
    const struct stm32_uart *uart = &stm32_board.uart;

    stm32_cache_start();
    stm32_clock_start(&stm32_board);
    stm32_uart_start(uart, stm32_pclk(&stm32_board.clock, uart->number == 2 ? 1 : 2));
    stm32_pin_output(stm32_board.led.pin, stm32_board.led.low);
}

void board_listen(void)
{
    NVIC_ISER[MICROPHONE_INTERRUPT / 32] = UINT32_C(1) << MICROPHONE_INTERRUPT % 32;
    stm32_dma_start(stm32_dfsdm_result(), ring[0], sizeof ring / sizeof ring[0][0]);
    stm32_dfsdm_start(&stm32_board.microphone);
}

void board_write(const char *text)
{
    stm32_uart_write(&stm32_board.uart, text, strlen(text));
}

void board_led(int on)
{
    stm32_pin_set(stm32_board.led.pin, on ? !stm32_board.led.low : stm32_board.led.low);
}

void board_sleep(void)
{
    __asm volatile("dsb\n\twfi" ::: "memory");
}

/* Nothing waits for an end here: silent, and with the LED lit if something failed. */
void board_stop(int status)
{
    __asm volatile("cpsid i" ::: "memory");
    board_led(status);
    for (;;) {
        board_sleep();
    }
}
