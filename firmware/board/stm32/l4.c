/* SPDX-License-Identifier: Apache-2.0 */
#include "l4.h"

#include "stm32.h"

uint32_t stm32_pllcfgr(const struct stm32_clock *clock)
{
    return RCC_PLLCFGR_PLLSRC_HSI16 | (uint32_t)(clock->divide - 1) << RCC_PLLCFGR_PLLM_SHIFT |
           (uint32_t)clock->multiply << RCC_PLLCFGR_PLLN_SHIFT | RCC_PLLCFGR_PLLREN |
           (uint32_t)(clock->post / 2 - 1) << RCC_PLLCFGR_PLLR_SHIFT;
}

uint32_t stm32_acr(const struct stm32_clock *clock)
{
    return clock->wait_states | FLASH_ACR_PRFTEN | FLASH_ACR_ICEN | FLASH_ACR_DCEN;
}

/* All buses at the processor's speed. */
uint32_t stm32_cfgr(const struct stm32_clock *clock)
{
    (void)clock;
    return RCC_CFGR_SW_PLL;
}

/* RM0351 3.3.3: the slower flash first, then the faster clock. */
void stm32_clock_start(const struct stm32_board *board)
{
    const struct stm32_clock *clock = &board->clock;

    RCC->APB1ENR1 |= RCC_APB1ENR1_PWREN;
    PWR->CR1 = (PWR->CR1 & ~(uint32_t)PWR_CR1_VOS_MASK) | PWR_CR1_VOS_RANGE1;
    while (PWR->SR2 & PWR_SR2_VOSF) {
    }
    RCC->CR |= RCC_CR_HSION;
    while (!(RCC->CR & RCC_CR_HSIRDY)) {
    }
    RCC->PLLCFGR = stm32_pllcfgr(clock);
    RCC->CR |= RCC_CR_PLLON;
    while (!(RCC->CR & RCC_CR_PLLRDY)) {
    }
    FLASH->ACR = stm32_acr(clock);
    while ((FLASH->ACR & FLASH_ACR_LATENCY_MASK) != clock->wait_states) {
    }
    RCC->CFGR = stm32_cfgr(clock);
    while ((RCC->CFGR & RCC_CFGR_SWS_MASK) != RCC_CFGR_SWS_PLL) {
    }
    RCC->AHB1ENR |= RCC_AHB1ENR_DMA1EN;
    RCC->APB2ENR |= RCC_APB2ENR_DFSDM1EN;
    if (board->uart.number == 1) {
        RCC->APB2ENR |= RCC_APB2ENR_USART1EN;
    } else {
        RCC->APB1ENR1 |= RCC_APB1ENR1_USART2EN;
    }
}

void stm32_port_enable(char port)
{
    RCC->AHB2ENR |= UINT32_C(1) << (port - 'A');
    (void)RCC->AHB2ENR; /* a port answers two clocks later */
}

/* The Cortex-M4 has none; those of the flash are on with its wait states. */
void stm32_cache_start(void)
{
}

uint32_t stm32_dma_cr(void)
{
    return DMA_CCR_PL_HIGH | DMA_CCR_MSIZE_WORD | DMA_CCR_PSIZE_WORD | DMA_CCR_MINC | DMA_CCR_CIRC |
           DMA_CCR_HTIE | DMA_CCR_TCIE;
}

void stm32_dma_start(const volatile uint32_t *from, volatile int32_t *ring, size_t words)
{
    const unsigned bit = 4 * MICROPHONE_CHANNEL;

    DMA1->CSELR = (DMA1->CSELR & ~(15u << bit)) | (uint32_t)MICROPHONE_REQUEST << bit;
    DMA1->channel[MICROPHONE_CHANNEL].CPAR = (uint32_t)(uintptr_t)from;
    DMA1->channel[MICROPHONE_CHANNEL].CMAR = (uint32_t)(uintptr_t)ring;
    DMA1->channel[MICROPHONE_CHANNEL].CNDTR = (uint32_t)words;
    DMA1->channel[MICROPHONE_CHANNEL].CCR = stm32_dma_cr();
    DMA1->channel[MICROPHONE_CHANNEL].CCR |= DMA_CCR_EN;
}

unsigned stm32_dma_filled(void)
{
    const unsigned bit = 4 * MICROPHONE_CHANNEL;
    const uint32_t flags = DMA1->ISR >> bit & (DMA_ISR_HTIF | DMA_ISR_TCIF);

    DMA1->IFCR = flags << bit;
    return (flags & DMA_ISR_HTIF ? 1u : 0u) + (flags & DMA_ISR_TCIF ? 1u : 0u);
}
