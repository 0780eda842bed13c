"""The STM32 boards' registers, held to the reference manuals by arithmetic."""

from __future__ import annotations

import ctypes
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kws.spec import FrontEnd
from stm32 import BOARD, F7, FAMILIES, FLAGS, L4, MHZ, ROOT, Board, Family, describe, field, sinc

ADDRESSES = ROOT / "tests/vectors/registers.json"  # memory maps and each chapter's register map
MICROPHONE_HZ = (1_000_000, 3_250_000)  # MP34DT01, data sheet


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], int]:
    """C's stm32_sample: the filter's word and the gain to a sample."""
    folder = tmp_path_factory.mktemp("sample")
    (folder / "sample.c").write_text(
        '#include "stm32.h"\n'
        "int sample(int32_t word, unsigned gain);\n"
        "int sample(int32_t word, unsigned gain) { return stm32_sample(word, gain); }\n"
    )
    subprocess.run(
        ["cc", *FLAGS, "-shared", "-fPIC", "-o", folder / "sample.so", folder / "sample.c"],
        check=True,
    )
    function = ctypes.CDLL(str(folder / "sample.so")).sample
    function.argtypes = (ctypes.c_int32, ctypes.c_uint)
    return function


@pytest.fixture(scope="module", params=FAMILIES)
def board(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Board:
    return describe(request.param, tmp_path_factory.mktemp("board"))


def readme_rows(heading: str) -> list[list[str]]:
    """The rows of the first table under a heading of the boards' README, without its head."""
    text = (BOARD / "README.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return rows[2:]


def readme_row(heading: str, board: Board) -> list[str]:
    (row,) = [row[1:] for row in readme_rows(heading) if row[0] == board.name]
    return row


@pytest.mark.parametrize("family", [L4, F7], ids=lambda family: family.name)
def test_registers_stand_where_the_manual_has_them(family: Family, tmp_path: Path) -> None:
    expected: dict[str, str] = json.loads(ADDRESSES.read_text())[family.name]
    lines = "\n".join(
        f'printf("%08lX\\n", (unsigned long)(uintptr_t)&{name});' for name in expected
    )
    (tmp_path / "addresses.c").write_text(
        "#include <stdio.h>\n"
        '#include "family.h"\n'
        "#define GPIOA ((struct gpio *)(uintptr_t)GPIOA_BASE)\n"
        f"int main(void) {{\n{lines}\nreturn 0;\n}}\n"
    )
    program = tmp_path / "addresses"
    subprocess.run(
        ["cc", *FLAGS, f"-DSTM32_{family.name}", "-o", program, tmp_path / "addresses.c"],
        check=True,
    )
    said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    assert dict(zip(expected, said.split(), strict=True)) == expected


def test_pll_gives_the_processor_its_speed(board: Board) -> None:
    family = board.family
    m, n, post = board.pll
    assert board["source"] == family.source_hz
    assert family.vco_input[0] <= family.source_hz / m <= family.vco_input[1]
    assert family.multiply[0] <= n <= family.multiply[1]
    assert family.vco[0] <= family.source_hz * n / m <= family.vco[1]
    assert post in (2, 4, 6, 8)
    assert board.hclk == board["hclk"] == family.hclk
    assert (board.pclk(1), board.pclk(2)) == (board["pclk1"], board["pclk2"]) == family.pclk


def test_pll_takes_the_oscillator_and_feeds_the_processor(board: Board) -> None:
    pll, switch = board["RCC_PLLCFGR"], field(board["RCC_CFGR"], 0, 2)
    if board.family is L4:
        assert field(pll, 0, 2) == 0b10  # PLLSRC: HSI16
        assert field(pll, 24, 1) == 1  # PLLREN
        assert switch == 0b11  # SW: PLL
    else:
        assert field(pll, 22, 1) == 1  # PLLSRC: HSE
        assert field(pll, 24, 4) >= 2  # PLLQ
        assert field(pll, 28, 3) >= 2  # PLLR
        assert switch == 0b10  # SW: PLL


def test_flash_waits_as_long_as_it_must_and_no_longer(board: Board) -> None:
    needed = next(waits for waits, hz in enumerate(board.family.hz_a_wait) if board.hclk <= hz)
    assert field(board["FLASH_ACR"], 0, 4) == needed
    assert field(board["FLASH_ACR"], 8, 3) << 8 == board.family.flash_features


def test_sample_rate_is_exact(board: Board) -> None:
    assert MICROPHONE_HZ[0] <= board.ckout <= MICROPHONE_HZ[1]
    assert 4 * board.ckout <= board.pclk(2)  # RM0351 24.4.3: what its inputs may be
    assert field(board["DFSDM_CH0CFGR1"], 30, 1) == 0  # CKOUTSRC: not the audio clock
    assert field(board["DFSDM_FLT0CR1"], 29, 1) == 1  # FAST: the rate is CKIN / FOSR / IOSR
    assert field(board["DFSDM_FLT0CR1"], 18, 1) == 1  # RCONT
    assert field(board["DFSDM_FLT0FCR"], 0, 8) == 0  # IOSR of 1
    assert board.ckout == FrontEnd().sample_rate * board.oversampling


def test_filter_listens_to_the_microphone(board: Board) -> None:
    pins = {signal: pin for name, signal, pin, *_ in readme_rows("Pins") if name == board.name}
    (channel,) = [int(signal[-1]) for signal in pins if signal.startswith("DFSDM1_DATIN")]
    assert board["channel"] == field(board["DFSDM_FLT0CR1"], 24, 3) == channel
    assert field(board["DFSDM_CHyCFGR1"], 2, 2) == 0b01  # SPICKSEL: CKOUT
    assert field(board["DFSDM_CHyCFGR1"], 0, 2) in (0b00, 0b01)  # SITP: SPI, one edge or the other
    assert field(board["DFSDM_CHyCFGR1"], 8, 8) == 0  # own pin, serial input
    assert field(board["DFSDM_CHyCFGR2"], 8, 24) == 0  # OFFSET


def test_full_scale_fills_the_sample_and_not_more(
    board: Board, sample: Callable[[int, int], int]
) -> None:
    assert board.oversampling**board.order <= 2**31  # RM0351 24.4.13
    ones = np.ones(10 * board.oversampling, np.int64)
    highest, lowest = int(sinc(ones, board)[-1]), int(sinc(-ones, board)[-1])
    assert -(2**23) <= lowest < highest < 2**23
    assert 2 * highest >= 2**23, "a smaller shift would fit too"
    assert [
        sample(value << 8 | status, board["gain"])
        for value in (highest, lowest)
        for status in (0, 0x17)
    ] == [29_802, 29_802, -29_803, -29_803]


def test_tone_comes_out_at_its_level(board: Board, sample: Callable[[int, int], int]) -> None:
    hz, level, rate = 1_000, 0.5, FrontEnd().sample_rate
    time = np.arange(board.ckout // 20) / board.ckout
    error = [0.0, 0.0]  # a second-order modulator, as in the microphone
    bits = np.empty(len(time), np.int64)
    for i, value in enumerate(level * np.sin(2 * np.pi * hz * time)):
        bits[i] = 1 if error[1] >= 0 else -1
        error[0] += value - bits[i]
        error[1] += error[0] - bits[i]
    heard = [sample(int(value) << 8, board["gain"]) for value in sinc(bits, board)]
    settled = np.array(heard[-rate // 40 :], np.float64)  # whole periods
    droop = np.sinc(hz / rate) ** board.order
    assert np.sqrt(2 * np.mean(settled**2)) == pytest.approx(level * 29_802 * droop, rel=0.01)


@pytest.mark.parametrize(
    ("word", "gain", "expected"),
    [
        (0x7FFF_FFFF, 0, 32_767),
        (-0x8000_0000, 0, -32_768),
        (-1, 0, -1),
        (0xFFFF, 0, 0),
        (0x0123_4500, 4, 0x1234),
        (0x0800_0000, 4, 32_767),
        (-0x0800_0001, 4, -32_768),
        (-0x0800_0000, 4, -32_768),
    ],
)
def test_samples(word: int, gain: int, expected: int, sample: Callable[[int, int], int]) -> None:
    assert sample(word, gain) == expected


def test_baud_rate(board: Board) -> None:
    kernel = board.pclk(1 if board["uart"] == 2 else 2)
    assert board["uart_kernel"] == kernel
    assert board["USART_BRR"] >= 16  # with OVER8 = 0
    error = kernel / board["USART_BRR"] / 115_200 - 1
    assert abs(error) < 0.01
    assert readme_row("Terminal", board)[:3] == [
        f"{kernel // MHZ} MHz",
        str(board["USART_BRR"]),
        f"{error:+.3%}".replace("%", " %"),
    ]


def test_dma_goes_round_in_words_and_says_so_twice(board: Board) -> None:
    value = board["DMA_CR"]
    if board.family is L4:  # RM0351 11.6.3
        fields = {
            "TCIE": (1, 1),
            "HTIE": (2, 1),
            "DIR": (4, 1),
            "CIRC": (5, 1),
            "PINC": (6, 1),
            "MINC": (7, 1),
            "PSIZE": (8, 2),
            "MSIZE": (10, 2),
            "MEM2MEM": (14, 1),
        }
    else:  # RM0410 8.5.5
        fields = {
            "HTIE": (3, 1),
            "TCIE": (4, 1),
            "DIR": (6, 2),
            "CIRC": (8, 1),
            "PINC": (9, 1),
            "MINC": (10, 1),
            "PSIZE": (11, 2),
            "MSIZE": (13, 2),
            "DBM": (18, 1),
        }
        assert field(value, 25, 4) == 8  # CHSEL: DFSDM1_FLT0
    on = {"TCIE": 1, "HTIE": 1, "CIRC": 1, "MINC": 1, "PSIZE": 2, "MSIZE": 2}
    assert {name: field(value, *place) for name, place in fields.items()} == {
        name: on.get(name, 0) for name in fields
    }
    assert 2 * FrontEnd().hop < 2**16  # the ring's words, in CNDTR or NDTR


def test_readme_has_the_pins(board: Board) -> None:
    rows = [row for row in readme_rows("Pins") if row[0] == board.name]
    said = {signal: (pin, function) for _, signal, pin, function, _ in rows}
    expected = {
        "DFSDM1_CKOUT": board["microphone_clock"],
        f"DFSDM1_DATIN{board['channel']}": board["microphone_data"],
        "microphone's supply": board["microphone_supply"],
        f"USART{board['uart']}_TX": board["uart_tx"],
        "LED": board["led"],
    }
    assert said == {
        signal: (pin[0], f"AF{pin[1]}" if pin[1] else "output")
        for signal, pin in expected.items()
        if pin
    }
    (led,) = [row[-1] for row in rows if row[1] == "LED"]
    assert led.endswith("lit when low" if board["led_low"] else "lit when high")


def test_readme_has_the_clocks_and_the_sound(board: Board) -> None:
    mhz = [f"{hz // MHZ} MHz" for hz in (board.hclk, board.pclk(1), board.pclk(2))]
    assert readme_row("Clocks", board)[1:8] == [
        *map(str, board.pll),
        *mhz,
        str(field(board["FLASH_ACR"], 0, 4)),
    ]
    assert readme_row("Sound", board) == [
        mhz[2],
        str(board.pclk(2) // board.ckout),
        f"{board.ckout / MHZ:.1f} MHz",
        str(board.oversampling),
        f"sinc{board.order}",
        str(board.shift),
        f"{board.ckout // board.oversampling} Hz",
    ]
