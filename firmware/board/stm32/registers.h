/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers that are the same on STM32L4 and STM32F7, named as in the reference manuals.
 *
 * RM0351: STM32L47x, L48x, L49x, L4Ax. RM0410: STM32F76x, F77x. Only what the boards touch is
 * named; what lies between is `unused`. l4.h and f7.h have what differs.
 */
#ifndef STM32_REGISTERS_H
#define STM32_REGISTERS_H

#include <stdint.h>

/* General-purpose I/O: RM0351 8.4, RM0410 6.4. Two bits a pin in MODER and OSPEEDR. */
struct gpio {
    volatile uint32_t MODER; /* 0x00: 00 input, 01 output, 10 alternate function, 11 analog */
    uint32_t unused1;
    volatile uint32_t OSPEEDR; /* 0x08: 00 low to 11 very high speed */
    uint32_t unused2[3];
    volatile uint32_t BSRR; /* 0x18: 15:0 set a pin, 31:16 reset it */
    uint32_t unused3;
    volatile uint32_t AFR[2]; /* 0x20: four bits a pin, 0 to 7 and 8 to 15 */
};

enum {
    GPIO_STRIDE = 0x400, /* from one port to the next */
    GPIO_OUTPUT = 1,
    GPIO_ALTERNATE = 2,
    GPIO_FAST = 2,
};

/* USART: RM0351 40.8, RM0410 34.8. */
struct usart {
    volatile uint32_t CR1; /* 0x00 */
    uint32_t unused1[2];
    volatile uint32_t BRR; /* 0x0C: kernel clock / baud, with OVER8 = 0 */
    uint32_t unused2[3];
    volatile uint32_t ISR; /* 0x1C */
    uint32_t unused3[2];
    volatile uint32_t TDR; /* 0x28 */
};

enum {
    USART_CR1_UE = 1 << 0,
    USART_CR1_TE = 1 << 3,
    USART_ISR_TXE = 1 << 7,
};

/* Digital filter for sigma-delta modulators: RM0351 24.7 and 24.8, RM0410 17.7 and 17.8. */
struct dfsdm {
    struct {
        volatile uint32_t CFGR1; /* 0x00 */
        volatile uint32_t CFGR2; /* 0x04 */
        uint32_t unused[6];
    } CH[8]; /* 0x20 each */
    struct {
        volatile uint32_t CR1; /* 0x100 */
        uint32_t unused1;
        volatile uint32_t ISR; /* 0x108 */
        volatile uint32_t ICR; /* 0x10C */
        uint32_t unused2;
        volatile uint32_t FCR; /* 0x114 */
        uint32_t unused3;
        volatile uint32_t RDATAR; /* 0x11C: 31:8 the result, signed */
        uint32_t unused4[24];
    } FLT[4]; /* 0x80 each */
};

#define DFSDM_CFGR1_DFSDMEN (UINT32_C(1) << 31) /* channel 0 alone: the whole peripheral */

enum {
    DFSDM_CFGR1_CKOUTDIV_SHIFT = 16, /* channel 0 alone: divider - 1 */
    DFSDM_CFGR1_CHEN = 1 << 7,
    DFSDM_CFGR1_SPICKSEL_CKOUT = 1 << 2, /* the clock is our own CKOUT */
    DFSDM_CFGR1_SITP_RISING = 0 << 0,
    DFSDM_CFGR1_SITP_FALLING = 1 << 0,
    DFSDM_CFGR2_DTRBS_SHIFT = 3, /* right shift of the result to 24 bits */
    DFSDM_CR1_FAST = 1 << 29,    /* one result every FOSR * IOSR clocks */
    DFSDM_CR1_RCH_SHIFT = 24,
    DFSDM_CR1_RDMAEN = 1 << 21,
    DFSDM_CR1_RCONT = 1 << 18,
    DFSDM_CR1_RSWSTART = 1 << 17,
    DFSDM_CR1_DFEN = 1 << 0,
    DFSDM_ISR_ROVRF = 1 << 3, /* a result was overwritten before the DMA took it */
    DFSDM_ICR_CLRROVRF = 1 << 3,
    DFSDM_FCR_FORD_SHIFT = 29, /* 1 to 5: the order of the sinc filter */
    DFSDM_FCR_FOSR_SHIFT = 16, /* oversampling - 1 */
};

/* The processor's own: Armv7-M Architecture Reference Manual B3.2 to B3.5. */
#define NVIC_ISER ((volatile uint32_t *)UINT32_C(0xE000E100)) /* [8], one bit an interrupt */

#endif
