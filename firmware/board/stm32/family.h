/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of the family that is built for: STM32_L4 or STM32_F7 (board.mk says which). */
#ifndef STM32_FAMILY_H
#define STM32_FAMILY_H

#if defined STM32_L4
#include "l4.h"
#elif defined STM32_F7
#include "f7.h"
#else
#error "define STM32_L4 or STM32_F7"
#endif

#endif
