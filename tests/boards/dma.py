"""Direct memory access from the microphone's filter: RM0351 11, RM0410 8."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boards.bus import Peripheral, Register, bits
from boards.core import Core
from boards.system import SystemControl

SIZES = (np.uint8, np.uint16, np.uint32)


@dataclass(frozen=True)
class Transfer:
    """What a channel or stream is set to do."""

    source: int
    target: int
    count: int
    source_size: int  # 0: byte, 1: halfword, 2: word
    target_size: int
    half: bool  # interrupts
    full: bool


class Dma(Peripheral):
    """A controller with one channel that serves one request.

    `lost` counts halves of the ring that were overwritten before the firmware had cleared their
    flag. `latest` is the longest time from a flag to that.
    """

    def __init__(
        self, name: str, registers: Mapping[int, Register], core: Core, system: SystemControl
    ) -> None:
        super().__init__(name, registers)
        self._core = core
        self._system = system
        self._done = 0  # of the round
        self._flags: dict[str, float] = {}  # half, full: since when
        self.lost = 0
        self.latest = 0.0
        self.cached: Callable[[int, int], bool] = lambda _base, _end: False

    interrupt = 0

    @abstractmethod
    def transfer(self) -> Transfer | None:
        """The settings; none where the channel is off. Raises `BoardFault` for odd ones."""

    def room(self) -> int:
        """Values to the next half or full round; 0 where the channel is off."""
        transfer = self.transfer()
        if transfer is None:
            return 0
        half = transfer.count // 2
        return (half if self._done < half else transfer.count) - self._done

    def put(self, source: int, values: NDArray[np.uint32]) -> None:
        """Move what the register at `source` gave, at most `room()` values, to memory."""
        transfer = self.transfer()
        if transfer is None:
            raise self.refuse("a request without a channel")
        shift = 8 * (transfer.source - source)
        if shift not in (0, 8, 16, 24):
            raise self.refuse(f"reads {transfer.source:#x}; the request is of {source:#x}")
        target_type = SIZES[transfer.target_size]
        step = 1 << transfer.target_size
        end = transfer.target + transfer.count * step
        if self.cached(transfer.target, end):
            raise self.refuse(f"writes to {transfer.target:#x}, which the data cache may hold")
        read = (values >> np.uint32(shift)).astype(SIZES[transfer.source_size])
        self._core.write(transfer.target + self._done * step, read.astype(target_type).tobytes())
        self._done += len(values)
        if self._done == transfer.count // 2:
            self._reached("half", "full")
        elif self._done == transfer.count:
            self._done = 0
            self._reached("full", "half")

    def clear(self, flags: set[str]) -> None:
        """The firmware has seen flags."""
        for flag in flags & self._flags.keys():
            self.latest = max(self.latest, self._core.now - self._flags.pop(flag))
        self._signal()

    def _reached(self, flag: str, other: str) -> None:
        # from now on the other half is overwritten
        if other in self._flags:
            self.lost += 1
        self._flags.setdefault(flag, self._core.now)
        self._signal()

    def _signal(self) -> None:
        transfer = self.transfer()
        wanted = transfer is not None and (
            (transfer.half and "half" in self._flags) or (transfer.full and "full" in self._flags)
        )
        self._system.line(self.interrupt, wanted)

    def change(self, register: str, new: int, running: bool) -> None:
        """Settings change, and not while the channel is on; odd ones are refused."""
        if running:
            raise self.refuse(f"{register} written while the channel is on")
        self.values[register] = new
        self.transfer()


_L4_SETTINGS = 0x7FFF


class DmaL4(Dma):
    """DMA1 of an STM32L4, whose channel 4 serves DFSDM1_FLT0 by request 0: RM0351 11.6."""

    interrupt = 14

    def __init__(self, core: Core, system: SystemControl) -> None:
        registers = {
            0x00: Register("ISR", 0),
            0x04: Register("IFCR"),
            0x44: Register("CCR4", _L4_SETTINGS),
            0x48: Register("CNDTR4", 0xFFFF),
            0x4C: Register("CPAR4"),
            0x50: Register("CMAR4"),
            0xA8: Register("CSELR", 0xF000),
        }
        super().__init__("DMA1", registers, core, system)

    def transfer(self) -> Transfer | None:
        """Of channel 4."""
        settings = self.values["CCR4"]
        if not settings & 1:
            return None
        # memory to peripheral, peripheral increment, memory to memory: off; circular, increment: on
        if bits(settings, 4, 4) != 0b1010 or bits(settings, 14) or self.values["CSELR"]:
            raise self.refuse(f"CCR4 = {settings:#x}: not a ring for DFSDM1_FLT0")
        return Transfer(
            self.values["CPAR4"],
            self.values["CMAR4"],
            self.values["CNDTR4"],
            bits(settings, 8, 2),
            bits(settings, 10, 2),
            bool(bits(settings, 2)),
            bool(bits(settings, 1)),
        )

    def reading(self, register: str) -> int:
        """The flags of channel 4: GIF, TCIF, HTIF."""
        if register == "ISR":
            full, half = "full" in self._flags, "half" in self._flags
            return ((full or half) | full << 1 | half << 2) << 12
        return super().reading(register)

    def writing(self, register: str, new: int) -> None:
        """Clear flags, or set up."""
        if register == "IFCR":
            self.clear({flag for flag, bit in (("full", 13), ("half", 14)) if bits(new, bit)})
            return
        self.change(register, new, bool(self.values["CCR4"] & 1))


class DmaF7(Dma):
    """DMA2 of an STM32F7, whose stream 0 serves DFSDM1_FLT0 by channel 8: RM0410 8.5."""

    interrupt = 56

    def __init__(self, core: Core, system: SystemControl) -> None:
        registers = {
            0x00: Register("LISR", 0),
            0x08: Register("LIFCR"),
            0x10: Register("S0CR", 0x1FFF_FFFF),
            0x14: Register("S0NDTR", 0xFFFF),
            0x18: Register("S0PAR"),
            0x1C: Register("S0M0AR"),
        }
        super().__init__("DMA2", registers, core, system)

    def transfer(self) -> Transfer | None:
        """Of stream 0."""
        settings = self.values["S0CR"]
        if not settings & 1:
            return None
        # no flow control by the peripheral, from it to memory, circular, memory increment
        odd = bits(settings, 5, 6) != 0b101000 or bits(settings, 15) or bits(settings, 18, 7)
        if odd or bits(settings, 25, 4) != 8:
            raise self.refuse(f"S0CR = {settings:#x}: not a ring for DFSDM1_FLT0")
        size = bits(settings, 11, 2)  # direct mode: that of the memory is the same
        return Transfer(
            self.values["S0PAR"],
            self.values["S0M0AR"],
            self.values["S0NDTR"],
            size,
            size,
            bool(bits(settings, 3)),
            bool(bits(settings, 4)),
        )

    def reading(self, register: str) -> int:
        """The flags of stream 0: HTIF, TCIF."""
        if register == "LISR":
            return ("half" in self._flags) << 4 | ("full" in self._flags) << 5
        return super().reading(register)

    def writing(self, register: str, new: int) -> None:
        """Clear flags, or set up."""
        if register == "LIFCR":
            self.clear({flag for flag, bit in (("half", 4), ("full", 5)) if bits(new, bit)})
            return
        self.change(register, new, bool(self.values["S0CR"] & 1))
