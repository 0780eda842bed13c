"""Puts the C detector into a wheel, built for this machine where there is a C compiler."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

LIBRARY = "libkws.so"
FLAGS = ("-std=c99", "-O3", "-fPIC", "-shared", "-Ifirmware/src", "-Ifirmware/include")
# Backends by what `cc -dumpmachine` begins with; a Pi's 32-bit compiler may leave NEON out.
BACKENDS = {
    "aarch64-linux": ("neon", ()),
    "arm-linux": ("neon", ("-march=armv7-a", "-mfpu=neon", "-mfloat-abi=hard")),
}
CPU = Path("/proc/cpuinfo")


class NativeLibrary(BuildHookInterface):
    """Without a compiler the wheel stays one for all machines, and spots with tflite alone."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the library and tag the wheel; an editable install uses that of `make host`."""
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory()  # goes with the hook
        library = Path(self._folder.name) / LIBRARY
        try:
            build(Path(self.root), library, self.metadata.version)
        except (OSError, subprocess.CalledProcessError) as error:
            self.app.display_warning(f"no native engine in this wheel: {error}")
            return
        build_data["force_include"][str(library)] = f"kws/{LIBRARY}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{_platform()}"


def build(root: Path, library: Path, version: str) -> None:
    """Compile firmware/src with the machine's best kernels."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    asked = subprocess.run([*compiler, "-dumpmachine"], check=True, capture_output=True, text=True)
    backend, flags = _backend(asked.stdout.strip())
    sources = root / "firmware" / "src"
    kernels = {path.name: path for path in sorted((sources / "kernels" / "portable").glob("*.c"))}
    kernels |= {path.name: path for path in sorted((sources / "kernels" / backend).glob("*.c"))}
    files = [*sorted(sources.glob("*.c")), *kernels.values()]
    flags = (*FLAGS, *flags, f'-DKWS_VERSION="{version}"')
    subprocess.run([*compiler, *flags, "-o", str(library), *map(str, files)], cwd=root, check=True)


def _backend(machine: str) -> tuple[str, tuple[str, ...]]:
    for prefix, backend in BACKENDS.items():
        if machine.startswith(prefix) and _has_neon():
            return backend
    return "portable", ()


def _has_neon() -> bool:
    """Called asimd in 64 bits; a Pi Zero of the first kind has none."""
    return bool({"neon", "asimd"} & set(CPU.read_text().split()))


def _platform() -> str:
    """The plain tag: a library built here may need as new a C library as this machine's."""
    return next(tag for tag in platform_tags() if not tag.startswith(("manylinux", "musllinux")))
