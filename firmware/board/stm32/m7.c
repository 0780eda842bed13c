/* SPDX-License-Identifier: Apache-2.0 */
#include "m7.h"

#include "stm32.h"

#define SRAM2 UINT32_C(0x2007C000) /* section .dma: RM0410 2.4 */

enum {
    LOG2_SRAM2 = 14,
};

static inline void barrier(void)
{
    __asm volatile("dsb\n\tisb" ::: "memory");
}

/*
 * What the DMA writes must not be read from a cache: SRAM2 holds nothing else and is not cached.
 * (DTCM is not either, but data and stack make better use of the fastest memory.)
 */
static void protect_dma(void)
{
    MPU_RBAR = SRAM2 | MPU_RBAR_VALID;
    MPU_RASR = MPU_RASR_XN | MPU_RASR_AP_FULL | MPU_RASR_TEX_NONCACHEABLE |
               (LOG2_SRAM2 - 1) << MPU_RASR_SIZE_SHIFT | MPU_RASR_ENABLE;
    MPU_CTRL = MPU_CTRL_PRIVDEFENA | MPU_CTRL_ENABLE;
    barrier();
}

/* PM0253 4.8.3 and 4.8.4: invalidated first, for a cache wakes up with anything in it. */
void stm32_cache_start(void)
{
    protect_dma();
    SCB_ICIALLU = 0;
    barrier();
    SCB_CCR |= SCB_CCR_IC;
    SCB_CSSELR = 0;
    barrier();

    const uint32_t size = SCB_CCSIDR;
    const uint32_t sets = size >> SCB_CCSIDR_NUMSETS_SHIFT & SCB_CCSIDR_NUMSETS_MASK;
    const uint32_t ways = size >> SCB_CCSIDR_ASSOCIATIVITY_SHIFT & SCB_CCSIDR_ASSOCIATIVITY_MASK;

    for (uint32_t set = 0; set <= sets; set++) {
        for (uint32_t way = 0; way <= ways; way++) {
            SCB_DCISW = set << SCB_DCISW_SET_SHIFT | way << SCB_DCISW_WAY_SHIFT;
        }
    }
    barrier();
    SCB_CCR |= SCB_CCR_DC;
    barrier();
}
