/* SPDX-License-Identifier: Apache-2.0 */
/* 32L496GDISCOVERY: STM32L496AG. ../README.md has the manuals' sections. */
#include "stm32.h"

const struct stm32_board stm32_board = {
    .clock = {.source = 16000000,
              .divide = 2,
              .multiply = 20,
              .post = 2,
              .wait_states = 4,
              .apb1 = 1,
              .apb2 = 1}, /* 80 MHz */
    .microphone = {.clock = {'C', 2, 6},
                   .data = {'C', 7, 6},
                   .supply = {'H', 1, 0},
                   .channel = 3,
                   .falling = 0,
                   .divider = 40,
                   .order = 4,
                   .oversampling = 125,
                   .shift = 5,
                   .gain = 0},
    .uart = {.number = 2, .tx = {'A', 2, 7}, .baud = 115200},
    .led = {.pin = {'B', 13, 0}, .low = 1}, /* LD2, green */
};
