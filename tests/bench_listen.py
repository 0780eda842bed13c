"""kws-listen's start-up time, memory and CPU share, with the targets beside them."""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import soundfile

from kws.artefact import DEFAULT_MODEL

COMMANDS = Path(__file__).resolve().parents[1] / "examples" / "commands.wav"
ENGINES = ("native", "tflite")
REPEATS = 20  # of the recording, where time is not to be waited for
PAGE = 4096
START_TARGET, MEMORY_TARGET, CPU_TARGET = 1.0, 100.0, 10.0


def main() -> int:
    """Measure, print, return 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--runs", type=int, default=5, help="of the start-up (default: 5)")
    args = parser.parse_args()
    listen = [sys.executable, "-m", "kws.listen", "--model", args.model]
    print(f"kws-listen with {args.model}, Python {sys.version.split()[0]}")
    before = children_cpu()
    starts = [start_up(listen) for _ in range(args.runs)]
    cpu = (children_cpu() - before) / args.runs
    report("start-up to the first audio read, pipe", statistics.median(starts), "s", START_TARGET)
    report("  CPU time of it, which other programs do not lengthen", cpu, "s", START_TARGET)
    starts = [start_up_microphone(listen) for _ in range(args.runs)]
    report("start-up to listening, microphone", statistics.median(starts), "s", START_TARGET)
    for engine in ENGINES:
        for where in ("piped", "terminal"):
            command = [*listen, "--engine", engine, "--wav", str(COMMANDS), "--realtime"]
            share, memory = real_time(command, where)
            report(f"memory (peak resident), {engine}, {where}", memory, "MB", MEMORY_TARGET)
            report(f"CPU share of one core in real time, {engine}, {where}", share, "%", CPU_TARGET)
    native, tflite = compare(listen, args.runs)
    print("  CPU share of the samples' way to detections, in blocks of a file")
    print(f"    native {native:.3f} %, tflite {tflite:.3f} %: ratio {native / tflite:.2f}")
    return 0


def report(what: str, value: float, unit: str, target: float) -> None:
    """One figure and its target."""
    verdict = "met" if value < target else "MISSED"
    print(f"  {what:<55} {value:7.2f} {unit:<2}  (target below {target:g} {unit}: {verdict})")


def children_cpu() -> float:
    """User and system seconds of all programs that this one has started and seen end."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def compare(listen: list[str], runs: int) -> list[float]:
    """CPU share in per cent of each engine, start-up left out: medians of runs in turn."""
    samples, rate = soundfile.read(COMMANDS, dtype="int16")
    shares: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    with tempfile.TemporaryDirectory() as folder:
        once, often = Path(folder) / "once.wav", Path(folder) / "often.wav"
        soundfile.write(once, samples, rate)
        soundfile.write(often, np.tile(samples, 1 + REPEATS), rate)
        for _ in range(runs):
            for engine in ENGINES:
                used = []
                for path in (once, often):
                    before = children_cpu()
                    command = [*listen, "--engine", engine, "--wav", str(path)]
                    subprocess.run(command, capture_output=True, check=True)
                    used.append(children_cpu() - before)
                seconds = REPEATS * len(samples) / rate
                shares[engine].append(100 * (used[1] - used[0]) / seconds)
    return [statistics.median(shares[engine]) for engine in ENGINES]


def start_up(listen: list[str]) -> float:
    """Seconds from the command to its first read of a full pipe, which a write then sees."""
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, PAGE)
    os.write(theirs, bytes(PAGE))
    begin = time.monotonic()
    with subprocess.Popen(
        [*listen, "-"], stdin=ours, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ):
        os.close(ours)
        os.write(theirs, b"\0")
        seconds = time.monotonic() - begin
        os.close(theirs)
    return seconds


def start_up_microphone(listen: list[str]) -> float:
    """Seconds from the command to its word that it listens, to a virtual sound card."""
    with tempfile.TemporaryDirectory() as folder:
        raw, card = Path(folder) / "in.raw", Path(folder) / "asoundrc"
        raw.write_bytes(bytes(32_000))
        card.write_text(
            'pcm.virtual { type file slave.pcm "null" file "/dev/null" '
            f'infile "{raw}" format "raw" }}\n'
        )
        begin = time.monotonic()
        with subprocess.Popen(
            [*listen, "--device", "virtual"],
            env=os.environ | {"ALSA_CONFIG_PATH": f"/usr/share/alsa/alsa.conf:{card}"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            first = process.stderr.readline()
            seconds = time.monotonic() - begin
            process.terminate()
            process.communicate()
    if "listening" not in first:
        raise SystemExit(f"no virtual microphone: {first}")
    return seconds


def real_time(command: list[str], where: str) -> tuple[float, float]:
    """CPU share in per cent, start-up left out, and peak resident memory in MB."""
    ours, theirs = pty.openpty()
    output = theirs if where == "terminal" else subprocess.DEVNULL
    env = os.environ | {"TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL, env=env)
    os.close(theirs)
    screen = threading.Thread(target=drain, args=(ours,))
    screen.start()
    time.sleep(START_TARGET)
    first_cpu, first_time = cpu_seconds(process.pid), time.monotonic()
    share = memory = 0.0
    while process.poll() is None:
        time.sleep(0.1)
        try:
            used = cpu_seconds(process.pid) - first_cpu
            memory = peak_memory(process.pid)
        except (OSError, IndexError):  # it has just ended
            break
        share = 100 * used / (time.monotonic() - first_time)
    process.wait()
    screen.join()
    os.close(ours)
    return share, memory


def drain(terminal: int) -> None:
    """Read what the program draws, as a terminal does."""
    try:
        while os.read(terminal, 65_536):
            pass
    except OSError:  # how Linux says that the other side has closed
        return


def cpu_seconds(process: int) -> float:
    """User and system time of all threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_memory(process: int) -> float:
    """Peak resident memory in MB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


if __name__ == "__main__":
    sys.exit(main())
