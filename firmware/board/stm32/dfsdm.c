/* SPDX-License-Identifier: Apache-2.0 */
#include "family.h"
#include "stm32.h"

enum {
    FILTER = 0,
};

/* Channel 0's first register, which makes the clock of all channels. */
uint32_t stm32_dfsdm_ckout(const struct stm32_microphone *microphone)
{
    return (uint32_t)(microphone->divider - 1) << DFSDM_CFGR1_CKOUTDIV_SHIFT;
}

uint32_t stm32_dfsdm_chcfgr1(const struct stm32_microphone *microphone)
{
    return DFSDM_CFGR1_SPICKSEL_CKOUT |
           (microphone->falling ? DFSDM_CFGR1_SITP_FALLING : DFSDM_CFGR1_SITP_RISING);
}

uint32_t stm32_dfsdm_chcfgr2(const struct stm32_microphone *microphone)
{
    return (uint32_t)microphone->shift << DFSDM_CFGR2_DTRBS_SHIFT;
}

/* FAST: without it the filter is filled anew for each sample, and the rate is another. */
uint32_t stm32_dfsdm_fltcr1(const struct stm32_microphone *microphone)
{
    return DFSDM_CR1_FAST | (uint32_t)microphone->channel << DFSDM_CR1_RCH_SHIFT |
           DFSDM_CR1_RDMAEN | DFSDM_CR1_RCONT;
}

uint32_t stm32_dfsdm_fltfcr(const struct stm32_microphone *microphone)
{
    return (uint32_t)microphone->order << DFSDM_FCR_FORD_SHIFT |
           (uint32_t)(microphone->oversampling - 1) << DFSDM_FCR_FOSR_SHIFT;
}

const volatile uint32_t *stm32_dfsdm_result(void)
{
    return &DFSDM1->FLT[FILTER].RDATAR;
}

/* Settings can be written only while what they belong to is off: RM0351 24.4.4, RM0410 17.4.4. */
void stm32_dfsdm_start(const struct stm32_microphone *microphone)
{
    const unsigned channel = microphone->channel;

    if (microphone->supply.port) {
        stm32_pin_output(microphone->supply, 1);
    }
    stm32_pin_alternate(microphone->clock);
    stm32_pin_alternate(microphone->data);

    DFSDM1->CH[0].CFGR1 = stm32_dfsdm_ckout(microphone);
    DFSDM1->CH[0].CFGR1 |= DFSDM_CFGR1_DFSDMEN;
    DFSDM1->CH[channel].CFGR2 = stm32_dfsdm_chcfgr2(microphone);
    DFSDM1->CH[channel].CFGR1 |= stm32_dfsdm_chcfgr1(microphone);
    DFSDM1->CH[channel].CFGR1 |= DFSDM_CFGR1_CHEN;
    DFSDM1->FLT[FILTER].FCR = stm32_dfsdm_fltfcr(microphone);
    DFSDM1->FLT[FILTER].CR1 = stm32_dfsdm_fltcr1(microphone);
    DFSDM1->FLT[FILTER].CR1 |= DFSDM_CR1_DFEN;
    DFSDM1->FLT[FILTER].CR1 |= DFSDM_CR1_RSWSTART;
}

int stm32_dfsdm_overrun(void)
{
    if (!(DFSDM1->FLT[FILTER].ISR & DFSDM_ISR_ROVRF)) {
        return 0;
    }
    DFSDM1->FLT[FILTER].ICR = DFSDM_ICR_CLRROVRF;
    return 1;
}
