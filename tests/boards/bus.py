"""Registers behind addresses: what all peripherals of an emulated board have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

WORD = 4  # bytes


class BoardFault(Exception):
    """The firmware did what the board would not take, or what no model knows."""


@dataclass(frozen=True)
class Register:
    """A 32-bit register.

    `bits` are those that the model knows; `state` are those that only the hardware changes, and
    that may be written with anything. All others have to stay.
    """

    name: str
    bits: int = 0xFFFF_FFFF
    reset: int = 0
    state: int = 0


class Peripheral:
    """A block of registers by offset; subclasses say what reading and writing does."""

    def __init__(self, name: str, registers: Mapping[int, Register]) -> None:
        self.name = name
        self.registers = dict(registers)
        self.values = {register.name: register.reset for register in registers.values()}

    def read(self, offset: int) -> int:
        """The value that the firmware sees."""
        return self.reading(self._register(offset).name)

    def write(self, offset: int, value: int) -> None:
        """What the firmware writes."""
        register = self._register(offset)
        if unknown := (self.reading(register.name) ^ value) & ~(register.bits | register.state):
            raise BoardFault(
                f"{self.name}_{register.name} = {value:#010x}: bits {unknown:#x} are in no model"
            )
        self.writing(register.name, value)

    def reading(self, register: str) -> int:
        """The value of a register: what was written."""
        return self.values[register]

    def writing(self, register: str, new: int) -> None:
        """A register is written: it keeps that."""
        self.values[register] = new

    def refuse(self, what: str) -> BoardFault:
        """The fault of this peripheral to raise."""
        return BoardFault(f"{self.name}: {what}")

    def _register(self, offset: int) -> Register:
        try:
            return self.registers[offset]
        except KeyError:
            raise BoardFault(f"{self.name} + {offset:#x}: no such register in the model") from None


def bits(value: int, lowest: int, count: int = 1) -> int:
    """A field of a register."""
    return value >> lowest & (1 << count) - 1


@dataclass(frozen=True)
class _Window:
    base: int
    size: int
    peripheral: Peripheral
    clocked: Callable[[], bool]


class Bus:
    """Hands the processor's accesses to peripherals."""

    def __init__(self) -> None:
        self._windows: list[_Window] = []

    def add(
        self,
        base: int,
        size: int,
        peripheral: Peripheral,
        clocked: Callable[[], bool] = lambda: True,
    ) -> None:
        """Put a peripheral at an address; without its clock nothing may touch it."""
        self._windows.append(_Window(base, size, peripheral, clocked))

    def read(self, address: int, size: int) -> int:
        """The word at an address."""
        window = self._window(address, size)
        return window.peripheral.read(address - window.base)

    def write(self, address: int, size: int, value: int) -> None:
        """Write the word at an address."""
        window = self._window(address, size)
        window.peripheral.write(address - window.base, value)

    def _window(self, address: int, size: int) -> _Window:
        for window in self._windows:
            if 0 <= address - window.base < window.size:
                break
        else:
            raise BoardFault(f"{address:#010x}: no peripheral of the model lies there")
        name = window.peripheral.name
        if size != WORD or address % WORD:
            raise BoardFault(f"{name} at {address:#010x}: {size} bytes at once; expected words")
        if not window.clocked():
            raise BoardFault(f"{name} at {address:#010x}: its clock is off in the RCC")
        return window
