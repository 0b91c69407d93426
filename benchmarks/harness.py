"""Shared by the benchmarks: records, timing, and new processes."""

import importlib.metadata
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PACKAGES = ("catdog", "tensorflow", "keras", "numpy", "pillow")
STATUS = Path("/proc/self/status")  # exists on Linux
CPU_INFO = Path("/proc/cpuinfo")  # exists on Linux

Record = dict[str, Any]


def new_record(**facts: Any) -> Record:
    """Return and print the start of a record: command, versions, cores, and facts of the script."""
    versions = {package: importlib.metadata.version(package) for package in PACKAGES}
    record: Record = {
        "command": shlex.join(["python", *sys.argv]),
        "versions": {"python": platform.python_version(), **versions},
        "cores": os.cpu_count(),
        "cpu": cpu_model(),
        **facts,
    }
    print(", ".join(f"{name} {version}" for name, version in record["versions"].items()))
    print(", ".join([f"{record['cores']} cores", *(f"{key} {facts[key]}" for key in facts)]))
    return record


def cpu_model() -> str:
    """Return the model of the processor, as far as the system says it."""
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def write_record(record: Record, path: Path | None) -> None:
    """Write a record as JSON, if a path is passed."""
    if path:
        path.write_text(json.dumps(record, indent=1) + "\n")


def time_in_turn(tasks: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Time every task once per round, in seconds, after a warm-up round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds + 1):
        for name, task in tasks.items():
            begin = time.perf_counter()
            task()
            if number > 0:
                seconds[name].append(time.perf_counter() - begin)
    return seconds


def ask_python(*arguments: object, timeout: float | None = None) -> Any:
    """Run Python with these arguments in a new process, and return its last line, parsed as JSON.

    Raises:
        subprocess.CalledProcessError: If it fails.
        subprocess.TimeoutExpired: If it takes longer than `timeout` seconds.
    """
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=timeout)
    return json.loads(done.stdout.splitlines()[-1])  # converters print their own lines before


def peak_mib() -> int:
    """Return the peak memory of this process, in MiB.

    `getrusage` of Linux is not suitable: it includes the process before it became this program.
    """
    (peak,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) // 1024


def summary(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """Return median and range, rounded for the record."""
    found = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {name: round(value, digits) for name, value in found.items()}


def spread(values: Sequence[float]) -> str:
    """Return median and range as text."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
