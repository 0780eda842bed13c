"""The emulated boards refuse what the real ones would not take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from boards import BOARDS, BoardFault
from boards.stm32 import Machine
from images import build
from kws.emulate import Elf

L4, F7 = "stm32l496g-disco", "stm32f769i-disco"

RCC_L4, RCC_F7, PWR, FLASH_L4 = 0x4002_1000, 0x4002_3800, 0x4000_7000, 0x4002_2000
FLASH_F7, USART2, USART1_F7 = 0x4002_3C00, 0x4000_4400, 0x4001_1000
GPIOA_L4, GPIOB_L4, GPIOC_L4 = 0x4800_0000, 0x4800_0400, 0x4800_0800
DFSDM_L4, DMA1, SCS = 0x4001_6000, 0x4002_0000, 0xE000_E000
NEVER = 1e-3  # seconds in which everything gets ready

Writes = list[tuple[int, int] | float]  # address and value; seconds to wait

# 80 MHz from HSI16: 16 / 2 * 20 / 2
L4_PLL: Writes = [(RCC_L4, 0x163), NEVER, (RCC_L4 + 0x0C, 0x0100_1412), (RCC_L4, 0x0100_0563)]
L4_80MHZ: Writes = [*L4_PLL, NEVER, (FLASH_L4, 0x704), (RCC_L4 + 8, 3)]
# a terminal on PA2, AF7
L4_TX: Writes = [(RCC_L4 + 0x58, 1 << 17), (RCC_L4 + 0x4C, 0b111)]
L4_TX += [(GPIOA_L4 + 0x20, 0x700), (GPIOA_L4, 0xABFF_FFEF)]
# channel 3 clocked with 2 MHz, and the pins it needs; the microphone's supply is PH1
L4_SOUND: Writes = [*L4_80MHZ, (RCC_L4 + 0x60, 1 << 24), (RCC_L4 + 0x4C, 0x84)]
L4_SOUND += [(GPIOC_L4 + 0x20, 0x6000_0600), (GPIOC_L4, 0xFFFF_BFEF)]
L4_SOUND += [(0x4800_1C18, 2), (0x4800_1C00, 0xFFFF_FFF7)]
L4_SOUND += [(DFSDM_L4, 39 << 16), (DFSDM_L4, 1 << 31 | 39 << 16)]
CHANNEL, FILTER = DFSDM_L4 + 0x60, DFSDM_L4 + 0x100
SETTINGS, SINC4 = 1 << 29 | 3 << 24 | 1 << 21 | 1 << 18, 4 << 29 | 124 << 16
CHANNEL_ON: Writes = [(CHANNEL + 4, 5 << 3), (CHANNEL, 4), (CHANNEL, 0x84)]
FILTER_ON: Writes = [(FILTER + 0x14, SINC4), (FILTER, SETTINGS), (FILTER, SETTINGS | 1)]
START: Writes = [(FILTER, SETTINGS | 1 | 1 << 17)]

REFUSED: dict[str, tuple[str, Writes, str]] = {
    "an address": (L4, [(0x4001_0000, 1)], "0x40010000: no peripheral"),
    "a register": (L4, [(RCC_L4 + 0x88, 1)], r"RCC \+ 0x88: no such register"),
    "a bit": (L4, [(RCC_L4, 0x2063)], "RCC_CR = 0x00002063: bits 0x2000"),
    "a clock that is off": (L4, [(USART2, 1)], "USART2 at 0x40004400: its clock is off"),
    "the PLL too early": (L4, [*L4_PLL, (RCC_L4 + 8, 3)], "before it was ready"),
    "the PLL changed": (L4, [*L4_PLL, (RCC_L4 + 0x0C, 0)], "PLLCFGR written while"),
    "a flash too slow": (L4, [*L4_PLL, NEVER, (RCC_L4 + 8, 3)], "80.0 MHz with 0 wait states"),
    "no over-drive": (
        F7,
        [
            (RCC_F7, 0x0001_0083),
            NEVER,
            (RCC_F7 + 4, 0x2940_6C19),
            (RCC_F7, 0x0101_0083),
            NEVER,
            (FLASH_F7, 0x307),
            (RCC_F7 + 8, 0x9402),
        ],
        "no over-drive",
    ),
    "a pin of nobody": (L4, [(RCC_L4 + 0x4C, 1), (GPIOA_L4, 0xABFF_FFF7)], "PA1: nothing is"),
    "a pin not given": (L4, [(RCC_L4 + 0x58, 1 << 17), (USART2 + 0x28, 65)], "is not its own"),
    "a wrong rate": (
        L4,
        [*L4_TX, (USART2 + 0xC, 34), (USART2, 9), (USART2 + 0x28, 65)],
        "117647 baud",
    ),
    "a character too many": (
        L4,
        [*L4_TX, (USART2 + 0xC, 35), (USART2, 9), *[(USART2 + 0x28, 65)] * 3],
        "a character is lost",
    ),
    "a channel that is on": (L4, [*L4_SOUND, *CHANNEL_ON, (CHANNEL + 4, 0)], "CH3CFGR2 changed"),
    "a filter that is on": (
        L4,
        [*L4_SOUND, *CHANNEL_ON, *FILTER_ON, (FILTER + 0x14, 0)],
        "FLT0FCR changed",
    ),
    "a filter that starves": (L4, [*L4_SOUND, *FILTER_ON, *START], "channel 3 is off"),
    "no microphone": (
        L4,
        [*L4_SOUND, *CHANNEL_ON, *FILTER_ON, (0x4800_1C18, 2 << 16), *START],
        "no microphone",
    ),
    "another sample rate": (
        L4,
        [*L4_SOUND, *CHANNEL_ON, (FILTER + 0x14, 4 << 29 | 127 << 16), *FILTER_ON[1:], *START],
        "15625.0 samples a second",
    ),
    "another scale": (
        L4,
        [*L4_SOUND, (CHANNEL + 4, 7 << 3), *CHANNEL_ON[1:], *FILTER_ON, *START],
        "full scale is 1907348",
    ),
    "a ring of another kind": (L4, [(RCC_L4 + 0x48, 0x101), (DMA1 + 0x44, 1)], "not a ring"),
    "a cache that is not clean": (
        F7,
        [(SCS + 0xF60, 0), (SCS + 0xD14, 0x5_0200)],
        "after 1 of 512",
    ),
    "code that is not clean": (F7, [(SCS + 0xD14, 0x6_0200)], "instruction cache on before"),
    "a region askew": (F7, [(SCS + 0xD9C, 0x2000_1010), (SCS + 0xDA0, 0x1B)], "MPU region"),
    "caches of an M4": (L4, [(SCS + 0xD14, 0)], r"SCS \+ 0xd14: no such register"),
}


def machine(board: str, samples: int = 64) -> Machine:
    elf = Elf(Path(f"{build(board)}.elf").read_bytes())
    return Machine(elf, BOARDS[board], np.arange(samples, dtype=np.int16))


def write(board: Machine, writes: Writes) -> None:
    for step in writes:
        if isinstance(step, float):
            board.core.wait(step)
        else:
            address, value = step
            board.bus.write(address, 4, value)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    board, writes, why = REFUSED[name]
    emulated = machine(board)
    write(emulated, writes[:-1])
    with pytest.raises(BoardFault, match=why):
        write(emulated, writes[-1:])


def test_a_byte_at_once() -> None:
    with pytest.raises(BoardFault, match="2 bytes at once"):
        machine(L4).bus.read(RCC_L4, 2)


def test_clocks_of_the_buses() -> None:
    board = machine(L4)
    assert board.clocks.hclk == 4_000_000
    write(board, L4_80MHZ)
    assert (board.clocks.hclk, board.clocks.pclk1) == (80_000_000, 80_000_000)
    write(board, [(RCC_L4 + 8, 0x2D03)])
    assert (board.clocks.pclk1, board.clocks.pclk2) == (20_000_000, 20_000_000)
    assert board.bus.read(RCC_L4 + 8, 4) == 0x2D0F


def test_samples_reach_the_memory_at_their_time() -> None:
    board = machine(L4)
    write(board, [*L4_SOUND, (RCC_L4 + 0x48, 0x101), (SCS + 0x100, 1 << 14)])
    ring = 0x2000_0000
    write(board, [(DMA1 + 0x4C, FILTER + 0x1C), (DMA1 + 0x50, ring), (DMA1 + 0x48, 64)])
    write(board, [(DMA1 + 0x44, 0x0AA6), (DMA1 + 0x44, 0x0AA7)])
    write(board, [*CHANNEL_ON, *FILTER_ON, *START])
    board.core.wait(31.5 / 16000)
    assert not board.system.pending
    board.core.wait(1 / 16000)
    assert board.system.pending
    assert board.bus.read(DMA1, 4) == 0x5000  # GIF and HTIF of channel 4
    words = np.frombuffer(board.core.read(ring, 32 * 4), np.int32)
    assert (words >> 16).tolist() == list(range(32))
    assert len(set((words & 0xFFFF).tolist())) > 16  # below a sample there is noise
    write(board, [(DMA1 + 4, 1 << 14)])
    board.core.wait(32 / 16000)
    assert board.bus.read(DMA1, 4) == 0x3000  # GIF and TCIF
    assert board.dma.lost == 0


def test_the_ring_is_overwritten() -> None:
    board = machine(L4, samples=256)
    write(board, [*L4_SOUND, (RCC_L4 + 0x48, 0x101)])
    write(board, [(DMA1 + 0x4C, FILTER + 0x1C), (DMA1 + 0x50, 0x2000_0000), (DMA1 + 0x48, 64)])
    write(board, [(DMA1 + 0x44, 0x0AA6), (DMA1 + 0x44, 0x0AA7)])
    write(board, [*CHANNEL_ON, *FILTER_ON, *START])
    board.core.wait(1.0)
    assert board.dma.lost == 7


def test_a_filter_without_a_channel_of_the_dma() -> None:
    board = machine(L4, samples=48)
    write(board, [*L4_SOUND, *CHANNEL_ON, *FILTER_ON, *START])
    board.core.wait(1.0)
    assert board.dfsdm.lost == 48
    assert board.bus.read(FILTER + 8, 4) == 1 << 3


def test_dma_and_the_data_cache() -> None:
    board = machine(F7)
    assert not board.system.cached(0x2007_C000, 0x2007_C800)
    clean = [(SCS + 0xF60, way << 30 | line << 5) for way in range(4) for line in range(128)]
    write(board, [*clean, (SCS + 0xD14, 0x5_0200)])
    assert board.system.cached(0x2007_C000, 0x2007_C800)
    write(board, [(SCS + 0xD9C, 0x2007_C010), (SCS + 0xDA0, 0x1308_001B), (SCS + 0xD94, 5)])
    assert not board.system.cached(0x2007_C000, 0x2007_C800)
    assert board.system.cached(0x2007_BFF0, 0x2007_C800)
