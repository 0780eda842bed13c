/* SPDX-License-Identifier: Apache-2.0 */
#include "f7.h"

#include "stm32.h"

enum {
    PLLQ = 9, /* 48 MHz for what is not used here; PLLQ and PLLR must not be below 2 */
    PLLR = 2,
};

uint32_t stm32_pllcfgr(const struct stm32_clock *clock)
{
    return RCC_PLLCFGR_PLLSRC_HSE | (uint32_t)clock->divide << RCC_PLLCFGR_PLLM_SHIFT |
           (uint32_t)clock->multiply << RCC_PLLCFGR_PLLN_SHIFT |
           (uint32_t)(clock->post / 2 - 1) << RCC_PLLCFGR_PLLP_SHIFT |
           (uint32_t)PLLQ << RCC_PLLCFGR_PLLQ_SHIFT | (uint32_t)PLLR << RCC_PLLCFGR_PLLR_SHIFT;
}

/* ART serves code read over ITCM; that at 0x08000000 has the caches. */
uint32_t stm32_acr(const struct stm32_clock *clock)
{
    return clock->wait_states | FLASH_ACR_PRFTEN | FLASH_ACR_ARTEN;
}

static uint32_t ppre(unsigned divider)
{
    uint32_t code = 0;

    for (unsigned of = 1; of < divider; of *= 2) {
        code = code ? code + 1 : 4;
    }
    return code;
}

uint32_t stm32_cfgr(const struct stm32_clock *clock)
{
    return RCC_CFGR_SW_PLL | ppre(clock->apb1) << RCC_CFGR_PPRE1_SHIFT |
           ppre(clock->apb2) << RCC_CFGR_PPRE2_SHIFT;
}

/* The order of RM0410 4.1.4, "Entering Over-drive mode". */
void stm32_clock_start(const struct stm32_board *board)
{
    const struct stm32_clock *clock = &board->clock;

    RCC->APB1ENR |= RCC_APB1ENR_PWREN;
    RCC->CR |= RCC_CR_HSEON;
    while (!(RCC->CR & RCC_CR_HSERDY)) {
    }
    PWR->CR1 |= PWR_CR1_VOS_SCALE1;
    RCC->PLLCFGR = stm32_pllcfgr(clock);
    RCC->CR |= RCC_CR_PLLON;
    PWR->CR1 |= PWR_CR1_ODEN;
    while (!(PWR->CSR1 & PWR_CSR1_ODRDY)) {
    }
    PWR->CR1 |= PWR_CR1_ODSWEN;
    while (!(PWR->CSR1 & PWR_CSR1_ODSWRDY)) {
    }
    FLASH->ACR = stm32_acr(clock);
    while ((FLASH->ACR & FLASH_ACR_LATENCY_MASK) != clock->wait_states) {
    }
    while (!(RCC->CR & RCC_CR_PLLRDY)) {
    }
    RCC->CFGR = stm32_cfgr(clock);
    while ((RCC->CFGR & RCC_CFGR_SWS_MASK) != RCC_CFGR_SWS_PLL) {
    }
    RCC->AHB1ENR |= RCC_AHB1ENR_DMA2EN;
    RCC->APB2ENR |= RCC_APB2ENR_DFSDM1EN | RCC_APB2ENR_USART1EN;
}

void stm32_port_enable(char port)
{
    RCC->AHB1ENR |= UINT32_C(1) << (port - 'A');
    (void)RCC->AHB1ENR; /* a port answers two clocks later */
}

uint32_t stm32_dma_cr(void)
{
    return (uint32_t)MICROPHONE_REQUEST << DMA_CR_CHSEL_SHIFT | DMA_CR_PL_HIGH | DMA_CR_MSIZE_WORD |
           DMA_CR_PSIZE_WORD | DMA_CR_MINC | DMA_CR_CIRC | DMA_CR_TCIE | DMA_CR_HTIE;
}

void stm32_dma_start(const volatile uint32_t *from, volatile int32_t *ring, size_t words)
{
    DMA2->stream[MICROPHONE_STREAM].PAR = (uint32_t)(uintptr_t)from;
    DMA2->stream[MICROPHONE_STREAM].M0AR = (uint32_t)(uintptr_t)ring;
    DMA2->stream[MICROPHONE_STREAM].NDTR = (uint32_t)words;
    DMA2->stream[MICROPHONE_STREAM].CR = stm32_dma_cr();
    DMA2->stream[MICROPHONE_STREAM].CR |= DMA_CR_EN;
}

unsigned stm32_dma_filled(void)
{
    const uint32_t flags = DMA2->LISR & (DMA_LISR_HTIF0 | DMA_LISR_TCIF0);

    DMA2->LIFCR = flags;
    return (flags & DMA_LISR_HTIF0 ? 1u : 0u) + (flags & DMA_LISR_TCIF0 ? 1u : 0u);
}
