"""What an installed package does: with a C compiler on the machine, and without one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 1_800  # seconds: this runs on emulated machines too
COMMANDS = ROOT / "examples" / "commands.wav"
MODEL = "st-int8"  # in it the interpreter rounds as our kernels do


def build(folder: Path, target: str, **environment: str) -> Path:
    """A distribution of the checkout."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return next(folder.iterdir())


def install(wheel: Path, folder: Path) -> Path:
    """The wheel alone in a folder, as pip puts it into a new environment's."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(folder), str(wheel)], check=True, timeout=PATIENCE)
    return folder


def listen(installed: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """kws-listen of the installed package, away from the checkout."""
    return subprocess.run(
        [sys.executable, "-m", "kws.listen", "--model", MODEL, "--wav", str(COMMANDS), *args],
        cwd=installed,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installed where there was no compiler."""
    folder = tmp_path_factory.mktemp("pure")
    wheel = build(folder / "dist", "wheel", PATH=str(folder))
    assert wheel.name.endswith("-py3-none-any.whl")
    return install(wheel, folder / "site")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installed where there was one."""
    folder = tmp_path_factory.mktemp("compiled")
    wheel = build(folder / "dist", "wheel")
    assert not wheel.name.endswith("-any.whl")
    return install(wheel, folder / "site")


def test_the_native_engine_is_installed_where_there_is_a_compiler(compiled: Path) -> None:
    native, tflite = (listen(compiled, "--engine", name) for name in ("native", "tflite"))
    assert native.returncode == 0, native.stderr
    assert native.stdout.count("\n") > 5
    assert native.stdout == tflite.stdout


def test_without_a_compiler_the_other_engine_listens(pure: Path, compiled: Path) -> None:
    done = listen(pure)
    assert (done.returncode, done.stdout) == (0, listen(compiled).stdout)


def test_without_a_compiler_the_native_engine_says_how_to_get_it(pure: Path) -> None:
    done = listen(pure, "--engine", "native")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert str(pure / "kws" / "libkws.so") in done.stderr
    assert "gcc" in done.stderr
    assert "pip install" in done.stderr


def test_a_compiler_that_fails_leaves_a_wheel_for_all(tmp_path: Path) -> None:
    assert build(tmp_path, "wheel", CC="false").name.endswith("-py3-none-any.whl")


def test_a_source_distribution_builds_the_same_library(tmp_path: Path, compiled: Path) -> None:
    source = build(tmp_path / "dist", "sdist")
    subprocess.run(["tar", "-xf", source, "-C", tmp_path], check=True)
    unpacked = next(path for path in tmp_path.iterdir() if path.name.startswith("kws_listen"))
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist"]
    subprocess.run(command, cwd=unpacked, check=True, capture_output=True, timeout=PATIENCE)
    again = install(next((unpacked / "dist").glob("*.whl")), tmp_path / "site")
    library = (again / "kws" / "libkws.so").read_bytes()
    assert library == (compiled / "kws" / "libkws.so").read_bytes()
