"""The digital filter behind the microphone, and the microphone: RM0351 24, RM0410 17."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from boards.bus import Peripheral, Register, bits
from boards.core import Core
from boards.dma import Dma
from kws.spec import FrontEnd

CHANNELS = 8
RESULT = 0x11C  # RDATAR of filter 0
FULL_SCALE = 1 << 23  # of a result
MICROPHONE = (1_000_000, 3_250_000)  # Hz that it may be clocked with
STEP = 16  # samples that arrive at once, so that the emulation need not stop for each

CH_EN, DFSDM_EN = 1 << 7, 1 << 31
FILTER_EN, START, CONTINUOUS, FAST, BY_DMA = 1, 1 << 17, 1 << 18, 1 << 29, 1 << 21

_REGISTERS = {
    0x100: Register("FLT0CR1", FAST | 7 << 24 | BY_DMA | CONTINUOUS | START | FILTER_EN),
    0x108: Register("FLT0ISR", 0),
    0x10C: Register("FLT0ICR"),
    0x114: Register("FLT0FCR", 0xE3FF_00FF),
    RESULT: Register("FLT0RDATAR", 0),
}
for _n in range(CHANNELS):
    _REGISTERS[0x20 * _n] = Register(f"CH{_n}CFGR1", CH_EN | 0xF | (0x80FF_0000 if _n == 0 else 0))
    _REGISTERS[0x20 * _n + 4] = Register(f"CH{_n}CFGR2", 0xF8)


class Dfsdm(Peripheral):
    """Filter 0, which turns the bits of a microphone into samples.

    The microphone hears `samples`, int16: a sample s becomes the result 256 s, whatever the
    filter's scale, which has to be within 6 dB of full scale. The lowest 8 bits, of which int16
    samples have none, hold noise.
    """

    def __init__(
        self,
        base: int,
        core: Core,
        dma: Dma,
        kernel: Callable[[], Fraction],
        listens: Callable[[int], bool],
        samples: NDArray[np.int16],
    ) -> None:
        super().__init__("DFSDM1", _REGISTERS)
        self._base = base
        self._core = core
        self._dma = dma
        self._kernel = kernel
        self._listens = listens
        noise = np.random.default_rng(0).integers(0, 256, len(samples))
        results = (samples.astype(np.int64) << 8 | noise) & 0xFF_FFFF
        self._words = (results << 8).astype(np.uint32)
        self._next = 0
        self._lost = 0
        self.started: float | None = None
        self.scale = Fraction(0)

    @property
    def ends(self) -> float | None:
        """When the last sample arrives."""
        if self.started is None:
            return None
        return self.started + len(self._words) / FrontEnd().sample_rate

    @property
    def lost(self) -> int:
        """Samples that no DMA took."""
        return self._lost

    def reading(self, register: str) -> int:
        """The flags: a result lost (ROVRF)."""
        if register == "FLT0ISR":
            return (self._lost > 0) << 3
        if register == "FLT0RDATAR":
            raise self.refuse("RDATAR read by the processor: only the DMA does that in the model")
        return super().reading(register)

    def writing(self, register: str, new: int) -> None:
        """Refuse what has no effect while things are on: RM0351 24.7 and 24.8."""
        old = self.values[register]
        changed = old ^ new
        on = {
            "CFGR1": bool(old & CH_EN and changed & 0xF)
            or bool(old & DFSDM_EN and changed & 0xFF_0000),
            "CFGR2": bool(self.values.get(register[:3] + "CFGR1", 0) & CH_EN),
            "R1": bool(old & FILTER_EN and changed & (FAST | BY_DMA)),
            "FCR": bool(self.values["FLT0CR1"] & FILTER_EN),
        }
        if any(register.endswith(name) and refused for name, refused in on.items()):
            raise self.refuse(f"{register} changed by {changed:#x} while it is on")
        if register == "FLT0CR1":
            start, new = new & START, new & ~START
            super().writing(register, new)
            if start and self.started is None:
                self._start(new)
            return
        super().writing(register, new)

    def _start(self, settings: int) -> None:
        channel = bits(settings, 24, 3)
        wired = self.values[f"CH{channel}CFGR1"]
        for holds, what in (
            (settings & FILTER_EN, "RSWSTART before DFEN"),
            (settings & CONTINUOUS, "RCONT is off"),
            (settings & BY_DMA, "RDMAEN is off"),
            (settings & FAST, "FAST is off: the filter is filled anew for each sample"),
            (self.values["CH0CFGR1"] & DFSDM_EN, "DFSDMEN is off"),
            (wired & CH_EN, f"channel {channel} is off"),
            (bits(wired, 2, 2) == 1, "the channel is not clocked by CKOUT"),
            (bits(wired, 0, 2) < 2, "the channel expects Manchester code"),
            (self._listens(channel), "no microphone: pins, channel or supply"),
        ):
            if not holds:
                raise self.refuse(what)
        self._check_rate(channel)
        self.started = self._core.now
        self._schedule()

    def _check_rate(self, channel: int) -> None:
        filters = self.values["FLT0FCR"]
        over, integrated = bits(filters, 16, 10) + 1, bits(filters, 0, 8) + 1
        clock = self._kernel() / (bits(self.values["CH0CFGR1"], 16, 8) + 1)
        if not MICROPHONE[0] <= clock <= MICROPHONE[1]:
            raise self.refuse(f"the microphone is clocked with {float(clock)} Hz")
        if (rate := clock / (over * integrated)) != FrontEnd().sample_rate:
            raise self.refuse(f"{float(rate)} samples a second")
        order = bits(filters, 29, 3)
        widest = over**order * integrated
        shift = bits(self.values[f"CH{channel}CFGR2"], 3, 5)
        self.scale = Fraction(widest, 1 << shift)
        if not 1 <= order <= 5 or widest >= 1 << 31:
            raise self.refuse(f"sinc{order} of {over}: more than 32 bits")
        if not FULL_SCALE / 2 <= self.scale <= FULL_SCALE:
            raise self.refuse(f"full scale is {float(self.scale)} of {FULL_SCALE}")

    # -- samples -----------------------------------------------------------------------------------
    def _schedule(self) -> None:
        left = len(self._words) - self._next
        count = min(STEP, left, self._dma.room() or STEP)
        if self.started is not None and count:
            due = self.started + (self._next + count) / FrontEnd().sample_rate
            self._core.at(due, lambda: self._arrive(count))

    def _arrive(self, count: int) -> None:
        if self._dma.room():
            words = self._words[self._next : self._next + count]
            self._dma.put(self._base + RESULT, words)
        else:
            self._lost += count
        self._next += count
        self._schedule()
