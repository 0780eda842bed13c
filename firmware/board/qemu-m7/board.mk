# MPS2 with a Cortex-M7, AN500: QEMU's mps2-an500.
BOARD_CPU := cortex-m7
BOARD_SOURCES := $(wildcard firmware/board/qemu/*.c) firmware/host/wav.c
BOARD_CFLAGS := -Ifirmware/host
BOARD_LDFLAGS := --specs=rdimon.specs
BOARD_MACHINE := mps2-an500
# as an M7 at 216 MHz with 1.73 cycles an instruction
BOARD_SHIFT := 3
