/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of the Cortex-M7 itself that the board touches, named as in PM0253. */
#ifndef STM32_M7_H
#define STM32_M7_H

#include <stdint.h>

/* Caches of the Cortex-M7: PM0253 4.3 and 4.7. */
#define SCB_CCR (*(volatile uint32_t *)UINT32_C(0xE000ED14))
#define SCB_CCSIDR (*(volatile uint32_t *)UINT32_C(0xE000ED80))
#define SCB_CSSELR (*(volatile uint32_t *)UINT32_C(0xE000ED84))
#define SCB_ICIALLU (*(volatile uint32_t *)UINT32_C(0xE000EF50))
#define SCB_DCISW (*(volatile uint32_t *)UINT32_C(0xE000EF60))

enum {
    SCB_CCR_DC = 1 << 16,
    SCB_CCR_IC = 1 << 17,
    SCB_CCSIDR_NUMSETS_SHIFT = 13,
    SCB_CCSIDR_NUMSETS_MASK = 0x7FFF,
    SCB_CCSIDR_ASSOCIATIVITY_SHIFT = 3,
    SCB_CCSIDR_ASSOCIATIVITY_MASK = 0x3FF,
    SCB_DCISW_SET_SHIFT = 5,
    SCB_DCISW_WAY_SHIFT = 30,
};

/* Memory protection unit: PM0253 4.6. */
#define MPU_CTRL (*(volatile uint32_t *)UINT32_C(0xE000ED94))
#define MPU_RBAR (*(volatile uint32_t *)UINT32_C(0xE000ED9C))
#define MPU_RASR (*(volatile uint32_t *)UINT32_C(0xE000EDA0))

enum {
    MPU_CTRL_ENABLE = 1 << 0,
    MPU_CTRL_PRIVDEFENA = 1 << 2, /* outside the regions: the default map */
    MPU_RBAR_VALID = 1 << 4,      /* with the region's number in 3:0 */
    MPU_RASR_ENABLE = 1 << 0,
    MPU_RASR_SIZE_SHIFT = 1,             /* log2 of the size - 1 */
    MPU_RASR_TEX_NONCACHEABLE = 1 << 19, /* with C = B = 0: normal memory, not cached */
    MPU_RASR_AP_FULL = 3 << 24,
    MPU_RASR_XN = 1 << 28,
};

#endif
