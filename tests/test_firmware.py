"""What images take of the boards, and what make says of boards, probes and ports."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from images import BOARDS, EMULATED, ROOT, build, make
from kws.artefact import DEFAULT_MODEL, list_models
from kws.footprint import Footprint, footprint, main, table

MODEL_BYTES = 79_700  # 0.076 MB of 2**20 bytes, the paper's
RAM_BYTES = 100_000

FLASH = (".text", ".ARM.exidx", ".data")
RAM = (".stack", ".data", ".bss", ".dma")


def section_sizes(elf: str) -> dict[str, int]:
    """By the compiler's own program."""
    command = ["arm-none-eabi-size", "-A", elf]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split() for line in lines if line.startswith(".")]
    return {name: int(size) for name, size, _ in rows}


@pytest.mark.parametrize("board", [*BOARDS, *EMULATED])
def test_the_hybrid_model_fits_as_in_the_paper(board: str) -> None:
    image = footprint(Path(f"{build(board, MODEL='st-hybrid')}.map"))
    assert 70_000 < image.flash["model"] <= MODEL_BYTES
    assert 10_000 < sum(image.ram.values()) <= RAM_BYTES
    assert image.ram["detector"] > 9_000
    assert image.ram["audio"] >= 4_096


@pytest.mark.parametrize("board", ["stm32f769i-disco", "qemu-m4"])
def test_footprint_counts_every_byte(board: str) -> None:
    path = build(board)
    image, sizes = footprint(Path(f"{path}.map")), section_sizes(f"{path}.elf")
    assert sum(image.flash.values()) == sum(sizes.get(name, 0) for name in FLASH)
    assert sum(image.ram.values()) == sum(sizes.get(name, 0) for name in RAM)
    assert sum(image.flash.values()) <= Path(f"{path}.bin").stat().st_size + 8
    assert image.capacity["flash"] > sum(image.flash.values())


def test_table() -> None:
    image = Footprint(
        {"model": 70_000, "code": 5}, {"stack": 4_096}, {"flash": 2**20, "RAM": 9_000}
    )
    assert table(image).splitlines() == [
        "flash  model                 70,000",
        "flash  code                       5",
        "flash  in all                70,005 of 1,048,576 bytes",
        "RAM    stack                  4,096",
        "RAM    in all                 4,096 of 9,000 bytes",
    ]


def test_a_map_that_is_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([str(tmp_path / "none.map")]) == 1
    assert "none.map" in capsys.readouterr().err
    other = tmp_path / "other.map"
    other.write_bytes(b"\x80 FLASH")
    assert main([str(other)]) == 1
    assert capsys.readouterr().err == (
        f"kws-footprint: {other}: no map of an image; expected what `make firmware` wrote\n"
    )


def test_make_firmware_prints_the_table() -> None:
    build("qemu-m4")
    done = make("firmware", "BOARD=qemu-m4")
    path, *rows = done.stdout.splitlines()
    assert path == f"firmware/build/qemu-m4/{DEFAULT_MODEL}-fast.elf, .hex, .bin, .map"
    assert [row.split()[0] for row in rows] == ["flash"] * 4 + ["RAM"] * 5


PROBES = {
    "openocd": "-f board/stm32l496g-disco.cfg -c program {image}.elf verify reset exit",
    "st-flash": "--reset --format ihex write {image}.hex",
}


@pytest.mark.parametrize("probe", PROBES)
def test_make_flash(probe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / probe
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    image = build("stm32l496g-disco").relative_to(ROOT)
    done = make("flash", "BOARD=stm32l496g-disco", f"PROBE={probe}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == PROBES[probe].format(image=image)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            ["firmware", "BOARD=arduino"],
            "BOARD=arduino is not known; expected one of: b-",
        ),
        (["firmware", "MODEL=kws"], f"expected one of: {' '.join(list_models())}"),
        (["firmware", "KERNELS=none"], "KERNELS=none is not known; expected one of: cmsis fast"),
        (["flash", "BOARD=qemu-m4"], "qemu-m4 is emulated: make emulate BOARD=qemu-m4"),
        (["flash", "BOARD=stm32l496g-disco", "PROBE=jlink"], "expected openocd or st-flash"),
        (["emulate", "BOARD=stm32l496g-disco"], "has no emulator here; expected qemu-m4 qemu-m7"),
        (["firmware", "BOARD=qemu-m4", "CROSS=none-"], "sudo apt-get install"),
        (["monitor", "PORT=/dev/null/none"], "is no serial port"),
    ],
)
def test_make_says_what_to_do(words: list[str], why: str) -> None:
    done = make(*words)
    assert done.returncode != 0
    assert why in " ".join(done.stderr.split())
