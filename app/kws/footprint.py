"""What an image takes of a board's flash and RAM, from the map file that the linker writes."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from kws.command import Parser, run
from kws.errors import KwsError

FLASH, RAM = "flash", "RAM"

# What stands in which memory; .data stands in both.
_SECTIONS = {
    FLASH: (".text", ".ARM.exidx", ".data"),
    RAM: (".stack", ".data", ".bss", ".dma"),
}
# What a piece is for: the first whose patterns begin its section and end its object file.
MODEL, TABLES, STACK, MEMORY, AUDIO = "model", "front-end tables", "stack", "detector", "audio"
_PARTS = {
    FLASH: (
        (MODEL, ".rodata", "/kws_model.o"),
        (TABLES, ".rodata", "/frontend.o"),
    ),
    RAM: (
        (MEMORY, ".bss", "/board/main.o"),
        (AUDIO, ".bss", "/board/audio.o"),
        (AUDIO, ".dma", ""),
    ),
}
_REST = {FLASH: "code", RAM: "else"}

_REGION = re.compile(r"^(FLASH|RAM) +0x[0-9a-f]+ +0x([0-9a-f]+)", re.MULTILINE)
_SECTION = re.compile(r"^(\.[\w.]+) +0x[0-9a-f]+ +0x([0-9a-f]+)", re.MULTILINE)
_PIECE = re.compile(r"^ (\.[\w.]+) +0x[0-9a-f]+ +0x([0-9a-f]+) (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Footprint:
    """Bytes by what they are for, and what the board has.

    flash and ram map a part's name to its bytes; capacity maps "flash" and "RAM" to the board's.
    """

    flash: dict[str, int]
    ram: dict[str, int]
    capacity: dict[str, int]


def footprint(path: Path) -> Footprint:
    """Reads the map of an image that firmware/firmware.mk built.

    Raises `OSError`, and `KwsError` for another file.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    text = re.sub(r"^( ?\.\S+)\n +", r"\1 ", text, flags=re.MULTILINE)
    _, _, linked = text.partition("Linker script and memory map")
    sizes = {name: int(size, 16) for name, size in _SECTION.findall(linked)}
    pieces = [(name, int(size, 16), file) for name, size, file in _PIECE.findall(linked)]
    capacity = {name: int(size, 16) for name, size in _REGION.findall(text)}
    if len(capacity) != 2:
        raise KwsError(f"{path}: no map of an image; expected what `make firmware` wrote")
    return Footprint(
        _parts(FLASH, sizes, pieces),
        _parts(RAM, sizes, pieces),
        {FLASH: capacity["FLASH"], RAM: capacity["RAM"]},
    )


def _parts(
    memory: str, sizes: dict[str, int], pieces: list[tuple[str, int, str]]
) -> dict[str, int]:
    """Bytes by part; what no pattern names, gaps among it, is the last."""
    parts = {STACK: sizes.get(".stack", 0)} if memory == RAM else {}
    parts |= {name: 0 for name, _, _ in _PARTS[memory]}
    for section, size, file in pieces:
        for name, prefix, suffix in _PARTS[memory]:
            if section.startswith(prefix) and file.endswith(suffix):
                parts[name] += size
                break
    total = sum(sizes.get(section, 0) for section in _SECTIONS[memory])
    return parts | {_REST[memory]: total - sum(parts.values())}


def table(image: Footprint) -> str:
    """The footprint as lines of text."""
    lines = []
    for memory, parts in ((FLASH, image.flash), (RAM, image.ram)):
        lines += [f"{memory:<6} {name:<18} {size:9,}" for name, size in parts.items()]
        total, capacity = sum(parts.values()), image.capacity[memory]
        lines.append(f"{memory:<6} {'in all':<18} {total:9,} of {capacity:,} bytes")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Print the table of a map file."""
    parser = Parser(prog="kws-footprint", description=__doc__)
    parser.add_argument("map", type=Path, help="firmware/build/BOARD/MODEL-KERNELS.map")
    args = parser.parse_args(argv)
    return run(parser.prog, lambda: _print(args.map))


def _print(path: Path) -> None:
    sys.stdout.write(table(footprint(path)) + "\n")


if __name__ == "__main__":
    sys.exit(main())
