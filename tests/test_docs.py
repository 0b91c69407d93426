"""What the README, the pages and the docstrings show is run, and every public name has a page."""

import inspect
import re
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

import catdog

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# A fence with a title, such as one that needs the real images, is not run.
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(text: str) -> list[str]:
    return BLOCK.findall(text)


HOME = ROOT / "docs/index.md"  # shows the README's block, which runs there
PAGES_WITH_CODE = [page for page in PAGES if page != HOME and blocks(page.read_text("utf-8"))]
NAMES_WITH_EXAMPLES = [
    name for name in catdog.__all__ if "```python" in (getattr(catdog, name).__doc__ or "")
]


@pytest.fixture(autouse=True)
def in_scratch_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: None)


def run(code: list[str], label: str) -> None:
    exec(compile("\n".join(code), label, "exec"), {"__name__": "__main__"})


def test_there_is_something_to_run() -> None:
    assert ROOT / "README.md" in PAGES_WITH_CODE
    assert len(PAGES_WITH_CODE) >= 3
    assert len(NAMES_WITH_EXAMPLES) >= 8


@pytest.mark.filterwarnings("ignore:.* left out")  # a page shows how to leave files out
@pytest.mark.parametrize(
    "page", PAGES_WITH_CODE, ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_page_runs_from_top_to_bottom(page: Path) -> None:
    run(blocks(page.read_text("utf-8")), str(page))


@pytest.mark.parametrize("name", NAMES_WITH_EXAMPLES)
def test_docstring_example_runs(name: str) -> None:
    run(blocks(inspect.getdoc(getattr(catdog, name)) or ""), name)


def test_every_public_name_has_a_reference() -> None:
    reference = "\n".join(
        page.read_text("utf-8") for page in (ROOT / "docs/reference").glob("*.md")
    )
    documented = re.findall(r"^::: catdog\.(\w+)$", reference, re.MULTILINE)
    assert sorted(documented) == catdog.__all__


def test_version_heads_the_changelog() -> None:
    heading = re.search(
        r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert heading is not None
    assert heading[1] == catdog.__version__


def test_home_page_shows_the_readmes_six_lines() -> None:
    readme, home = ((ROOT / name).read_text("utf-8") for name in ("README.md", "docs/index.md"))
    assert blocks(readme) == blocks(home)
    assert len(blocks(readme)[0].split("\n\n")[1].splitlines()) == 5  # and one to import


def test_readme_tells_how_good_the_shipped_model_is() -> None:
    shipped = catdog.model_spec("compact").shipped
    assert shipped is not None
    measured = shipped.measured
    accuracy, low, high = (
        f"{100 * share:.1f} %" for share in (measured.accuracy, *measured.interval)
    )
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    told = f"It tells {accuracy} of {measured.n} photos that it never saw"
    assert f"{told} (95 % interval {low} to {high})" in readme
