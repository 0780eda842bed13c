"""The front-end on an emulated Cortex-M: Python's columns, within a budget of instructions."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kws.comparison import noise
from kws.emulate import CPUS, Firmware, compile_elf
from kws.emulated_mfcc import EmulatedMfcc
from kws.mfcc import Mfcc
from kws.spec import FrontEnd
from twins import FRONT_ENDS, SPECS, extremes

BUDGET = 65_000  # instructions a column, of 1,280,000 cycles that an M4 at 80 MHz has for it
COLUMNS = 20


def frames(spec: FrontEnd) -> NDArray[np.int16]:
    """Noise of all levels, and what no recording holds."""
    rare = np.stack(list(extremes(spec.window).values()))
    return np.concatenate([rare, noise(spec, COLUMNS, np.random.default_rng(4))])


@FRONT_ENDS
def test_columns(front_end: FrontEnd) -> None:
    given = frames(front_end)
    expected = Mfcc(front_end).columns(given)
    assert EmulatedMfcc(front_end).columns(given).tolist() == expected.tolist()


@pytest.mark.parametrize("cpu", CPUS)
def test_instructions(cpu: str) -> None:
    mfcc = EmulatedMfcc(SPECS["default"], cpu)
    mfcc.columns(frames(mfcc.spec))
    assert 40_000 < mfcc.instructions <= BUDGET
    assert mfcc.instructions < mfcc.cycles < 2 * mfcc.instructions


def test_cycles(tmp_path: Path) -> None:
    """As many as a Cortex-M4's manual has for each instruction, and two more for a jump."""
    source = tmp_path / "code.S"
    lines = "\n".join(f"    {line}" for line, _ in CODE)
    source.write_text(f".syntax unified\n.thumb_func\n.global code\ncode:\n{lines}\n")
    firmware = Firmware(compile_elf([source], "m4"))
    call = firmware.call("code", firmware.place(struct.pack("<4I", *range(4))))
    assert call.instructions == len(CODE) - 1  # all but the one that is jumped over
    assert call.cycles == sum(cycles for _, cycles in CODE)


CODE = (  # r0 points to the words 0 to 3
    ("push {r4-r7, lr}", 2 + 6),
    ("ldr r1, [r0]", 2),
    ("ldr r2, [r0, #4]", 1),  # behind a load
    ("str r1, [r0]", 1),
    ("ldrb r3, [r0, #8]", 2),
    ("ldr.w r4, [r0, #12]", 1),
    ("ldrd r5, r6, [r0]", 3),
    ("ldrh r7, [r0, r1]", 2),
    ("smlad r1, r2, r3, r4", 1),
    ("udiv r2, r3, r4", 12),
    ("cmp r0, r0", 1),
    ("beq 1f", 1),
    ("nop", 0),
    ("1: bne 1b", 2 + 1),
    ("ldmia r0, {r1, r2}", 3),
    ("ldmia.w r0, {r4, r6}", 3),
    ("nop", 1),
    ("pop {r4-r7, pc}", 6),
)
