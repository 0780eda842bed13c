"""An emulator of the STM32 boards, which runs their images unchanged."""

from boards.bus import BoardFault
from boards.stm32 import BOARDS, Board, BoardResult

__all__ = ["BOARDS", "Board", "BoardFault", "BoardResult"]
