"""What the STM32 boards' registers are set to, read as the reference manuals read them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
BOARD = ROOT / "firmware/board"
STM32 = BOARD / "stm32"
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", f"-I{STM32}")
MHZ = 1_000_000


@dataclass(frozen=True)
class Family:
    """Limits of a family: RM0351 3.3.3 and 6.4.4, DS11585; RM0410 3.3.2 and 5.3.2, DS11532."""

    name: str
    sources: tuple[str, ...]
    source_hz: int
    vco_input: tuple[float, float]
    vco: tuple[float, float]
    multiply: tuple[int, int]
    hclk: int
    pclk: tuple[int, int]
    hz_a_wait: tuple[int, ...]  # highest HCLK with 0, 1, ... wait states
    flash_features: int  # prefetch and caches in FLASH_ACR
    ppre: tuple[int, int]  # where the buses' dividers begin in RCC_CFGR


L4 = Family(
    "L4",
    ("l4.c",),
    16 * MHZ,
    (4e6, 16e6),
    (64e6, 344e6),
    (8, 86),
    80 * MHZ,
    (80 * MHZ, 80 * MHZ),
    tuple(n * MHZ for n in (16, 32, 48, 64, 80)),
    0b111 << 8,
    (8, 11),
)
F7 = Family(
    "F7",
    ("f7.c",),
    25 * MHZ,
    (0.95e6, 2.1e6),
    (100e6, 432e6),
    (50, 432),
    216 * MHZ,
    (54 * MHZ, 108 * MHZ),
    tuple(n * MHZ for n in (30, 60, 90, 120, 150, 180, 210, 216)),
    0b11 << 8,
    (10, 13),
)
FAMILIES = {"stm32l496g-disco": L4, "b-l475e-iot01a": L4, "stm32f769i-disco": F7}


def field(value: int, low: int, bits: int) -> int:
    return value >> low & ((1 << bits) - 1)


@dataclass(frozen=True)
class Board:
    """A board's name, its family, and what describe.c says of it."""

    name: str
    family: Family
    values: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    @property
    def pll(self) -> tuple[int, int, int]:
        """M, N and R (L4: RM0351 6.4.4) or P (F7: RM0410 5.3.2) of the register's value."""
        value = self["RCC_PLLCFGR"]
        if self.family is L4:
            return field(value, 4, 3) + 1, field(value, 8, 7), 2 * (field(value, 25, 2) + 1)
        return field(value, 0, 6), field(value, 6, 9), 2 * (field(value, 16, 2) + 1)

    @property
    def hclk(self) -> int:
        m, n, post = self.pll
        hz = self.family.source_hz * n
        assert hz % (m * post) == 0
        return hz // (m * post)

    def pclk(self, bus: int) -> int:
        code = field(self["RCC_CFGR"], self.family.ppre[bus - 1], 3)
        return self.hclk // (1 if code < 4 else 2 << (code - 4))

    @property
    def ckout(self) -> int:
        divider = field(self["DFSDM_CH0CFGR1"], 16, 8) + 1
        assert self.pclk(2) % divider == 0
        return self.pclk(2) // divider

    @property
    def order(self) -> int:
        return field(self["DFSDM_FLT0FCR"], 29, 3)

    @property
    def oversampling(self) -> int:
        return field(self["DFSDM_FLT0FCR"], 16, 10) + 1

    @property
    def shift(self) -> int:
        return field(self["DFSDM_CHyCFGR2"], 3, 5)


def describe(name: str, folder: Path) -> Board:
    """What describe.c, built in a folder, says of a board."""
    family = FAMILIES[name]
    program = folder / "describe"
    names = ("describe.c", "clock.c", "dfsdm.c", "usart.c", "gpio.c", *family.sources)
    sources = [*(STM32 / file for file in names), BOARD / name / "pins.c"]
    subprocess.run(["cc", *FLAGS, f"-DSTM32_{family.name}", "-o", program, *sources], check=True)
    said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return Board(name, family, json.loads(said))


def sinc(bits: NDArray[np.int64], board: Board) -> NDArray[np.int64]:
    """What the DFSDM makes of +1 and -1: RM0351 24.4.8 and 24.4.13, in its 32-bit registers."""
    values = bits
    for _ in range(board.order):
        values = np.cumsum(values).astype(np.int32).astype(np.int64)
    values = values[board.oversampling - 1 :: board.oversampling]
    for _ in range(board.order):
        values = np.diff(values, prepend=0).astype(np.int32).astype(np.int64)
    return (values + (1 << board.shift >> 1)) >> board.shift
