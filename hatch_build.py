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
KERNELS = "simd"
NEON = ("-march=armv7-a", "-mfpu=neon", "-mfloat-abi=hard")
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
    """Compile firmware/src as firmware/host/host.mk does."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    asked = subprocess.run([*compiler, "-dumpmachine"], check=True, capture_output=True, text=True)
    sources = root / "firmware" / "src"
    kernels = {path.name: path for path in sorted((sources / "kernels" / "portable").glob("*.c"))}
    kernels |= {path.name: path for path in sorted((sources / "kernels" / KERNELS).glob("*.c"))}
    files = [*sorted(sources.glob("*.c")), *kernels.values()]
    flags = [*FLAGS, f'-DKWS_VERSION="{version}"']
    # a Pi's 32-bit compiler leaves NEON out, which all but the first Pis have
    if asked.stdout.startswith("arm-linux-") and {"neon", "asimd"} & set(CPU.read_text().split()):
        flags += NEON
    subprocess.run([*compiler, *flags, "-o", str(library), *map(str, files)], cwd=root, check=True)


def _platform() -> str:
    """The plain tag: a library built here may need as new a C library as this machine's.

    Of the plain ones the last, which the pip of a 32-bit system on a 64-bit kernel knows.
    """
    tags = list(platform_tags())
    return next((tag for tag in reversed(tags) if tag.startswith("linux_")), tags[0])
