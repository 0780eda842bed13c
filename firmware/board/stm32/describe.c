/* SPDX-License-Identifier: Apache-2.0 */
/* On the host: a board's settings and the registers' values as JSON, for tests and emulator. */
#include <inttypes.h>
#include <stdio.h>

#include "stm32.h"

static void number(const char *name, uint32_t value)
{
    printf("\"%s\": %" PRIu32 ",\n", name, value);
}

static void pin(const char *name, struct stm32_pin pin)
{
    if (pin.port) {
        printf("\"%s\": [\"P%c%u\", %u],\n", name, pin.port, pin.number, pin.function);
    } else {
        printf("\"%s\": null,\n", name);
    }
}

int main(void)
{
    const struct stm32_board *board = &stm32_board;
    const struct stm32_clock *clock = &board->clock;
    const struct stm32_microphone *microphone = &board->microphone;
    const uint32_t kernel = stm32_pclk(clock, board->uart.number == 2 ? 1 : 2);

    puts("{");
    number("source", clock->source);
    number("hclk", stm32_hclk(clock));
    number("pclk1", stm32_pclk(clock, 1));
    number("pclk2", stm32_pclk(clock, 2));
    number("RCC_PLLCFGR", stm32_pllcfgr(clock));
    number("RCC_CFGR", stm32_cfgr(clock));
    number("FLASH_ACR", stm32_acr(clock));
    pin("microphone_clock", microphone->clock);
    pin("microphone_data", microphone->data);
    pin("microphone_supply", microphone->supply);
    number("channel", microphone->channel);
    number("DFSDM_CH0CFGR1", stm32_dfsdm_ckout(microphone));
    number("DFSDM_CHyCFGR1", stm32_dfsdm_chcfgr1(microphone));
    number("DFSDM_CHyCFGR2", stm32_dfsdm_chcfgr2(microphone));
    number("DFSDM_FLT0CR1", stm32_dfsdm_fltcr1(microphone));
    number("DFSDM_FLT0FCR", stm32_dfsdm_fltfcr(microphone));
    number("gain", microphone->gain);
    number("DFSDM_FLT0RDATAR", (uint32_t)(uintptr_t)stm32_dfsdm_result());
    number("DMA_CR", stm32_dma_cr());
    number("uart", board->uart.number);
    number("uart_kernel", kernel);
    number("baud", board->uart.baud);
    number("USART_BRR", stm32_brr(kernel, board->uart.baud));
    pin("uart_tx", board->uart.tx);
    number("led_low", board->led.low);
    pin("led", board->led.pin);
    puts("\"end\": null\n}");
    return 0;
}
