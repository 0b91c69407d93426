"""The tables of the pages and the accuracies in the package are what the records give."""

import importlib
import itertools
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from scipy.stats import binomtest

from catdog import list_models, model_spec
from catdog.models import measured

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
with_each_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix()
)
AGAIN = "Run docs/make_tables.py."


@pytest.fixture
def docs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import a script of the documentation, whose folder is importable while the test runs."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    return importlib.import_module("make_tables")


@with_each_page
def test_tables_are_what_the_records_give(page: Path, docs: ModuleType) -> None:
    markdown = page.read_text("utf-8")
    assert docs.with_tables(markdown) == markdown, AGAIN


@with_each_page
def test_nothing_is_missing_before_the_site_is_built(page: Path) -> None:
    """Whoever reads the page in the repository sees its tables and the outputs of its code."""
    markdown = page.read_text("utf-8")
    assert "--8<--" not in markdown
    assert re.findall(r"^<!-- (?!table: [\w-]+ -->|end -->|output -->).*", markdown, re.M) == []
    tables = r"^<!-- table: ([\w-]+) -->\n(.*?)^<!-- end"
    for name, table in re.findall(tables, markdown, re.M | re.S):
        assert table.strip(), name
    outputs = re.findall(r"^<!-- output -->\n\n```text\n(.*?)^```$", markdown, re.M | re.S)
    assert len(outputs) == markdown.count("<!-- output -->")
    assert all(outputs)


@with_each_page
def test_rows_of_a_table_have_as_many_cells(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()
    bars = [line.count("|") if line.startswith("|") else None for line in lines]
    for (above, below), line in zip(itertools.pairwise(bars), lines[1:], strict=True):
        assert above is None or below is None or above == below, line


def test_every_table_is_shown_once(docs: ModuleType) -> None:
    shown = [
        name
        for page in PAGES
        for name in re.findall(r"^<!-- table: ([\w-]+) -->$", page.read_text("utf-8"), re.M)
    ]
    assert sorted(shown) == sorted(docs.TABLES)


def test_file_of_the_package_is_what_the_records_give(docs: ModuleType) -> None:
    assert measured.PATH.read_text("utf-8") == docs.package_file(), AGAIN


@pytest.mark.parametrize("name", list_models())
def test_accuracies_have_the_interval_of_their_images(name: str) -> None:
    """Wilson's interval, by scipy."""
    spec = model_spec(name)
    for figures in (spec.measured, spec.pretrained and spec.pretrained.measured):
        if figures:
            right = figures.accuracy * figures.n
            assert right == pytest.approx(round(right))
            interval = binomtest(round(right), figures.n).proportion_ci(method="wilson")
            assert figures.interval == pytest.approx(tuple(interval))
            assert figures.baseline == 0.5


def test_every_model_of_a_blog_post_was_measured() -> None:
    for name in list_models():
        spec = model_spec(name)
        if spec.reported:
            assert spec.measured is not None
            assert spec.measured.n == 800
            right = [spec.reported.final_validation * spec.reported.n]
            right += [spec.reported.test * spec.reported.test_n] if spec.reported.test else []
            # four digits of a share of 808 images are an image's number to within 0.05
            assert right == pytest.approx([round(each) for each in right], abs=0.05)


def test_measured_and_reported_are_in_columns_of_their_own(docs: ModuleType) -> None:
    head, _, *rows = docs.TABLES["accuracies"]().splitlines()
    assert [cell.strip() for cell in head.split("|")[2:6]] == [
        "The blog post reports",
        "Measured",
        "Measured, bundled weights",
        "Baseline",
    ]
    row = next(row for row in rows if "cnn_augmented<wbr>.three_block" in row)
    _, _, reported, own, bundled, baseline, _ = row.split("|")
    assert "**62.4%**" in reported
    assert "n = 808" in reported
    assert own.strip() == "**50.0%**<br>46.5%&nbsp;to&nbsp;53.5%<br>n = 800"
    assert (bundled.strip(), baseline.strip()) == ("", "50.0%")


def test_time_counts_every_model_once(docs: ModuleType) -> None:
    rows = docs.read_record("posts")["rows"]
    seconds = {row["model"]: row["seconds"] for row in reversed(rows)}  # seed 0 comes first
    minutes = sum(seconds.values()) / 60
    assert f"The 8 trainings of seed 0 took {minutes:.0f} minutes" in docs.TABLES["posts-time"]()


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((0.70, 0.72), "partly inside"),
        ((0.71, 0.72), "inside"),
        ((0.60, 0.90), "partly inside"),
        ((0.60, 0.61), "below"),
        ((0.77, 0.77), "above"),
    ],
)
def test_place_of_a_reported_range(
    docs: ModuleType, ends: tuple[float, float], expected: str
) -> None:
    assert docs.posts_tables.place(ends, (0.707, 0.768)) == expected


def test_agreement_says_of_two_block_that_its_range_is_not_inside(docs: ModuleType) -> None:
    rows = docs.TABLES["posts-agreement"]().splitlines()
    (row,) = (row for row in rows if "cnn_preprocessed<wbr>.two_block" in row)
    assert "70% to 72%: partly inside" in row


def test_train_and_train_head_are_compared_by_mcnemars_exact_test(docs: ModuleType) -> None:
    counts = docs.read_record("train_head")["paired"]
    only_train, only_head = counts["only_plain"], counts["only_cold"]
    p = binomtest(only_train, only_train + only_head).pvalue
    sentences = docs.TABLES["train-head"]()
    assert f"right on {only_train}, only that of `train_head` on {only_head}" in sentences
    assert f"p = {p:.4f} in McNemar's exact test" in sentences
    assert "`train` augments the images in every epoch, `train_head` does not." in sentences


def test_accuracy_of_linear_is_that_of_the_images_that_chose_nothing(docs: ModuleType) -> None:
    spec = model_spec("mobilenet_v2.linear")
    assert spec.measured is not None
    assert (spec.measured.n, spec.measured.data) == (200, "cats_and_dogs_filtered, test set")
    sentences = docs.TABLES["linear"]()
    assert "199 of the 200 test images" in sentences
    assert "792 correctly" in sentences
    assert "991 correct" in sentences
    assert "also chose the penalty of its head" in sentences


def test_speed_is_not_extrapolated(docs: ModuleType) -> None:
    assert "20 epochs" not in docs.TABLES["against-keras"]()


def test_quickstart_is_as_accurate_as_the_six_lines_in_less_cpu_time(docs: ModuleType) -> None:
    rows = {row["way"]: row for row in docs.read_record("six_lines")["rows"]}
    six_lines, quickstart = rows["six_lines"], rows["quickstart"]
    assert quickstart["cpu_seconds"]["median"] < six_lines["cpu_seconds"]["median"]
    assert min(run["right"] for run in quickstart["runs"]) >= max(
        run["right"] for run in six_lines["runs"]
    )


def test_page_gives_the_interval_of_the_test_accuracy_of_a_blog_post() -> None:
    reported = model_spec("mobilenet_v2.both_flips").reported
    assert reported is not None
    assert reported.test is not None
    right, n = round(reported.test * reported.test_n), reported.test_n
    interval = binomtest(right, n).proportion_ci(method="wilson")
    low, high = (f"{100 * end:.1f} %" for end in interval)
    page = (ROOT / "docs/explanation/posts.md").read_text("utf-8")
    assert f"A test accuracy of {100 * right / n:.1f} % has no interval." in page
    assert f"It is of {n} images: the 95 % confidence interval is {low} to {high}." in page


def test_the_table_of_speed_shows_misses(docs: ModuleType) -> None:
    figures = {"median": 1.5, "min": 1.0, "max": 2.0}
    row: dict[str, Any] = {
        "what": "time",
        "figure": "seconds",
        "seconds": figures,
        "cpu_seconds": figures,
    }
    row |= {"kind": "at most", "bar": 1.0, "met": False, "of": [figures, figures]}
    facts: dict[str, Any] = {
        "command": "python x.py",
        "versions": {"python": "3"},
        "cores": 2,
        "cpu": "a model",
    }
    first = {"number": 0, "about": "a / b", "rounds": 5, "rows": [row], **facts}
    second = {**first, "number": 1, "about": "c / d", "rounds": 3, "median_bar": 1.25}
    shown = docs.speed_tables.speed([second, first])
    assert (
        "| a / b | time | 1.50 (1.00 to 2.00) | 1.50 (1.00 to 2.00) | at most 1: **missed** | 5 |"
        in shown
    )
    once = docs.speed_tables.speed([{**first, "rounds": 1}])
    assert "| a / b | time | 1.50 | 1.50 | at most 1: **missed** | 1 |" in once
    assert shown.index("a / b") < shown.index("c / d")
    assert "2 of 3 limits are missed" in shown
    assert "of the row above | 1.50 | 1.50 | at least 1.25: met |" in shown
    slower = {**row, "seconds": {**figures, "median": 1.0}}
    third = {**second, "number": 2, "rows": [slower, row]}
    shown = docs.speed_tables.speed([third, second, first])
    assert shown.count("| at least 1.25: ") == 1  # behind the last of them
    assert shown.rstrip().index("median of the 3 rows above | 1.50 | 1.50 |") > shown.rindex(
        "c / d"
    )
    assert shown.count("- Processor: a model") == shown.count("- Command: `python x.py`") == 1
    assert "No record yet" in docs.speed_tables.speed([])


def test_many_images_are_estimated_from_each_further_image(docs: ModuleType) -> None:
    tables = importlib.import_module("ray_tables")

    def run(images: int, workers: int, seconds: float) -> dict[str, Any]:
        times = {"median": seconds, "min": seconds, "max": seconds}
        return {
            "images": images,
            "workers": workers,
            "seconds": times,
            "stored_bytes": images * 5000,
        }

    record: dict[str, Any] = {
        "command": "python x.py",
        "versions": {},
        "cores": 2,
        "model": "mobilenet_v2.linear",
        "image_size": [160, 160],
        "photo_size": [375, 500],
        "file_bytes": 40_000,
        "images_per_file": 256,
        "rounds": 1,
        "stages": {"read": 0.1, "decode": 2.9, "backbone": 7.0},
        "single": [{"images": 1000, "seconds": 9.0}, {"images": 4000, "seconds": 21.0}],
        "runs": [run(4000, 1, 60), run(1000, 1, 30), run(1000, 2, 25), run(4000, 2, 40)],
    }
    runs = tables.runs(record)
    assert "pixels (one run each)" in runs
    assert "| 4,000 | 60.0 | 40.0 | 21.0 |" in runs
    record["runs"][0]["seconds"] = {"median": 60, "min": 50, "max": 70}
    assert "| 60.00 (50.00 to 70.00) |" in tables.runs({**record, "rounds": 3})
    assert "one process takes 10.0 ms; 2 are 2.00 times as fast as one." in runs
    many = tables.arithmetic(record)
    assert "| Core hours | 278 |" in many  # 1e8 images of 10 ms
    assert "| Bytes read | 4.0 TB |" in many
    assert "| Features stored | 500 GB |" in many
    assert "reading would be the limit" in many  # 1.1 hours, and 0.3 to compute
    assert "decoding takes 29%" in many
