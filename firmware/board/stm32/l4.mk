# Boards with an STM32L4.
BOARD_CPU := cortex-m4
BOARD_SOURCES := $(addprefix firmware/board/stm32/,board.c clock.c dfsdm.c gpio.c l4.c usart.c) \
	firmware/board/$(BOARD)/pins.c
BOARD_CFLAGS := -DSTM32_L4 -Ifirmware/board/stm32
