/* SPDX-License-Identifier: Apache-2.0 */
/* B-L475E-IOT01A: STM32L475VG. ../README.md has the manuals' sections. */
#include "stm32.h"

const struct stm32_board stm32_board = {
    .clock = {.source = 16000000,
              .divide = 2,
              .multiply = 20,
              .post = 2,
              .wait_states = 4,
              .apb1 = 1,
              .apb2 = 1}, /* 80 MHz */
    .microphone = {.clock = {'E', 9, 6},
                   .data = {'E', 7, 6},
                   .channel = 2,
                   .falling = 1,
                   .divider = 40,
                   .order = 4,
                   .oversampling = 125,
                   .shift = 5,
                   .gain = 0},
    .uart = {.number = 1, .tx = {'B', 6, 7}, .baud = 115200},
    .led = {.pin = {'B', 14, 0}, .low = 0}, /* LD2, green */
};
