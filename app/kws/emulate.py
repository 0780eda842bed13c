"""Code for Cortex-M, run on this machine with its instructions counted: PyPI's unicorn."""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from kws.errors import RuntimeMissing

if TYPE_CHECKING:
    import unicorn

COUNTER = Path(__file__).resolve().parents[2] / "firmware" / "build" / "libcount.so"
COMPILER = "arm-none-eabi-gcc"
CPUS = {
    "m4": ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16"),
    "m7": ("-mcpu=cortex-m7", "-mfpu=fpv5-sp-d16"),
}
FLAGS = ("-mthumb", "-mfloat-abi=hard", "-std=c99", "-O2", "-ffunction-sections", "-fdata-sections")

_CODE = 0x0800_0000
_RAM, _RAM_SIZE = 0x2000_0000, 8 << 20
_STACK = 64 << 10  # at the end of the RAM
_UNUSED = b"\xa5"  # what it holds before it is used
_PAGE = 4096
_RETURN = 0xE000  # where a call comes back to: a page of its own
_LONGEST = 2_000_000_000  # instructions of a call: more is a loop without end
_REGISTERS = 4  # arguments of a call in registers; the others lie on the stack


class Elf:
    """What to load, sections' sizes, and where symbols are, of a 32-bit LSB-first ELF file."""

    def __init__(self, data: bytes) -> None:
        if data[:6] != b"\x7fELF\x01\x01":
            raise ValueError(f"an ELF file begins with {data[:6]!r}; expected 32 bits, LSB first")
        self.segments: list[tuple[int, int, bytes]] = []  # where it is stored, size, bytes
        self.symbols: dict[str, int] = {}
        (segments, sections) = struct.unpack_from("<II", data, 28)
        size, count, section_size, section_count, own = struct.unpack_from("<5H", data, 42)
        for i in range(count):
            kind, offset, _, address, stored, memory = struct.unpack_from(
                "<6I", data, segments + i * size
            )
            if kind == 1 and memory:  # PT_LOAD
                self.segments.append((address, memory, data[offset : offset + stored]))
        headers = [
            struct.unpack_from("<10I", data, sections + i * section_size)
            for i in range(section_count)
        ]

        def text(at: int) -> str:
            return data[at : data.index(b"\0", at)].decode()

        self.sections = {text(headers[own][4] + header[0]): header[5] for header in headers}
        for header in headers:
            if header[1] != 2:  # SHT_SYMTAB
                continue
            names = headers[header[6]][4]
            for at in range(header[4], header[4] + header[5], 16):
                name, value = struct.unpack_from("<II", data, at)
                self.symbols[text(names + name)] = value & ~1  # Thumb's bit

    @property
    def first(self) -> int:
        """The lowest address."""
        return min(address for address, _, _ in self.segments)

    def memory(self) -> bytes:
        """All segments from the lowest address on."""
        end = max(address + size for address, size, _ in self.segments)
        image = bytearray(end - self.first)
        for address, _, data in self.segments:
            image[address - self.first : address - self.first + len(data)] = data
        return bytes(image)


def compile_elf(
    sources: Sequence[Path], cpu: str, include: Sequence[Path] = (), flags: Sequence[str] = ()
) -> bytes:
    """The sources compiled and linked for a bare `cpu`, "m4" or "m7".

    Raises `RuntimeMissing` where the compiler is not installed, or without its C library or for
    another reason refuses the sources.
    """
    advice = "run: sudo apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi"
    if shutil.which(COMPILER) is None:
        raise RuntimeMissing(f"{COMPILER} is not installed; {advice}")
    with tempfile.TemporaryDirectory() as folder:
        elf = Path(folder) / "code.elf"
        link = ["-nostartfiles", f"-Wl,-Ttext-segment={_CODE:#x},-e,0"]
        done = subprocess.run(
            [COMPILER, *CPUS[cpu], *FLAGS, *flags, *(f"-I{path}" for path in include)]
            + [str(path) for path in sources]
            + [*link, "-o", str(elf)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if "error" in line]
            why = lines[0] if lines else f"status {done.returncode}"
            raise RuntimeMissing(f"{COMPILER} fails ({why}); if its C library is missing, {advice}")
        return elf.read_bytes()


@dataclass(frozen=True)
class Call:
    """What a call came to: the register r0, the instructions executed, an estimate of cycles.

    The cycles are a Cortex-M4's without wait states.
    """

    result: int
    instructions: int
    cycles: int


class Firmware:
    """Code on an emulated Cortex-M4 or M7, with 8 MB of RAM.

    `symbols` holds the addresses of functions and variables. Raises `RuntimeMissing` where
    unicorn is not installed.
    """

    def __init__(self, elf: bytes, cpu: str = "m4") -> None:
        try:
            import unicorn
            from unicorn import arm_const
        except ImportError as error:
            raise RuntimeMissing(
                "unicorn is not installed; run: pip install 'kws-listen[firmware]'"
            ) from error
        self._arm = arm_const
        self._uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(
            {"m4": arm_const.UC_CPU_ARM_CORTEX_M4, "m7": arm_const.UC_CPU_ARM_CORTEX_M7}[cpu]
        )
        image = Elf(elf)
        self.symbols = image.symbols
        self._memory = image.memory()
        first, size = image.first // _PAGE * _PAGE, _pages(image.first + len(self._memory))
        self._uc.mem_map(first, size - first)
        self._uc.mem_write(image.first, self._memory)
        self._uc.mem_map(_RAM, _RAM_SIZE)
        self._uc.mem_map(_RETURN, _PAGE)
        self._uc.mem_write(_RAM + _RAM_SIZE - _STACK, _UNUSED * _STACK)
        self._next = _RAM
        self._count = count_instructions(self._uc, self._memory, image.first)

    def reserve(self, size: int, align: int = 8) -> int:
        """The address of fresh RAM."""
        address = -(-self._next // align) * align
        if address + size > _RAM + _RAM_SIZE - _STACK:
            raise MemoryError(f"{size} bytes more than the {_RAM_SIZE} of the emulated RAM")
        self._next = address + size
        return address

    def place(self, data: bytes, align: int = 8) -> int:
        """The address of a copy in RAM."""
        address = self.reserve(len(data), align)
        self.write(address, data)
        return address

    @property
    def stack(self) -> int:
        """Bytes of the stack that calls have used."""
        return len(self.read(_RAM + _RAM_SIZE - _STACK, _STACK).lstrip(_UNUSED))

    def write(self, address: int, data: bytes) -> None:
        """Overwrite memory."""
        self._uc.mem_write(address, data)

    def read(self, address: int, size: int) -> bytes:
        """A copy of memory."""
        return bytes(self._uc.mem_read(address, size))

    def call(self, symbol: str, *arguments: int) -> Call:
        """Run a function to its end, by the procedure call standard; arguments are integers.

        Raises `unicorn.UcError` where it touches memory that is not there, `TimeoutError` where
        it does not end.
        """
        arm, uc = self._arm, self._uc
        stack = _RAM + _RAM_SIZE - 8 * len(arguments)
        for i, value in enumerate(arguments):
            if i < _REGISTERS:
                uc.reg_write(arm.UC_ARM_REG_R0 + i, value & 0xFFFF_FFFF)
            else:
                at = stack + 4 * (i - _REGISTERS)
                uc.mem_write(at, struct.pack("<I", value & 0xFFFF_FFFF))
        uc.reg_write(arm.UC_ARM_REG_SP, stack)
        uc.reg_write(arm.UC_ARM_REG_LR, _RETURN | 1)
        self._count.instructions = self._count.cycles = self._count.end = 0
        self._count.limit = _LONGEST
        uc.emu_start(self.symbols[symbol] | 1, _RETURN)
        if self._count.stopped:
            raise TimeoutError(f"{symbol} did not end within {_LONGEST:,} instructions")
        count, result = self._count, int(uc.reg_read(arm.UC_ARM_REG_R0))
        return Call(result, int(count.instructions), int(count.cycles))


class Count(ctypes.Structure):
    """`struct kws_count` of firmware/host/count.c: `instructions` executed so far.

    The engine stops before the block of code that finds `limit` reached, and sets `stopped`.
    """

    _fields_ = [
        ("code", ctypes.c_char_p),
        ("base", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("instructions", ctypes.c_uint64),
        ("limit", ctypes.c_uint64),
        ("stop", ctypes.c_void_p),
        ("stopped", ctypes.c_uint64),
        ("cycles", ctypes.c_uint64),
        ("end", ctypes.c_uint64),
        ("loading", ctypes.c_uint64),
    ]


def count_instructions(uc: unicorn.Uc, code: bytes, base: int) -> Count:
    """Count what an engine executes of the `code` that its memory holds from `base` on.

    `code` has to outlive the engine, and so has the result.
    """
    from unicorn import UC_HOOK_BLOCK, UcError
    from unicorn.unicorn_py3.unicorn import uclib

    stop = ctypes.cast(uclib.uc_emu_stop, ctypes.c_void_p)
    count = Count(code, base, len(code), 0, (1 << 64) - 1, stop, 0)
    # unicorn's own hook_add calls Python, which takes a microsecond a block
    hook = ctypes.c_size_t()
    failure = uclib.uc_hook_add(
        uc._uch,
        ctypes.byref(hook),
        ctypes.c_int(UC_HOOK_BLOCK),
        ctypes.cast(_counter().kws_count_block, ctypes.c_void_p),
        ctypes.byref(count),
        ctypes.c_uint64(1),  # from an address above that of the end: all code
        ctypes.c_uint64(0),
    )
    if failure:
        raise UcError(failure)
    return count


@lru_cache(maxsize=1)
def _counter() -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(COUNTER))
    except OSError as error:
        raise RuntimeMissing(f"{COUNTER} is missing or damaged; `make host` builds it") from error


def _pages(address: int) -> int:
    return -(-address // _PAGE) * _PAGE
