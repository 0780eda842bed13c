/* SPDX-License-Identifier: Apache-2.0 */
/* 32F769IDISCOVERY: STM32F769NI. ../README.md has the manuals' sections. */
#include "stm32.h"

const struct stm32_board stm32_board = {
    .clock = {.source = 25000000,
              .divide = 25,
              .multiply = 432,
              .post = 2,
              .wait_states = 7,
              .apb1 = 4,
              .apb2 = 2}, /* 216, 54 and 108 MHz */
    .microphone = {.clock = {'D', 3, 3},
                   .data = {'C', 3, 3},
                   .channel = 1,
                   .falling = 0,
                   .divider = 54,
                   .order = 4,
                   .oversampling = 125,
                   .shift = 5,
                   .gain = 0},
    .uart = {.number = 1, .tx = {'A', 9, 7}, .baud = 115200},
    .led = {.pin = {'J', 5, 0}, .low = 0}, /* LD2, green */
};
