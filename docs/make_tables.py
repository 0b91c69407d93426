"""Write the tables of the pages, and the measured accuracies of the package, from the records.

    python docs/make_tables.py

A table is between two lines of its page, `<!-- table: NAME -->` and `<!-- end -->`. The pages are
committed with their tables, so that they are complete without a build. A test compares them
with what this script writes.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import backend_tables
import cache_tables
import fine_tune_tables
import large_photo_tables
import leak_tables
import model_tables
import posts_tables
import ray_tables
import repeat_tables
import result_tables as results
import speed_tables

from catdog.models import measured

DOCS = Path(__file__).resolve().parent
PAGES = (DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md")))
BLOCK = re.compile(r"(?<=^<!-- table: )([\w-]+)( -->\n).*?(?=^<!-- end -->$)", re.M | re.S)


def read_record(name: str) -> dict[str, Any]:
    """Return the record that a script wrote."""
    record: dict[str, Any] = json.loads((DOCS / "results" / f"{name}.json").read_text("utf-8"))
    return record


def of_record(table: Callable[..., str], *names: str) -> Callable[[], str]:
    """Return a function that makes a table of the records of these names."""
    return lambda: table(*map(read_record, names))


def speed_of(folder: str) -> Callable[[], str]:
    """Return a function that makes a table of the records of `benchmarks/run.py` in a folder."""
    return lambda: speed_tables.speed(
        [
            read_record(f"{folder}/{path.stem}")
            for path in (DOCS / "results" / folder).glob("*.json")
        ]
    )


TABLES: dict[str, Callable[[], str]] = {
    "models": model_tables.models,
    "accuracies": model_tables.accuracies,
    "backbones": model_tables.backbones,
    "pretrained": model_tables.pretrained,
    "posts-time": of_record(posts_tables.time_of_all, "posts"),
    "posts-results": of_record(posts_tables.posts_results, "posts"),
    "posts-agreement": of_record(posts_tables.agreement, "posts"),
    "dead-units": of_record(posts_tables.dead_units, "dead_units", "posts"),
    "train-head": of_record(results.train_head, "train_head"),
    "fine-tune": of_record(fine_tune_tables.fine_tuned, "fine_tune"),
    "loading-scan": of_record(results.loading_scan, "loading"),
    "loading-memory": of_record(results.loading_memory, "loading"),
    "backends-time": of_record(backend_tables.times, "backends"),
    "mixed-precision": of_record(backend_tables.mixed_precision, "mixed_precision"),
    "cache-dir-time": of_record(cache_tables.time, "cache_dir"),
    "cache-dir-memory": of_record(cache_tables.memory, "cache_dir_memory"),
    "large-photos": of_record(large_photo_tables.scales, "large_photos"),
    "frozen-pass": of_record(results.feature_extraction, "feature_extraction"),
    "flip-average": of_record(results.flip_average, "flip_average"),
    "against-keras": of_record(results.against_keras, "against_keras"),
    "page-agreement": of_record(results.page_agreement, "page_agreement"),
    "predict-memory": of_record(results.predict_memory, "predict_memory"),
    "speed": speed_of("speed"),
    "speed-other-processor": speed_of("speed_other_processor"),
    "pass-ends": of_record(speed_tables.pass_ends, "pass_ends"),
    "compact-again": of_record(results.compact_again, "compact_again"),
    "compact-speed": of_record(results.compact_speed, "compact_speed"),
    "linear": of_record(results.linear, "variants"),
    "quickstart": of_record(results.quickstart, "six_lines"),
    "repeats": of_record(results.repeats, "six_lines", "six_lines_other_processor"),
    "repeat": of_record(repeat_tables.differences, "repeat"),
    "ray-runs": of_record(ray_tables.runs, "ray_extraction"),
    "ray-arithmetic": of_record(ray_tables.arithmetic, "ray_extraction"),
    "leaks-sets": of_record(leak_tables.sets, "leaks"),
    "leaks-groups": of_record(leak_tables.groups, "leaks"),
    "leaks-near-duplicates": of_record(leak_tables.near_duplicates, "leaks"),
    "leaks-warnings": of_record(leak_tables.warning_rates, "leaks"),
}


def with_tables(markdown: str) -> str:
    """Return the text of a page with its tables made again."""
    return BLOCK.sub(lambda block: f"{block[1]}{block[2]}\n{TABLES[block[1]]()}\n\n", markdown)


def package_file() -> str:
    """Return the content of the package's file of measured accuracies."""
    accuracies = posts_tables.measured_accuracies(read_record("posts"), read_record("variants"))
    return json.dumps(accuracies, indent=1) + "\n"


def main() -> None:
    """Write the file of the package, then the pages, which show it too."""
    measured.PATH.write_text(package_file(), "utf-8")
    for page in PAGES:
        page.write_text(with_tables(page.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
