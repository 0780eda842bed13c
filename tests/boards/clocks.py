"""Reset and clock control, power control and flash wait states: what sets the clocks of a chip."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from boards.bus import Peripheral, Register, bits
from boards.core import Core

MHZ = 1_000_000
HSI16 = 16 * MHZ  # on both families
READY_SECONDS = 20e-6  # from the enable bit of an oscillator or a regulator to its ready bit
AHB_DIVIDERS = (1,) * 8 + (2, 4, 8, 16, 64, 128, 256, 512)
APB_DIVIDERS = (1,) * 4 + (2, 4, 8, 16)

RM0351_RCC = {
    0x00: Register("CR", 1 << 8 | 1 << 24, 0x63, 1 << 10 | 1 << 25),
    0x08: Register("CFGR", 0x3FF3, state=0xC),
    0x0C: Register("PLLCFGR", 0x0700_7F73, 0x1000),
    0x48: Register("AHB1ENR", 0b111, 1 << 8),
    0x4C: Register("AHB2ENR", 0x1FF),
    0x58: Register("APB1ENR1", 1 << 17 | 1 << 28),
    0x60: Register("APB2ENR", 1 << 14 | 1 << 24),
}
RM0351_PWR = {0x00: Register("CR1", 3 << 9, 1 << 9), 0x14: Register("SR2", 0)}
RM0351_FLASH = {0x00: Register("ACR", 0x707, 0x600)}
RM0410_RCC = {
    0x00: Register("CR", 1 << 16 | 1 << 24, 0x83, 1 << 17 | 1 << 25),
    0x04: Register("PLLCFGR", 0x7F43_7FFF, 0x2400_3010),
    0x08: Register("CFGR", 0xFCF3, state=0xC),
    0x30: Register("AHB1ENR", 0x7FF | 3 << 21, 1 << 20),
    0x40: Register("APB1ENR", 1 << 28),
    0x44: Register("APB2ENR", 1 << 4 | 1 << 29),
}
RM0410_PWR = {0x00: Register("CR1", 3 << 14 | 3 << 16, 3 << 14), 0x04: Register("CSR1", 0)}
RM0410_FLASH = {0x00: Register("ACR", 0x30F)}


class Ready(Peripheral):
    """Registers with enable bits whose ready bits follow a while later."""

    def __init__(
        self,
        name: str,
        registers: Mapping[int, Register],
        core: Core,
        follows: Mapping[tuple[str, int], tuple[str, int]],
    ) -> None:
        super().__init__(name, registers)
        self._core = core
        self._follows = follows  # register and bit of the enable: of the ready bit
        self._since: dict[tuple[str, int], float] = {}

    def ready(self, register: str, bit: int) -> bool:
        """Whether what the enable bit asks for has come."""
        since = self._since.get((register, bit))
        return since is not None and self._core.now >= since + READY_SECONDS

    def reading(self, register: str) -> int:
        """The value, with its ready bits."""
        value = super().reading(register)
        for enable, (where, bit) in self._follows.items():
            if where == register:
                value = value & ~(1 << bit) | self.ready(*enable) << bit
        return value

    def writing(self, register: str, new: int) -> None:
        """Enable bits start to count; ready bits are not kept."""
        for (where, bit), (follows, ready) in self._follows.items():
            if where == register and bits(self.values[register] ^ new, bit):
                self._since.pop((where, bit), None)
                if bits(new, bit):
                    self._since[where, bit] = self._core.now
            if follows == register:
                new &= ~(1 << ready)
        super().writing(register, new)


class Clocks:
    """The clock tree of a chip: what runs at which rate, and what forbids it."""

    def __init__(self, core: Core, rcc: Ready, pwr: Peripheral, flash: Peripheral) -> None:
        self.core, self.rcc, self.pwr, self.flash = core, rcc, pwr, flash
        self.hclk = self.pclk1 = self.pclk2 = Fraction(0)
        self.set(Fraction(self.reset_hz), 1, 1, 1)

    reset_hz = 0

    def set(self, system: Fraction, ahb: int, apb1: int, apb2: int) -> None:
        """The system clock and its dividers change."""
        self.hclk = system / ahb
        self.pclk1, self.pclk2 = self.hclk / apb1, self.hclk / apb2
        self.core.set_clock(float(self.hclk))

    def enabled(self, register: str, bit: int) -> bool:
        """Whether a peripheral has its clock."""
        return bool(bits(self.rcc.values[register], bit))

    def need(self, holds: bool, what: str) -> None:
        """Raise `BoardFault` where a rule of the manual is broken."""
        if not holds:
            raise self.rcc.refuse(what)


class ClocksL4(Clocks):
    """STM32L475 and L496: RM0351 3.3.3, 5.1.8 and 6.2."""

    reset_hz = 4 * MHZ  # MSI

    def switch(self, value: int) -> None:
        """CFGR is written."""
        source = bits(value, 0, 2)
        system = Fraction(self.reset_hz) if source == 0 else self._pll()
        self.need(source in (0, 3), f"SW = {source}: only MSI and PLL are in the model")
        dividers = AHB_DIVIDERS[bits(value, 4, 4)], bits(value, 8, 3), bits(value, 11, 3)
        ahb, apb1, apb2 = dividers[0], APB_DIVIDERS[dividers[1]], APB_DIVIDERS[dividers[2]]
        wait_states = bits(self.flash.values["ACR"], 0, 3)
        self.need(bits(self.pwr.values["CR1"], 9, 2) == 1, "PLL outside of voltage range 1")
        self.need(
            system / ahb <= 16 * MHZ * (wait_states + 1),
            f"{float(system) / MHZ} MHz with {wait_states} wait states of the flash",
        )
        self.set(system, ahb, apb1, apb2)

    def _pll(self) -> Fraction:
        value = self.rcc.values["PLLCFGR"]
        self.need(bits(value, 0, 2) == 2 and self.rcc.ready("CR", 8), "PLL without HSI16")
        self.need(self.rcc.ready("CR", 24), "switched to the PLL before it was ready")
        self.need(bool(bits(value, 24)), "PLLREN is off")
        reference = Fraction(HSI16, bits(value, 4, 3) + 1)
        vco = reference * bits(value, 8, 7)
        system = vco / (2 * (bits(value, 25, 2) + 1))
        self.need(4 * MHZ <= reference <= 16 * MHZ, f"PLL input {float(reference)} Hz")
        self.need(64 * MHZ <= vco <= 344 * MHZ, f"VCO at {float(vco)} Hz")
        self.need(system <= 80 * MHZ, f"PLL output {float(system)} Hz")
        return system


class ClocksF7(Clocks):
    """STM32F769 with a crystal of 25 MHz: RM0410 3.3.2, 4.1.4 and 5.2."""

    reset_hz = HSI16
    crystal = 25 * MHZ

    def switch(self, value: int) -> None:
        """CFGR is written."""
        source = bits(value, 0, 2)
        self.need(source in (0, 2), f"SW = {source}: only HSI and PLL are in the model")
        system = Fraction(self.reset_hz) if source == 0 else self._pll()
        ahb = AHB_DIVIDERS[bits(value, 4, 4)]
        apb1, apb2 = APB_DIVIDERS[bits(value, 10, 3)], APB_DIVIDERS[bits(value, 13, 3)]
        hclk = system / ahb
        wait_states = bits(self.flash.values["ACR"], 0, 4)
        over_drive = self.pwr.reading("CSR1")
        self.need(
            hclk <= 180 * MHZ or bits(over_drive, 16, 2) == 3, f"{float(hclk)} Hz: no over-drive"
        )
        self.need(
            hclk <= 30 * MHZ * (wait_states + 1),
            f"{float(hclk) / MHZ} MHz with {wait_states} wait states of the flash",
        )
        self.need(hclk / apb1 <= 54 * MHZ, f"APB1 at {float(hclk / apb1)} Hz")
        self.need(hclk / apb2 <= 108 * MHZ, f"APB2 at {float(hclk / apb2)} Hz")
        self.set(system, ahb, apb1, apb2)

    def _pll(self) -> Fraction:
        value = self.rcc.values["PLLCFGR"]
        self.need(bool(bits(value, 22)) and self.rcc.ready("CR", 16), "PLL without HSE")
        self.need(self.rcc.ready("CR", 24), "switched to the PLL before it was ready")
        self.need(min(bits(value, 24, 4), bits(value, 28, 3)) >= 2, "PLLQ or PLLR below 2")
        reference = Fraction(self.crystal, bits(value, 0, 6))
        vco = reference * bits(value, 6, 9)
        system = vco / (2 * (bits(value, 16, 2) + 1))
        self.need(MHZ <= reference <= 2 * MHZ, f"PLL input {float(reference)} Hz")
        self.need(100 * MHZ <= vco <= 432 * MHZ, f"VCO at {float(vco)} Hz")
        self.need(system <= 216 * MHZ, f"PLL output {float(system)} Hz")
        return system


class Rcc(Ready):
    """The RCC: writing CFGR switches, and a running PLL keeps its settings."""

    clocks: ClocksL4 | ClocksF7

    def writing(self, register: str, new: int) -> None:
        """Switch, or refuse."""
        if register == "PLLCFGR" and bits(self.values["CR"], 24):
            raise self.refuse("PLLCFGR written while the PLL is on")
        if register == "CFGR":
            new = new & ~0b1100 | bits(new, 0, 2) << 2  # SWS follows SW
            self.clocks.switch(new)
        super().writing(register, new)
