"""The processor's own registers: interrupt controller, caches, memory protection."""

from __future__ import annotations

from boards.bus import BoardFault, Peripheral, Register, bits

BASE, SIZE = 0xE000_E000, 0x1000
DATA_CACHE, CODE_CACHE = 1 << 16, 1 << 17  # in CCR
D_CACHE = 0xF00F_E019  # CCSIDR of 16 KB: 128 sets, 4 ways, lines of 32 bytes
SETS, WAYS = 128, 4
FIRST_INTERRUPT = 16  # exceptions of the core come before

_CORE = {0x100 + 4 * n: Register(f"ISER{n}") for n in range(4)}
_CORE |= {0xD08: Register("VTOR", 0xFFFF_FF80)}
_M7 = {
    0xD14: Register("CCR", DATA_CACHE | CODE_CACHE, 0x0004_0200),
    0xD80: Register("CCSIDR", 0, D_CACHE),
    0xD84: Register("CSSELR", 0),
    0xD94: Register("MPU_CTRL", 0b101),
    0xD9C: Register("MPU_RBAR"),
    0xDA0: Register("MPU_RASR", 0x173F_FF3F),
    0xF50: Register("ICIALLU", 0),
    0xF60: Register("DCISW"),
}


class SystemControl(Peripheral):
    """What a Cortex-M4, or an M7 with 16 KB of data cache, has at 0xE000E000."""

    def __init__(self, cpu: str) -> None:
        super().__init__("SCS", _CORE | _M7 if cpu == "m7" else _CORE)
        self._enabled: set[int] = set()
        self._lines: set[int] = set()
        self._pending: set[int] = set()
        self._regions: dict[int, tuple[int, int, int]] = {}  # base, end, attributes
        self._clean: set[tuple[int, int]] = set()  # sets and ways of the data cache
        self._code_clean = False

    # -- interrupts --------------------------------------------------------------------------------
    def line(self, interrupt: int, high: bool) -> None:
        """A peripheral's request: pending when it rises, and after its handler if it stays."""
        if high and interrupt not in self._lines:
            self._pending.add(interrupt)
        (self._lines.add if high else self._lines.discard)(interrupt)

    @property
    def pending(self) -> bool:
        """Whether an enabled interrupt waits."""
        return bool(self._pending & self._enabled)

    def take(self) -> int:
        """The exception of the interrupt that comes next; all have one priority."""
        interrupt = min(self._pending & self._enabled)
        self._pending.discard(interrupt)
        return FIRST_INTERRUPT + interrupt

    def leave(self, exception: int) -> None:
        """The handler has returned."""
        if exception - FIRST_INTERRUPT in self._lines:
            self._pending.add(exception - FIRST_INTERRUPT)

    # -- registers ---------------------------------------------------------------------------------
    def cached(self, base: int, end: int) -> bool:
        """Whether the data cache may hold something of this memory."""
        if not self.values.get("CCR", 0) & DATA_CACHE:
            return False
        if self.values["MPU_CTRL"] & 1:
            for first, last, attributes in self._regions.values():
                # TEX = 1, C = B = 0: normal memory, not cached
                if first <= base and end <= last and attributes == 0b001_000:
                    return False
        return True

    def writing(self, register: str, new: int) -> None:
        """Interrupts, caches and regions change."""
        if register.startswith("ISER"):
            self._enabled |= {32 * int(register[4:]) + n for n in range(32) if bits(new, n)}
            return
        if register == "DCISW":
            self._clean.add((bits(new, 5, 7), bits(new, 30, 2)))
        elif register == "ICIALLU":
            self._code_clean = True
        elif register == "MPU_RASR":
            self._region(new)
        elif register == "CCR":
            self._caches(new & ~self.values[register])
        super().writing(register, new)

    def _caches(self, started: int) -> None:
        if started & DATA_CACHE and len(self._clean) != SETS * WAYS:
            raise BoardFault(
                f"data cache on after {len(self._clean)} of {SETS * WAYS} lines were invalidated"
            )
        if started & CODE_CACHE and not self._code_clean:
            raise BoardFault("instruction cache on before it was invalidated")

    def _region(self, value: int) -> None:
        base = self.values["MPU_RBAR"]
        if not base & 1 << 4:
            raise BoardFault("MPU_RASR for the region of MPU_RNR: not in the model")
        size = 1 << bits(value, 1, 5) + 1
        first = base & ~0x1F
        if first % size:
            raise BoardFault(f"MPU region at {first:#x}: its size {size:#x} does not divide that")
        if value & 1:
            attributes = bits(value, 19, 3) << 3 | bits(value, 16, 2)
            self._regions[bits(base, 0, 4)] = (first, first + size, attributes)
