# MPS2 with a Cortex-M4, AN386: QEMU's mps2-an386.
BOARD_CPU := cortex-m4
BOARD_SOURCES := $(wildcard firmware/board/qemu/*.c) firmware/host/wav.c
BOARD_CFLAGS := -Ifirmware/host
BOARD_LDFLAGS := --specs=rdimon.specs
BOARD_MACHINE := mps2-an386
# as an M4 at 80 MHz with 1.28 cycles an instruction
BOARD_SHIFT := 4
