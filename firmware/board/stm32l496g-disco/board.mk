# 32L496GDISCOVERY.
include firmware/board/stm32/l4.mk
BOARD_OPENOCD := board/stm32l496g-disco.cfg
