/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of STM32L475 and STM32L496 that the boards touch, named as in RM0351. */
#ifndef STM32_L4_H
#define STM32_L4_H

#include "registers.h"

/* Reset and clock control: RM0351 6.4. */
struct rcc {
    volatile uint32_t CR; /* 0x00 */
    uint32_t unused1;
    volatile uint32_t CFGR;    /* 0x08: bus dividers stay 1, their reset value */
    volatile uint32_t PLLCFGR; /* 0x0C */
    uint32_t unused2[14];
    volatile uint32_t AHB1ENR; /* 0x48 */
    volatile uint32_t AHB2ENR; /* 0x4C: GPIOA is bit 0, and so on */
    uint32_t unused3[2];
    volatile uint32_t APB1ENR1; /* 0x58 */
    uint32_t unused4;
    volatile uint32_t APB2ENR; /* 0x60 */
};

#define RCC ((struct rcc *)UINT32_C(0x40021000))

enum {
    RCC_CR_HSION = 1 << 8,
    RCC_CR_HSIRDY = 1 << 10,
    RCC_CR_PLLON = 1 << 24,
    RCC_CR_PLLRDY = 1 << 25,
    RCC_CFGR_SW_PLL = 3 << 0,
    RCC_CFGR_SWS_MASK = 3 << 2,
    RCC_CFGR_SWS_PLL = 3 << 2,
    RCC_PLLCFGR_PLLSRC_HSI16 = 2 << 0,
    RCC_PLLCFGR_PLLM_SHIFT = 4, /* divisor - 1 */
    RCC_PLLCFGR_PLLN_SHIFT = 8,
    RCC_PLLCFGR_PLLREN = 1 << 24,
    RCC_PLLCFGR_PLLR_SHIFT = 25, /* divisor / 2 - 1 */
    RCC_AHB1ENR_DMA1EN = 1 << 0,
    RCC_APB1ENR1_USART2EN = 1 << 17,
    RCC_APB1ENR1_PWREN = 1 << 28,
    RCC_APB2ENR_USART1EN = 1 << 14,
    RCC_APB2ENR_DFSDM1EN = 1 << 24,
};

/* Power control: RM0351 5.4. */
struct pwr {
    volatile uint32_t CR1; /* 0x00 */
    uint32_t unused1[4];
    volatile uint32_t SR2; /* 0x14 */
};

#define PWR ((struct pwr *)UINT32_C(0x40007000))

enum {
    PWR_CR1_VOS_MASK = 3 << 9,
    PWR_CR1_VOS_RANGE1 = 1 << 9, /* up to 80 MHz; the reset value */
    PWR_SR2_VOSF = 1 << 10,      /* the regulator is still changing */
};

/* Flash interface: RM0351 3.7. */
struct flash {
    volatile uint32_t ACR; /* 0x00 */
};

#define FLASH ((struct flash *)UINT32_C(0x40022000))

enum {
    FLASH_ACR_LATENCY_MASK = 7 << 0,
    FLASH_ACR_PRFTEN = 1 << 8,
    FLASH_ACR_ICEN = 1 << 9,
    FLASH_ACR_DCEN = 1 << 10,
};

/* Direct memory access: RM0351 11.6. Channels count from 1 in the manual, from 0 here. */
struct dma {
    volatile uint32_t ISR;  /* 0x00: four bits a channel */
    volatile uint32_t IFCR; /* 0x04: the same bits, 1 clears */
    struct {
        volatile uint32_t CCR;   /* 0x08 */
        volatile uint32_t CNDTR; /* 0x0C */
        volatile uint32_t CPAR;  /* 0x10 */
        volatile uint32_t CMAR;  /* 0x14 */
        uint32_t unused;
    } channel[7]; /* 0x14 each */
    uint32_t unused[5];
    volatile uint32_t CSELR; /* 0xA8: four bits a channel, its request */
};

#define DMA1 ((struct dma *)UINT32_C(0x40020000))

/* What DFSDM1_FLT0 is wired to: RM0351 11, "DMA1 requests for each channel", and 13, vectors. */
enum {
    MICROPHONE_CHANNEL = 3, /* DMA1 channel 4 of the manual */
    MICROPHONE_REQUEST = 0,
    MICROPHONE_INTERRUPT = 14,
};

enum {
    DMA_ISR_TCIF = 1 << 1, /* the whole buffer is filled */
    DMA_ISR_HTIF = 1 << 2, /* half of it */
    DMA_CCR_EN = 1 << 0,
    DMA_CCR_TCIE = 1 << 1,
    DMA_CCR_HTIE = 1 << 2,
    DMA_CCR_CIRC = 1 << 5,
    DMA_CCR_MINC = 1 << 7,
    DMA_CCR_PSIZE_WORD = 2 << 8,
    DMA_CCR_MSIZE_WORD = 2 << 10,
    DMA_CCR_PL_HIGH = 2 << 12,
};

#define GPIOA_BASE UINT32_C(0x48000000)
#define USART1 ((struct usart *)UINT32_C(0x40013800))
#define USART2 ((struct usart *)UINT32_C(0x40004400))
#define DFSDM1 ((struct dfsdm *)UINT32_C(0x40016000))

#endif
