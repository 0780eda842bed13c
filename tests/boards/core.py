"""An emulated Cortex-M with time, sleep and interrupts, which unicorn alone does not have."""

from __future__ import annotations

import heapq
import itertools
import struct
from collections.abc import Callable, Sequence

import unicorn
from unicorn import arm_const as arm

from boards.bus import BoardFault, Bus
from boards.system import SystemControl
from kws.emulate import Elf, count_instructions

Memory = tuple[int, int]  # base, bytes

_CPUS = {"m4": arm.UC_CPU_ARM_CORTEX_M4, "m7": arm.UC_CPU_ARM_CORTEX_M7}
_DEVICES = ((0x4000_0000, 0x2000_0000), (0xE000_0000, 0x0010_0000))
_NOWHERE = 0xFFFF_FFFF  # no code lies there
_JUNK = b"\xa5"  # what RAM holds before anybody writes to it
_WFI = 0xBF30
_EXCEPTION_EXIT = 8  # unicorn's number
_MASKED = 16  # instructions between two looks whether a waiting interrupt may come
_THUMB = 1 << 24  # in xPSR
_PADDED = 1 << 9  # in a stacked xPSR: the stack pointer was not a multiple of 8
_FLOATS = 1 << 2  # in CONTROL: floating-point registers are in use
_FRAME = [arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3]
_FRAME += [arm.UC_ARM_REG_R12, arm.UC_ARM_REG_LR]  # then come pc and xPSR
_EXC_RETURN = 0xFFFF_FFF9  # to the main program and its stack


class Core:
    """A processor at `hz`; its instructions take `cpi` cycles each, by estimate."""

    def __init__(
        self,
        elf: Elf,
        cpu: str,
        flash: Memory,
        memories: Sequence[Memory],
        bus: Bus,
        system: SystemControl,
        cpi: float,
    ) -> None:
        self._elf = elf
        self._system = system
        self._cpi = cpi
        self._uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(_CPUS[cpu])
        image = self._load(flash)
        for base, size in memories:
            self._uc.mem_map(base, size)
            self._uc.mem_write(base, _JUNK * size)
        for base, size in _DEVICES:
            self._map_devices(base, size, bus)
        self._uc.hook_add(unicorn.UC_HOOK_INTR, self._exception)
        self._uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._invalid)
        self._count = count_instructions(self._uc, image, flash[0])
        self._hz = 0.0
        self._base = (0.0, 0)  # seconds and instructions when hz was set or sleep ended
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._handler = 0  # the exception being handled
        self._left = False  # the handler has returned
        self._fault: BoardFault | None = None
        self.asleep = 0.0  # seconds
        self.longest_awake = 0.0
        self._woken = 0.0
        stack, self._pc = struct.unpack_from("<II", image)
        self._uc.reg_write(arm.UC_ARM_REG_SP, stack)

    @property
    def instructions(self) -> int:
        """Executed since reset."""
        return int(self._count.instructions)

    @property
    def now(self) -> float:
        """Seconds since reset."""
        seconds, instructions = self._base
        return seconds + (self.instructions - instructions) * self._cpi / self._hz

    def set_clock(self, hz: float) -> None:
        """From now on the processor runs at this clock."""
        self._base = (self.now if self._hz else 0.0, self.instructions)
        self._hz = hz

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something at a time."""
        heapq.heappush(self._events, (seconds, next(self._order), action))

    def skip(self, until: float) -> None:
        """The processor does nothing but ask whether it is `until` yet: let that time pass.

        It does not pass the next event, so that interrupts come when they would.
        """
        if self._events:
            until = min(until, self._events[0][0])
        if until > self.now:
            self._base = (until, self.instructions)
        self._count.limit = self.instructions

    def wait(self, seconds: float) -> None:
        """Let time pass without the processor, and happen what is due."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            self._next_event()
        self._base = (end, self.instructions)

    def read(self, address: int, size: int) -> bytes:
        """What is in memory."""
        return bytes(self._uc.mem_read(address, size))

    def write(self, address: int, data: bytes) -> None:
        """What a bus master other than the processor writes."""
        self._uc.mem_write(address, data)

    def stack_used(self) -> int:
        """Bytes of the stack that were ever written to."""
        bottom, top = self._elf.symbols["stack_bottom"], self._elf.symbols["stack_top"]
        stack = bytes(self._uc.mem_read(bottom, top - bottom))
        return len(stack.lstrip(_JUNK))

    def run(self, end: float, until: Callable[[], bool] = lambda: False) -> None:
        """Run to `end` seconds, or `until` something, or until nothing would wake the processor.

        Raises `BoardFault` for what a board would not take.
        """
        while self.now < end and not until():
            while self._events and self._events[0][0] <= self.now:
                self._next_event()
            masked = bool(self._uc.reg_read(arm.UC_ARM_REG_PRIMASK))
            if self._system.pending and not masked and not self._handler:
                self._enter()
            if not self._execute(masked) and not self._sleep():
                return

    # -- instructions ------------------------------------------------------------------------------
    def _execute(self, masked: bool) -> bool:
        """Run up to the next event; false where the processor went to sleep."""
        limit = _MASKED
        if not (self._system.pending and masked):
            due = self._events[0][0] - self.now if self._events else 1.0
            limit = max(1, int(due * self._hz / self._cpi))
        self._count.stopped = 0
        self._count.limit = self.instructions + limit
        try:
            self._uc.emu_start(self._pc | 1, _NOWHERE)
        except unicorn.UcError as error:
            raise self._fault or self._located(str(error)) from error
        if self._fault:
            raise self._fault
        self._pc = self._uc.reg_read(arm.UC_ARM_REG_PC)
        if self._uc.reg_read(arm.UC_ARM_REG_CONTROL) & _FLOATS:
            raise self._located("floating point, which nobody has enabled")
        if self._left:
            self._left = False
            self._return()
        elif not self._count.stopped:
            if struct.unpack("<H", self._uc.mem_read(self._pc - 2, 2)) != (_WFI,):
                raise self._located("the processor stopped")
            return False
        return True

    def _sleep(self) -> bool:
        """Let time pass to the next interrupt; false where none will come."""
        start = self.now
        self.longest_awake = max(self.longest_awake, start - self._woken)
        while not self._system.pending:
            if not self._events:
                return False
            self._next_event()
        self._woken = self.now
        self.asleep += self._woken - start
        return True

    def _next_event(self) -> None:
        """It is time for the next event, and it happens."""
        seconds, _, action = heapq.heappop(self._events)
        self._base = (max(seconds, self.now), self.instructions)
        action()

    # -- exceptions: Armv7-M Architecture Reference Manual, B1.5.6 to B1.5.8 -----------------------
    def _enter(self) -> None:
        uc = self._uc
        self._handler = self._system.take()
        stack = uc.reg_read(arm.UC_ARM_REG_SP)
        padding = stack % 8
        words = [uc.reg_read(register) for register in _FRAME]
        words += [self._pc, uc.reg_read(arm.UC_ARM_REG_XPSR) | _THUMB | (_PADDED if padding else 0)]
        stack -= padding + 4 * len(words)
        self.write(stack, struct.pack(f"<{len(words)}I", *words))
        uc.reg_write(arm.UC_ARM_REG_SP, stack)
        uc.reg_write(arm.UC_ARM_REG_LR, _EXC_RETURN)
        uc.reg_write(arm.UC_ARM_REG_XPSR, _THUMB | self._handler)
        vector = self._system.values["VTOR"] + 4 * self._handler
        (self._pc,) = struct.unpack("<I", uc.mem_read(vector, 4))
        if not self._pc & 1:
            raise self._located(f"exception {self._handler} has no handler in the vector table")

    def _return(self) -> None:
        uc = self._uc
        stack = uc.reg_read(arm.UC_ARM_REG_SP)
        *words, self._pc, status = struct.unpack("<8I", uc.mem_read(stack, 32))
        for register, word in zip(_FRAME, words, strict=True):
            uc.reg_write(register, word)
        uc.reg_write(arm.UC_ARM_REG_XPSR, status & ~_PADDED)
        uc.reg_write(arm.UC_ARM_REG_SP, stack + 32 + (4 if status & _PADDED else 0))
        self._system.leave(self._handler)
        self._handler = 0

    def _exception(self, uc: unicorn.Uc, number: int, _data: object) -> None:
        if number == _EXCEPTION_EXIT and self._handler:
            self._left = True
        else:
            self._fault = self._located(f"exception {number} (unicorn's number)")
        uc.emu_stop()

    # -- memory ------------------------------------------------------------------------------------
    def _load(self, flash: Memory) -> bytes:
        base, size = flash
        image = bytearray(b"\xff" * size)
        for address, _, data in self._elf.segments:
            if data and not base <= address <= address + len(data) <= base + size:
                raise BoardFault(f"{len(data)} bytes to load at {address:#x}: no flash there")
            image[address - base : address - base + len(data)] = data
        self._uc.mem_map(base, size, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        self._uc.mem_write(base, bytes(image))
        return bytes(image)

    def _map_devices(self, base: int, size: int, bus: Bus) -> None:
        def read(_uc: unicorn.Uc, offset: int, size: int, _data: object) -> int:
            try:
                return bus.read(base + offset, size)
            except BoardFault as fault:
                self._refuse(fault)
                return 0

        def write(_uc: unicorn.Uc, offset: int, size: int, value: int, _data: object) -> None:
            try:
                bus.write(base + offset, size, value)
            except BoardFault as fault:
                self._refuse(fault)

        self._uc.mmio_map(base, size, read, None, write, None)

    def _refuse(self, fault: BoardFault) -> None:
        self._fault = self._fault or self._located(str(fault))
        self._uc.emu_stop()

    def _invalid(
        self, _uc: unicorn.Uc, _kind: int, address: int, size: int, _value: int, _data: object
    ) -> bool:
        self._fault = self._located(f"{size} bytes at {address:#010x}, where no memory is")
        return False

    def _located(self, what: str) -> BoardFault:
        """A fault with the place in the firmware that did it."""
        pc = self._uc.reg_read(arm.UC_ARM_REG_PC)
        below = [
            (at, name)
            for name, at in self._elf.symbols.items()
            if at <= pc and name[:1] not in ("", "$")
        ]
        name = max(below)[1] if below else "?"
        return BoardFault(f"{what} (in {name}, pc {pc:#010x})")
