/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tells one STM32 board from another, and the drivers that read it.
 *
 * A board is one constant, `stm32_board`, in board/NAME/pins.c: integers alone, so that the tests
 * compile it for the host and hold it to the manuals. ../README.md explains each value. Functions
 * that return uint32_t compute the value of the register that they are named after and touch no
 * hardware.
 */
#ifndef STM32_H
#define STM32_H

#include <stddef.h>
#include <stdint.h>

struct stm32_pin {
    char port; /* 'A' and on; 0 where there is no such pin */
    uint8_t number;
    uint8_t function; /* alternate function, unused for an output */
};

/* System clock = source / divide * multiply / post; the PLL's names differ by family. */
struct stm32_clock {
    uint32_t source;   /* Hz: HSI16 on L4, HSE on F7 */
    uint8_t divide;    /* M */
    uint16_t multiply; /* N */
    uint8_t post;      /* R on L4, P on F7: even */
    uint8_t wait_states;
    uint8_t apb1; /* dividers of the bus clocks: 1, 2, 4, 8 or 16 */
    uint8_t apb2;
};

/* Sample rate = APB2 clock / divider / oversampling. */
struct stm32_microphone {
    struct stm32_pin clock;  /* DFSDM1_CKOUT */
    struct stm32_pin data;   /* DFSDM1_DATINx */
    struct stm32_pin supply; /* switches the microphone on, where there is such a pin */
    uint8_t channel;         /* the x of DATINx */
    uint8_t falling;         /* 1: the microphone's bit is read at the falling edge */
    uint8_t divider;         /* of the DFSDM's clock, to CKOUT */
    uint8_t order;           /* of the sinc filter */
    uint16_t oversampling;   /* CKOUT clocks a sample */
    uint8_t shift;           /* right shift of oversampling ** order to 24 bits */
    uint8_t gain;            /* in steps of 6 dB, up to 8: what is louder saturates */
};

struct stm32_uart {
    uint8_t number; /* USARTx, on APB2 for 1 and on APB1 for 2 */
    struct stm32_pin tx;
    uint32_t baud;
};

struct stm32_led {
    struct stm32_pin pin;
    uint8_t low; /* 1: lit when the pin is low */
};

struct stm32_board {
    struct stm32_clock clock;
    struct stm32_microphone microphone;
    struct stm32_uart uart;
    struct stm32_led led;
};

extern const struct stm32_board stm32_board;

/* Hz of the processor, and of bus APB1 or APB2: clock.c. */
uint32_t stm32_hclk(const struct stm32_clock *clock);
uint32_t stm32_pclk(const struct stm32_clock *clock, int bus);

/* Clocks: l4.c, f7.c. */
uint32_t stm32_pllcfgr(const struct stm32_clock *clock);
uint32_t stm32_acr(const struct stm32_clock *clock);
uint32_t stm32_cfgr(const struct stm32_clock *clock);

/* The processor's clock, and those of what the board uses. */
void stm32_clock_start(const struct stm32_board *board);
void stm32_port_enable(char port);

/* Memory before main: caches, and DMA memory left out of them; nothing on L4. f7.c, l4.c. */
void stm32_cache_start(void);

/* A ring of the filter's words, with an interrupt at its half and at its end: l4.c, f7.c. */
uint32_t stm32_dma_cr(void);
void stm32_dma_start(const volatile uint32_t *from, volatile int32_t *ring, size_t words);

/* Halves that were filled since the last call, 0 to 2. From the interrupt. */
unsigned stm32_dma_filled(void);

/* The DFSDM: dfsdm.c. */
uint32_t stm32_dfsdm_ckout(const struct stm32_microphone *microphone);
uint32_t stm32_dfsdm_chcfgr1(const struct stm32_microphone *microphone);
uint32_t stm32_dfsdm_chcfgr2(const struct stm32_microphone *microphone);
uint32_t stm32_dfsdm_fltcr1(const struct stm32_microphone *microphone);
uint32_t stm32_dfsdm_fltfcr(const struct stm32_microphone *microphone);
const volatile uint32_t *stm32_dfsdm_result(void);
void stm32_dfsdm_start(const struct stm32_microphone *microphone);

/* Whether a result was lost because no DMA took it, since the last call. */
int stm32_dfsdm_overrun(void);

/*
 * A sample from a word of the filter: bits 31:8 are its result y, the others its status. It is
 * floor(y * 2 ** gain / 256), saturated.
 */
static inline int16_t stm32_sample(int32_t word, unsigned gain)
{
    const int32_t value = word >> (16 - gain);

    return (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
}

/* Serial output, blocking: usart.c. `kernel` is the Hz of the bus that it is on. */
uint32_t stm32_brr(uint32_t kernel, uint32_t baud);
void stm32_uart_start(const struct stm32_uart *uart, uint32_t kernel);
void stm32_uart_write(const struct stm32_uart *uart, const char *text, size_t length);

/* Pins: gpio.c. */
void stm32_pin_alternate(struct stm32_pin pin);
void stm32_pin_output(struct stm32_pin pin, int high);
void stm32_pin_set(struct stm32_pin pin, int high);

#endif
