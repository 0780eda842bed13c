"""General-purpose pins: RM0351 8.4, RM0410 6.4."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from boards.bus import Peripheral, Register, bits

INPUT, OUTPUT, ALTERNATE = 0, 1, 2
Pins = Mapping[tuple[str, int], tuple[str, int | None]]  # port, number: what, alternate function

_REGISTERS = {
    0x08: Register("OSPEEDR"),
    0x18: Register("BSRR"),
    0x20: Register("AFRL"),
    0x24: Register("AFRH"),
}


class Port(Peripheral):
    """A port of 16 pins, of which `pins` are wired to something; the others must be left alone.

    `changed` is told which pin is driven to which level.
    """

    def __init__(
        self, letter: str, modes: int, pins: Pins, changed: Callable[[str, bool], None]
    ) -> None:
        super().__init__(f"GPIO{letter}", _REGISTERS | {0x00: Register("MODER", reset=modes)})
        self._pins = {number: pin for (port, number), pin in pins.items() if port == letter}
        self._changed = changed
        self._levels = 0

    def routed(self, what: str) -> bool:
        """Whether a wired pin is in its alternate function."""
        for number, (name, function) in self._pins.items():
            if name == what:
                high = bits(self.values["AFRH" if number >= 8 else "AFRL"], 4 * (number % 8), 4)
                return self._mode(number) == ALTERNATE and high == function
        return False

    def writing(self, register: str, new: int) -> None:
        """Levels and modes change."""
        if register == "BSRR":
            self._drive((self._levels & ~(new >> 16) | new) & 0xFFFF)
            return
        changed = self.values[register] ^ new
        fields = {"MODER": (0, 2), "OSPEEDR": (0, 2), "AFRL": (0, 4), "AFRH": (8, 4)}
        first, width = fields[register]
        for n in range(32 // width):
            if bits(changed, width * n, width) and first + n not in self._pins:
                raise self.refuse(f"{register} of P{self.name[-1]}{first + n}: nothing is there")
        super().writing(register, new)
        self._drive(self._levels)

    def _drive(self, levels: int) -> None:
        for number, (name, function) in self._pins.items():
            if function is None and self._mode(number) == OUTPUT:
                self._changed(name, bool(bits(levels, number)))
        self._levels = levels

    def _mode(self, number: int) -> int:
        return bits(self.values["MODER"], 2 * number, 2)
