"""Measure the CPU time and the accuracy of the README's six lines and of the quickstart.

    python benchmarks/six_lines.py --out docs/results/six_lines.json

Each run is a new process. CPU time is that of all its threads, from the start of Python to the end
of the script; other work on the machine changes it less than the elapsed time. The built-in images
are drawn before. Accuracies are those on the test images; nothing is chosen by them.

Two more runs of the six lines, on Linux, show what another machine would give: on one core, and
without the kernels of oneDNN, which TensorFlow takes on some processors only. Both add numbers in
another order.
"""

import argparse
import contextlib
import json
import os
import re
import runpy
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import Record, ask_python, new_record, summary, write_record

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SCRIPTS = ("six_lines", "quickstart")
OTHER_ORDERS = ("six_lines_on_one_core", "six_lines_without_onednn")


def run(way: str) -> Record:
    """Run a script in this process; return its CPU time and its result on the test images."""
    if way == "six_lines_on_one_core":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if way == "six_lines_without_onednn":
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        script = run_quickstart if way == "quickstart" else run_six_lines
        model = script()
        seconds = time.process_time()
        return {"cpu_seconds": round(seconds, 1)} | result_of(model)


def run_quickstart() -> Path:
    """Run the example, and return the path of its model."""
    sys.argv = ["quickstart.py"]
    runpy.run_path(str(ROOT / "examples/quickstart.py"), run_name="__main__")
    return Path("quickstart_output/model.keras")


def run_six_lines() -> Any:
    """Run the code of the README, and return its model."""
    (code,) = BLOCK.findall((ROOT / "README.md").read_text("utf-8"))
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    return names["model"]


def result_of(model: Any) -> Record:
    """Return the accuracy on the test images of a model or of the file of one."""
    from catdog import evaluate, load_datasets, load_model  # after the settings of TensorFlow

    if isinstance(model, Path):
        model = load_model(model)
    result = evaluate(model, load_datasets("synthetic"), verbose=0)
    right = int(result.confusion_matrix.trace())
    return {"right": right, "accuracy": result.accuracy, "interval": result.interval, "n": result.n}


def measure(way: str, rounds: int) -> Record:
    """Run a script in new processes, and return its CPU times and results."""
    runs = [ask_python(__file__, "--way", way) for _ in range(rounds)]
    for each in runs:
        print(
            f"  {way:26} {each['cpu_seconds']:6.1f} s   {each['right']} of {each['n']}", flush=True
        )
    return {
        "way": way,
        "cpu_seconds": summary([each["cpu_seconds"] for each in runs], 1),
        "runs": runs,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    parser.add_argument("--way", choices=(*SCRIPTS, *OTHER_ORDERS), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.way:
        print(json.dumps(run(options.way)))
        return

    ask_python("-c", "import catdog; catdog.load_datasets('synthetic'); print('[]')")
    record = new_record(rounds=options.rounds)
    record["rows"] = [
        *(measure(way, options.rounds) for way in SCRIPTS),
        *(measure(way, 1) for way in OTHER_ORDERS),
    ]
    write_record(record, options.out)


if __name__ == "__main__":
    main()
