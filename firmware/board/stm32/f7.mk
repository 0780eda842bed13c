# Boards with an STM32F7.
BOARD_CPU := cortex-m7
BOARD_SOURCES := $(addprefix firmware/board/stm32/,board.c clock.c dfsdm.c f7.c gpio.c m7.c usart.c) \
	firmware/board/$(BOARD)/pins.c
BOARD_CFLAGS := -DSTM32_F7 -Ifirmware/board/stm32
