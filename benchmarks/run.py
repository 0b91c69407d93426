"""Measure every ratio of the page about speed, and write a record of each comparison.

    python benchmarks/run.py --out docs/results/speed
    python benchmarks/run.py --only first_answer train_head --rounds 3 --out docs/results/speed
    python benchmarks/run.py --quick

The sides of a comparison run in turn (A B A B), each in a new process, so that other work on the
machine slows all of them. `cache_dir` has one side, which measures both kinds in its process.
Before those that count, there is a round for the files; not for trainings, which are long, nor for
`cache_dir`, which has first epochs of its own. A ratio is that of two neighbours; median and range
are those of all rounds. CPU time is that of all threads: on a busy machine, its ratio is more
reliable than that of the elapsed time.

`--quick` shows that everything runs, in a few minutes; its figures mean nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from comparisons import (
    CACHE_DIR,
    KERAS_SIDES,
    QUICK,
    SIDES,
    Comparison,
    Ratio,
    Scale,
    list_comparisons,
)
from harness import Record, ask_python, new_record, spread, summary, write_record

FIGURES = ("seconds", "cpu_seconds")
USES_ONEDNN = (
    "import tensorflow; from tensorflow.python.util import _pywrap_util_port as port; "
    "print(str(port.IsMklEnabled()).lower())"
)


def measure(comparison: Comparison, rounds: int, record: Record, *, quick: bool) -> Record:
    """Run all sides of a comparison in turn, and return its record.

    Args:
        comparison: What is measured.
        rounds: Rounds that count.
        record: Command, versions and machine.
        quick: Whether there is no round before them.
    """
    print(f"\n{comparison.name}: {comparison.about}", flush=True)
    warm_up = 0 if quick else comparison.warm_up
    with tempfile.TemporaryDirectory() as scratch:
        for command in comparison.prepare:
            run(fill(command, scratch, 0))
        found = []
        for number in range(warm_up + rounds):
            found.append(
                {
                    name: run(fill(command, scratch, number))
                    for name, command in comparison.sides.items()
                }
            )
    rows = [row_of(ratio, found[warm_up:]) for ratio in comparison.ratios]
    return record | {
        "about": comparison.about,
        "rounds": rounds,
        "rows": rows,
        "median_bar": comparison.median_bar,
    }


def fill(command: Sequence[str], scratch: str, number: int) -> list[str]:
    """Return a command for a scratch folder and a round."""
    names = {"{scratch}": scratch, "{round}": str(number)}
    filled = list(command)
    for name, value in names.items():
        filled = [part.replace(name, value) for part in filled]
    return filled


def run(command: Sequence[str]) -> Record:
    """Run a command in a new process, and return what its steps took.

    A command that is no script of this folder has the one step `process`: the whole process.
    """
    begin = time.perf_counter()
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as child,
    ):
        assert child.stdout is not None
        printed = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - begin
        if child.returncode:
            errors.seek(0)
            reason = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise SystemExit(f"{' '.join(command)}\nexit code {child.returncode}: {reason}")
    if command[1] in (str(SIDES), str(KERAS_SIDES)):
        steps: Record = json.loads(printed.splitlines()[-1])
        return steps
    if command[1] == str(CACHE_DIR):
        return steps_of_cache_dir(Path(command[-1]))
    times = {"seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime}
    # Linux counts the memory of the process before it became the program, so this process is small.
    return {"process": times, "peak_mib": usage.ru_maxrss // 1024}


def steps_of_cache_dir(path: Path) -> Record:
    """Return the times of the record that `cache_dir.py` wrote."""
    rows = json.loads(path.read_text())["results"]["rows"]
    return {row["images_from"]: {name: row[name]["median"] for name in FIGURES} for row in rows}


def row_of(ratio: Ratio, found: Sequence[Record]) -> Record:
    """Return the figures of a ratio over all rounds, and whether its bar is met."""
    figures = FIGURES if ratio.figure == "seconds" else (ratio.figure,)
    row: Record = {"what": ratio.what, "figure": ratio.figure, "bar": ratio.bar, "kind": ratio.kind}
    print(f"  {ratio.what:28}", end="")
    for figure in figures:
        values = [value_of(ratio, each, figure) for each in found]
        row[figure] = summary(values)
        print(f"  {figure} {spread(values)}", end="")
    row["met"] = is_met(row[ratio.figure]["median"], ratio.bar, ratio.kind)
    print(f"; {ratio.kind} {ratio.bar:g}: {'met' if row['met'] else 'NOT MET'}", flush=True)
    row["of"] = [figures_of(end, found, ratio.figure) for end in (ratio.over, ratio.under) if end]
    return row


def value_of(ratio: Ratio, measured: Record, figure: str) -> float:
    """Return a ratio in one round."""
    over = value_at(ratio.over, measured, figure)
    return over if ratio.under is None else over / value_at(ratio.under, measured, figure)


def value_at(place: tuple[str, str], measured: Record, figure: str) -> float:
    """Return a figure of a step of a side, in one round; memory is that of the process."""
    name, step = place
    value: float = measured[name][figure] if figure == "peak_mib" else measured[name][step][figure]
    return value


def figures_of(place: tuple[str, str], found: Sequence[Record], figure: str) -> Record:
    """Return median and range of a figure of a side, over all rounds."""
    return summary([value_at(place, each, figure) for each in found])


def is_met(value: float, bar: float, kind: str) -> bool:
    """Return whether a median meets its bar."""
    return value <= bar if kind == "at most" else value >= bar


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", help="names of comparisons; all if it is not passed")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--rounds", type=int, help="counted runs of every side; 5, quick 1")
    parser.add_argument("--quick", action="store_true", help="little of everything")
    parser.add_argument("--out", type=Path, help="folder of the records, one for each comparison")
    options: Any = parser.parse_args(arguments)
    comparisons = list_comparisons(QUICK if options.quick else Scale())
    names = [one.name for one in comparisons]
    if options.list:
        print("\n".join(names))
        return
    if unknown := set(options.only or ()) - set(names):
        sys.exit(f"There is no {', '.join(sorted(unknown))}. The names: {', '.join(names)}.")
    record = new_record(quick=options.quick, onednn_by_default=ask_python("-c", USES_ONEDNN))
    rounds = options.rounds or (1 if options.quick else 5)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
    for one in comparisons:
        if one.name not in (options.only or names):
            continue
        if one.name == "cache_dir" and not CACHE_DIR.exists():
            print("\ncache_dir: skipped, there is no benchmarks/cache_dir.py")
            continue
        number = {"number": names.index(one.name)}  # in the table
        entry = measure(one, rounds, record | number, quick=options.quick)
        write_record(entry, options.out and options.out / f"{one.name}.json")


if __name__ == "__main__":
    main()
