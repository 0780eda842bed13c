/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of STM32F769 that its board touches, named as in RM0410. */
#ifndef STM32_F7_H
#define STM32_F7_H

#include "registers.h"

/* Reset and clock control: RM0410 5.3. */
struct rcc {
    volatile uint32_t CR;      /* 0x00 */
    volatile uint32_t PLLCFGR; /* 0x04 */
    volatile uint32_t CFGR;    /* 0x08 */
    uint32_t unused1[9];
    volatile uint32_t AHB1ENR; /* 0x30: GPIOA is bit 0, and so on */
    uint32_t unused2[3];
    volatile uint32_t APB1ENR; /* 0x40 */
    volatile uint32_t APB2ENR; /* 0x44 */
};

#define RCC ((struct rcc *)UINT32_C(0x40023800))

enum {
    RCC_CR_HSEON = 1 << 16,
    RCC_CR_HSERDY = 1 << 17,
    RCC_CR_PLLON = 1 << 24,
    RCC_CR_PLLRDY = 1 << 25,
    RCC_PLLCFGR_PLLM_SHIFT = 0,
    RCC_PLLCFGR_PLLN_SHIFT = 6,
    RCC_PLLCFGR_PLLP_SHIFT = 16, /* divisor / 2 - 1 */
    RCC_PLLCFGR_PLLSRC_HSE = 1 << 22,
    RCC_PLLCFGR_PLLQ_SHIFT = 24,
    RCC_PLLCFGR_PLLR_SHIFT = 28,
    RCC_CFGR_SW_PLL = 2 << 0,
    RCC_CFGR_SWS_MASK = 3 << 2,
    RCC_CFGR_SWS_PLL = 2 << 2,
    RCC_CFGR_PPRE1_SHIFT = 10, /* 0 is 1, 4 is 2, 5 is 4, 6 is 8, 7 is 16 */
    RCC_CFGR_PPRE2_SHIFT = 13,
    RCC_AHB1ENR_DMA2EN = 1 << 22,
    RCC_APB1ENR_PWREN = 1 << 28,
    RCC_APB2ENR_USART1EN = 1 << 4,
    RCC_APB2ENR_DFSDM1EN = 1 << 29,
};

/* Power control: RM0410 4.4. */
struct pwr {
    volatile uint32_t CR1;  /* 0x00 */
    volatile uint32_t CSR1; /* 0x04 */
};

#define PWR ((struct pwr *)UINT32_C(0x40007000))

enum {
    PWR_CR1_VOS_SCALE1 = 3 << 14, /* needed for over-drive; the reset value */
    PWR_CR1_ODEN = 1 << 16,
    PWR_CR1_ODSWEN = 1 << 17,
    PWR_CSR1_ODRDY = 1 << 16,
    PWR_CSR1_ODSWRDY = 1 << 17,
};

/* Flash interface: RM0410 3.7. */
struct flash {
    volatile uint32_t ACR; /* 0x00 */
};

#define FLASH ((struct flash *)UINT32_C(0x40023C00))

enum {
    FLASH_ACR_LATENCY_MASK = 15 << 0,
    FLASH_ACR_PRFTEN = 1 << 8,
    FLASH_ACR_ARTEN = 1 << 9,
};

/* Direct memory access: RM0410 8.5. */
struct dma {
    volatile uint32_t LISR; /* 0x00: streams 0 to 3 */
    uint32_t unused1;
    volatile uint32_t LIFCR; /* 0x08: the same bits, 1 clears */
    uint32_t unused2;
    struct {
        volatile uint32_t CR;   /* 0x10 */
        volatile uint32_t NDTR; /* 0x14 */
        volatile uint32_t PAR;  /* 0x18 */
        volatile uint32_t M0AR; /* 0x1C */
        uint32_t unused[2];
    } stream[8]; /* 0x18 each */
};

#define DMA2 ((struct dma *)UINT32_C(0x40026400))

/* What DFSDM1_FLT0 is wired to: RM0410 8, "DMA2 request mapping", and 10, vectors. */
enum {
    MICROPHONE_STREAM = 0, /* of DMA2; stream 4 would do too */
    MICROPHONE_REQUEST = 8,
    MICROPHONE_INTERRUPT = 56,
};

enum {
    DMA_LISR_HTIF0 = 1 << 4, /* half of stream 0's buffer is filled */
    DMA_LISR_TCIF0 = 1 << 5, /* the whole of it */
    DMA_CR_EN = 1 << 0,
    DMA_CR_HTIE = 1 << 3,
    DMA_CR_TCIE = 1 << 4,
    DMA_CR_CIRC = 1 << 8,
    DMA_CR_MINC = 1 << 10,
    DMA_CR_PSIZE_WORD = 2 << 11,
    DMA_CR_MSIZE_WORD = 2 << 13,
    DMA_CR_PL_HIGH = 2 << 16,
    DMA_CR_CHSEL_SHIFT = 25,
};

#define GPIOA_BASE UINT32_C(0x40020000)
#define USART1 ((struct usart *)UINT32_C(0x40011000))
#define DFSDM1 ((struct dfsdm *)UINT32_C(0x40017400))

#endif
