"""The three STM32 boards, put together from the models of what is on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from boards import clocks
from boards.bus import Bus, Peripheral
from boards.core import Core, Memory
from boards.dfsdm import FULL_SCALE, Dfsdm
from boards.dma import DmaF7, DmaL4
from boards.pins import Pins, Port
from boards.system import BASE, SIZE, SystemControl
from boards.usart import Usart
from kws.emulate import Elf

KB = 1024
PORT = 0x400
GRACE = 2.0  # seconds after the last sample


@dataclass(frozen=True)
class Wiring:
    """What a board adds to its chip. RM0351 and RM0410 2.2 have the memories."""

    family: str
    flash: Memory
    memories: Sequence[Memory]
    usart: int
    channel: int  # of the DFSDM, whose data pin the microphone is at
    lit: bool  # the level that lights the LED
    pins: Pins
    modes: Mapping[str, int] = field(default_factory=dict)  # MODER after reset, by port


_L4_MODES = dict.fromkeys("BCDEFGHI", 0xFFFF_FFFF) | {"A": 0xABFF_FFFF, "B": 0xFFFF_FEBF}
_F7_MODES = dict.fromkeys("CDEFGHIJK", 0) | {"A": 0xA800_0000, "B": 0x280}
_L4_FLASH, _F7_FLASH = (0x0800_0000, 1024 * KB), (0x0800_0000, 2048 * KB)

# Pins by the schematics and user manuals: UM2153 (IoT node), UM2160 (L496), UM2033 (F769).
BOARDS = {
    "b-l475e-iot01a": Wiring(
        "l4",
        _L4_FLASH,
        [(0x2000_0000, 96 * KB), (0x1000_0000, 32 * KB)],
        usart=1,
        channel=2,
        lit=True,
        pins={
            ("E", 9): ("CKOUT", 6),
            ("E", 7): ("DATIN", 6),
            ("B", 6): ("TX", 7),
            ("B", 14): ("LED", None),
        },
        modes=_L4_MODES | {"H": 0xF},
    ),
    "stm32l496g-disco": Wiring(
        "l4",
        _L4_FLASH,
        [(0x2000_0000, 320 * KB)],
        usart=2,
        channel=3,
        lit=False,
        pins={
            ("C", 2): ("CKOUT", 6),
            ("C", 7): ("DATIN", 6),
            ("H", 1): ("SUPPLY", None),
            ("A", 2): ("TX", 7),
            ("B", 13): ("LED", None),
        },
        modes=_L4_MODES,
    ),
    "stm32f769i-disco": Wiring(
        "f7",
        _F7_FLASH,
        [(0x2000_0000, 512 * KB)],
        usart=1,
        channel=1,
        lit=True,
        pins={
            ("D", 3): ("CKOUT", 3),
            ("C", 3): ("DATIN", 3),
            ("A", 9): ("TX", 7),
            ("J", 5): ("LED", None),
        },
        modes=_F7_MODES,
    ),
}


@dataclass(frozen=True)
class BoardResult:
    """What a run came to; times in seconds of the board."""

    lines: list[str]  # of the terminal
    led_events: list[tuple[float, bool]]  # since the microphone started: lit or not
    lost: int  # halves of the ring, or samples before it, that nobody took
    instructions: int  # executed, but for those that waited for the terminal
    seconds: float  # from the microphone's start on
    duty: float  # share of them in which the processor did not sleep
    longest_awake: float
    latest_interrupt: float  # from a half of the ring to the interrupt that takes it
    hz: float
    scale: float  # of the filter's results, 1 is full scale
    stack: int  # bytes of it that were ever used


class Board:
    """A board with a microphone that hears `run`'s samples; `elf` is the image's file."""

    def __init__(self, elf: bytes, name: str, cpi: float = 1.0) -> None:
        self._elf = Elf(elf)
        self._wiring = BOARDS[name]
        self._cpi = cpi

    def run(self, samples: NDArray[np.int16]) -> BoardResult:
        """Switch the board on, and off when it has dealt with all samples.

        Raises `BoardFault` for what the board would not take.
        """
        return Machine(self._elf, self._wiring, samples, self._cpi).run()


class Machine:
    """A board that is switched on."""

    def __init__(
        self, elf: Elf, wiring: Wiring, samples: NDArray[np.int16], cpi: float = 1.0
    ) -> None:
        self.wiring = wiring
        self.bus = Bus()
        m7 = wiring.family == "f7"
        cpu = "m7" if m7 else "m4"
        self.system = SystemControl(cpu)
        self.core = Core(elf, cpu, wiring.flash, wiring.memories, self.bus, self.system, cpi)
        self.levels: dict[str, bool] = {}
        self.led: list[tuple[float, bool]] = []
        self.bus.add(BASE, SIZE, self.system)
        self.clocks = self._clocks_f7() if m7 else self._clocks_l4()
        self.dma = (DmaF7 if m7 else DmaL4)(self.core, self.system)
        if m7:
            self.dma.cached = self.system.cached
        self.ports = self._ports(m7)
        usart = wiring.usart
        self.usart = Usart(
            f"USART{usart}",
            self.core,
            lambda: self.clocks.pclk2 if usart == 1 else self.clocks.pclk1,
            lambda: self._routed("TX"),
        )
        base = 0x4001_7400 if m7 else 0x4001_6000
        self.dfsdm = Dfsdm(
            base, self.core, self.dma, lambda: self.clocks.pclk2, self._listens, samples
        )
        if m7:
            self._add(0x4002_6400, self.dma, "AHB1ENR", 22)
            self._add(0x4001_1000, self.usart, "APB2ENR", 4)
            self._add(base, self.dfsdm, "APB2ENR", 29)
        else:
            self._add(0x4002_0000, self.dma, "AHB1ENR", 0)
            self._add(base, self.dfsdm, "APB2ENR", 24)
            if usart == 1:
                self._add(0x4001_3800, self.usart, "APB2ENR", 14)
            else:
                self._add(0x4000_4400, self.usart, "APB1ENR1", 17)

    def run(self) -> BoardResult:
        """Until the last sample has been dealt with."""
        self.core.run(end=1.0, until=lambda: self.dfsdm.started is not None)
        dfsdm, asleep = self.dfsdm, self.core.asleep
        if dfsdm.started is None or dfsdm.ends is None:
            raise dfsdm.refuse("not started a second after reset")
        self.core.run(end=dfsdm.ends + GRACE)
        seconds = self.core.now - dfsdm.started
        return BoardResult(
            lines=self.usart.text.splitlines(),
            led_events=[(t - dfsdm.started, level == self.wiring.lit) for t, level in self.led],
            lost=self.dma.lost + dfsdm.lost,
            instructions=self.core.instructions,
            seconds=seconds,
            duty=1 - (self.core.asleep - asleep) / seconds,
            longest_awake=self.core.longest_awake,
            latest_interrupt=self.dma.latest,
            hz=float(self.clocks.hclk),
            scale=float(dfsdm.scale / FULL_SCALE),
            stack=self.core.stack_used(),
        )

    # -- what is where -----------------------------------------------------------------------------
    def _add(self, base: int, peripheral: Peripheral, register: str, bit: int) -> None:
        self.bus.add(base, PORT, peripheral, lambda: self.clocks.enabled(register, bit))

    def _clocks_l4(self) -> clocks.ClocksL4:
        follows = {("CR", 8): ("CR", 10), ("CR", 24): ("CR", 25)}
        rcc = clocks.Rcc("RCC", clocks.RM0351_RCC, self.core, follows)
        pwr = Peripheral("PWR", clocks.RM0351_PWR)
        flash = Peripheral("FLASH", clocks.RM0351_FLASH)
        rcc.clocks = clocks.ClocksL4(self.core, rcc, pwr, flash)
        self.bus.add(0x4002_1000, PORT, rcc)
        self.bus.add(0x4002_2000, PORT, flash)
        self.bus.add(0x4000_7000, PORT, pwr, lambda: self.clocks.enabled("APB1ENR1", 28))
        return rcc.clocks

    def _clocks_f7(self) -> clocks.ClocksF7:
        follows = {("CR", 16): ("CR", 17), ("CR", 24): ("CR", 25)}
        rcc = clocks.Rcc("RCC", clocks.RM0410_RCC, self.core, follows)
        drive = {("CR1", 16): ("CSR1", 16), ("CR1", 17): ("CSR1", 17)}
        pwr = clocks.Ready("PWR", clocks.RM0410_PWR, self.core, drive)
        flash = Peripheral("FLASH", clocks.RM0410_FLASH)
        rcc.clocks = clocks.ClocksF7(self.core, rcc, pwr, flash)
        self.bus.add(0x4002_3800, PORT, rcc)
        self.bus.add(0x4002_3C00, PORT, flash)
        self.bus.add(0x4000_7000, PORT, pwr, lambda: self.clocks.enabled("APB1ENR", 28))
        return rcc.clocks

    def _ports(self, m7: bool) -> list[Port]:
        first, register = (0x4002_0000, "AHB1ENR") if m7 else (0x4800_0000, "AHB2ENR")
        ports = []
        for letter, modes in self.wiring.modes.items():
            ports.append(Port(letter, modes, self.wiring.pins, self._driven))
            number = ord(letter) - ord("A")
            self._add(first + PORT * number, ports[-1], register, number)
        return ports

    # -- wires -------------------------------------------------------------------------------------
    def _routed(self, what: str) -> bool:
        return any(port.routed(what) for port in self.ports)

    def _listens(self, channel: int) -> bool:
        supply = ("SUPPLY", None) not in self.wiring.pins.values() or self.levels.get("SUPPLY")
        wired = self._routed("CKOUT") and self._routed("DATIN")
        return bool(wired and supply and channel == self.wiring.channel)

    def _driven(self, what: str, level: bool) -> None:
        if self.levels.get(what) != level:
            self.levels[what] = level
            if what == "LED":
                self.led.append((self.core.now, level))
