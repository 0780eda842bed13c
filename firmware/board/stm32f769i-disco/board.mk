# 32F769IDISCOVERY.
include firmware/board/stm32/f7.mk
BOARD_OPENOCD := board/stm32f769i-disco.cfg
