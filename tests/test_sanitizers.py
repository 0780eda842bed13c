"""The C code under AddressSanitizer and UBSan: the twins' tests, broken WAV files, a fuzzer."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from test_host import READABLE, UNREADABLE
from twins import LIBRARIES, ROOT, extremes

BUILD = ROOT / "firmware/build"
TWIN_TESTS = tuple(
    f"test_{stage}.py" for stage in ("fft", "ring", "columns", "mfcc", "smooth", "decide", "line")
)
KERNEL_TESTS = ("test_kernels.py", "test_network.py")
BACKENDS = [path.stem.removeprefix("libkws-") for path in LIBRARIES]
# Python's half is tested elsewhere; espeak-ng and cc do not run with the sanitizer preloaded.
TWIN_CHOICE = ("-k", "not python and not speech and not structures")
STRICT = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:exitcode=99",  # Python leaks at its exit
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


@pytest.fixture(scope="module", autouse=True)
def sanitized() -> None:
    """Builds the library, the program and the fuzz target."""
    subprocess.run(["make", "--silent", "sanitized"], cwd=ROOT, check=True)


def sanitized_library(backend: str) -> Path:
    return BUILD / f"libkws-{backend}-sanitized.so"


def run_tests(library: Path, tests: tuple[str, ...]) -> None:
    """Runs them in a Python of their own with a library that needs the sanitizers' runtime."""
    runtime = subprocess.run(
        ["cc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True
    ).stdout.strip()
    environment = {**os.environ, **STRICT, "LD_PRELOAD": runtime, "KWS_LIBRARY": str(library)}
    files = [str(ROOT / "tests" / name) for name in tests]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:xdist", *TWIN_CHOICE, *files],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_twins() -> None:
    run_tests(sanitized_library("portable"), TWIN_TESTS)


@pytest.mark.parametrize("backend", BACKENDS)
def test_kernels(backend: str) -> None:
    run_tests(sanitized_library(backend), KERNEL_TESTS)


def test_words_in_a_file(tmp_path: Path) -> None:
    samples, rate = soundfile.read(ROOT / "examples" / "commands.wav", dtype="int16")
    path = tmp_path / "some.wav"
    soundfile.write(path, samples[: 3 * rate], rate)
    printed = [
        subprocess.run(
            [BUILD / program, "--listen", path],
            env={**os.environ, **STRICT},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for program in ("kws_host", "kws_host-sanitized")
    ]
    assert printed[0].endswith("\n")
    assert printed[0] == printed[1]


def test_broken_files(tmp_path: Path) -> None:
    """Every WAV file of test_host.py, cut and with bytes changed."""
    path = tmp_path / "some.wav"
    originals = [*READABLE.values(), *(content for content, _ in UNREADABLE.values())]
    rng = random.Random(1)
    for content in originals:
        for _ in range(5):
            broken = bytearray(content[: rng.randint(0, len(content))])
            for _ in range(rng.randint(0, 4)):
                if broken:
                    broken[rng.randrange(min(60, len(broken)))] = rng.choice((0, 1, 0x7F, 0xFF))
            path.write_bytes(broken)
            done = subprocess.run(
                [BUILD / "kws_host-sanitized", rng.choice(["--columns", "--listen"]), path],
                env={**os.environ, **STRICT},
                capture_output=True,
                text=True,
            )
            assert done.returncode in (0, 1), done.stderr
            assert done.stderr.count("\n") == done.returncode


def test_fuzzer(tmp_path: Path) -> None:
    for name, content in READABLE.items():
        (tmp_path / name).write_bytes(content)
    for name, wave in extremes(4_096).items():
        (tmp_path / name).write_bytes(wave.tobytes())
    done = subprocess.run(
        [
            BUILD / "fuzz",
            "-seed=1",
            "-runs=20000",
            "-max_total_time=10",
            "-max_len=9000",
            f"-artifact_prefix={tmp_path}/",
            tmp_path,
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
