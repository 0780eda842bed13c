"""A serial terminal: RM0351 40.8, RM0410 34.8."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from boards.bus import Peripheral, Register
from boards.core import Core

BAUD = 115200
TOLERANCE = 0.01  # of the rate
FRAME = 10  # bits of a character: start, 8, stop
TE_UE = 1 << 3 | 1
TXE, TC = 1 << 7, 1 << 6

_REGISTERS = {
    0x00: Register("CR1", TE_UE),
    0x0C: Register("BRR", 0xFFFF),
    0x1C: Register("ISR", 0),
    0x28: Register("TDR", 0x1FF),
}


class Usart(Peripheral):
    """A transmitter that takes its time; `text` is what has left its pin."""

    def __init__(
        self, name: str, core: Core, kernel: Callable[[], Fraction], routed: Callable[[], bool]
    ) -> None:
        super().__init__(name, _REGISTERS)
        self._core = core
        self._kernel = kernel
        self._routed = routed
        self._sent = bytearray()
        self._starts = self._ends = 0.0  # of the last character on the wire

    @property
    def text(self) -> str:
        """All characters so far."""
        return self._sent.decode("ascii")

    def reading(self, register: str) -> int:
        """The flags, at this time; who finds no room is going to ask until there is some."""
        if register == "ISR":
            now = self._core.now
            if now < self._starts:
                self._core.skip(self._starts)
            return (TXE if now >= self._starts else 0) | (TC if now >= self._ends else 0)
        return super().reading(register)

    def writing(self, register: str, new: int) -> None:
        """A character leaves when the one before it has left."""
        if register == "BRR" and self.values["CR1"] & 1:
            raise self.refuse("BRR written while UE is on")
        if register == "TDR":
            self._send(new)
        super().writing(register, new)

    def _send(self, character: int) -> None:
        if not self._routed():
            raise self.refuse("TDR written while the pin is not its own")
        if self.values["CR1"] & TE_UE != TE_UE:
            raise self.refuse("TDR written while UE or TE is off")
        if self._core.now < self._starts:
            raise self.refuse("TDR written before it was empty: a character is lost")
        baud = float(self._kernel() / (self.values["BRR"] or 1))
        if abs(baud / BAUD - 1) > TOLERANCE:
            raise self.refuse(f"{baud:.0f} baud; expected {BAUD}")
        self._starts = max(self._core.now, self._ends)
        self._ends = self._starts + FRAME / baud
        self._sent.append(character)
