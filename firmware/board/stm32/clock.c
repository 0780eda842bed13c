/* SPDX-License-Identifier: Apache-2.0 */
/* What the clocks come to, on either family. */
#include "stm32.h"

uint32_t stm32_hclk(const struct stm32_clock *clock)
{
    return clock->source / clock->divide * clock->multiply / clock->post;
}

uint32_t stm32_pclk(const struct stm32_clock *clock, int bus)
{
    return stm32_hclk(clock) / (bus == 1 ? clock->apb1 : clock->apb2);
}
