# B-L475E-IOT01A.
include firmware/board/stm32/l4.mk
BOARD_OPENOCD := board/st_b-l475e-iot01a.cfg
