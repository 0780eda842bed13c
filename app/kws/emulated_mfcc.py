"""The front-end's C code on an emulated Cortex-M, its instructions counted."""

from __future__ import annotations

import struct
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kws.emulate import Firmware, compile_elf
from kws.emulated_network import c_sources
from kws.native import ARRAYS, SIZES
from kws.spec import FrontEnd
from kws.tables import tables


class EmulatedMfcc:
    """`Mfcc` computed by firmware/src/mfcc.c on a Cortex-M, "m4" or "m7".

    `instructions` and `cycles`, `Call`'s estimate, are those of the dearest column so far. Raises
    `RuntimeMissing` as `Firmware` and `compile_elf` do.
    """

    def __init__(self, spec: FrontEnd, cpu: str = "m4") -> None:
        self.spec = spec
        self.instructions = self.cycles = 0
        self._firmware = firmware = Firmware(_elf(cpu), cpu)
        arrays = (getattr(tables(spec), name) for name in ARRAYS.values())
        places = [firmware.place(array.tobytes()) for array in arrays]
        sizes = (getattr(spec, name) for name in SIZES)
        members = firmware.place(struct.pack(f"<{len(SIZES) + len(ARRAYS)}I", *sizes, *places))
        self._mfcc = firmware.reserve(8)
        self._frame = firmware.reserve(2 * spec.window)
        self._column = firmware.reserve(spec.coefficients)
        status = firmware.call(
            "kws_mfcc_init", self._mfcc, members, firmware.reserve(4 * spec.window)
        ).result
        if status:
            raise ValueError(f"the C front-end refused its tables with status {status}")

    def columns(self, frames: NDArray[np.int16]) -> NDArray[np.int8]:
        """One column a frame: int16 [n, window] to int8 [n, coefficients]."""
        return np.stack([self._one(frame) for frame in frames])

    def _one(self, frame: NDArray[np.int16]) -> NDArray[np.int8]:
        self._firmware.write(self._frame, frame.tobytes())
        call = self._firmware.call("kws_mfcc_column", self._mfcc, self._frame, self._column)
        self.instructions = max(self.instructions, call.instructions)
        self.cycles = max(self.cycles, call.cycles)
        return np.frombuffer(self._firmware.read(self._column, self.spec.coefficients), np.int8)


@cache
def _elf(cpu: str) -> bytes:
    folder = c_sources()
    return compile_elf([folder / "mfcc.c", folder / "fft.c"], cpu, [folder])
