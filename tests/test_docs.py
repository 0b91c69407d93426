"""Run the code of the README, the pages and the docstrings; check the reference and the changelog.

The code runs on fewer images and for fewer epochs than it says, so that the tests are fast. Nothing
in it depends on the accuracy.
"""

import re
import textwrap
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import pytest
from keras.src.trainers import trainer
from matplotlib import pyplot as plt

import catdog
from catdog.data import synthetic
from catdog.evaluation import out_of_fold
from tests.networks import use_pooling_for_blocks

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# A block with a title, such as one that needs the real images, is not run.
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
IMAGES_PER_CLASS = {"train": 30, "validation": 20, "test": 25}  # of the built-in data set
MAX_EPOCHS = 2


def blocks(text: str) -> list[str]:
    return BLOCK.findall(text)


def docstring_blocks(name: str) -> list[str]:
    """Return the code blocks of the section `Example:` of a docstring, which is indented."""
    example = (getattr(catdog, name).__doc__ or "").partition("Example:\n")[2]
    return blocks(textwrap.dedent(example.partition("\n    Source:")[0]))


HOME = ROOT / "docs/index.md"  # shows the block of the README, which runs there
PAGES_WITH_CODE = [page for page in PAGES if page != HOME and blocks(page.read_text("utf-8"))]
NAMES_WITH_EXAMPLES = [
    name for name in catdog.__all__ if "```python" in (getattr(catdog, name).__doc__ or "")
]


@pytest.fixture(scope="session")
def small_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder for the smaller data set, which is drawn once."""
    return tmp_path_factory.mktemp("small_keras_home")


@pytest.fixture(autouse=True)
def less_work(keras_home: Path, small_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use fewer built-in images and fewer epochs; `keras_home` has set the usual cache before."""
    monkeypatch.setenv("KERAS_HOME", str(small_cache))
    monkeypatch.setattr(synthetic, "COUNTS", IMAGES_PER_CLASS)
    write_fewer = partial(synthetic.write_images, counts=IMAGES_PER_CLASS)
    monkeypatch.setattr(synthetic, "write_images", write_fewer)
    for name in ("train", "train_head", "fine_tune"):
        monkeypatch.setattr(catdog, name, with_fewer_epochs(getattr(catdog, name)))
    monkeypatch.setattr(out_of_fold, "MAX_FEATURES", 64)


def with_fewer_epochs(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def train(*arguments: Any, epochs: int = MAX_EPOCHS, **options: Any) -> Any:
        return function(*arguments, epochs=min(epochs, MAX_EPOCHS), **options)

    return train


@pytest.fixture(autouse=True)
def less_compilation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train without XLA, and with pooling for the blocks of two backbones.

    Tracing and compiling take longer than running. The real backbones are tested with the models.
    """
    monkeypatch.setattr(trainer, "model_supports_jit", lambda model: False, raising=False)
    use_pooling_for_blocks(monkeypatch)


@pytest.fixture(autouse=True)
def runs_in_scratch_folder(in_scratch_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda: None)


def run(code: list[str], label: str) -> None:
    exec(compile("\n".join(code), label, "exec"), {"__name__": "__main__"})


def test_there_is_something_to_run() -> None:
    assert ROOT / "README.md" in PAGES_WITH_CODE
    assert len(PAGES_WITH_CODE) >= 3
    assert len(NAMES_WITH_EXAMPLES) >= 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_catdog_is_imported_before_keras(page: Path) -> None:
    """Otherwise TensorFlow writes log lines, and decides about oneDNN without catdog."""
    for block in re.findall(r"^```python.*?\n(.*?)^```", page.read_text("utf-8"), re.M | re.S):
        imported = re.findall(r"^(?:import|from) (catdog|keras|tensorflow)\b", block, re.M)
        is_module_of_catdog = "SPECS" in block
        assert is_module_of_catdog or "catdog" not in imported[1:] or imported[0] == "catdog"


# A page shows how to leave files out; a model that is hardly trained may not be calibrated.
@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:.* left out", "ignore:.* probabilities", "ignore:Neighbours by name"
)
@pytest.mark.parametrize(
    "page", PAGES_WITH_CODE, ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_page_runs_from_top_to_bottom(page: Path) -> None:
    run(blocks(page.read_text("utf-8")), str(page))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.* probabilities")
@pytest.mark.parametrize("name", NAMES_WITH_EXAMPLES)
def test_docstring_example_runs(name: str) -> None:
    code = docstring_blocks(name)
    assert code
    run(code, name)


def test_every_public_name_has_a_reference() -> None:
    reference = "\n".join(
        page.read_text("utf-8") for page in (ROOT / "docs/reference").glob("*.md")
    )
    documented = re.findall(r"^::: catdog\.(\w+)$", reference, re.MULTILINE)
    assert sorted(set(documented) - {"typing"}) == catdog.__all__
    assert "typing" in documented


def test_version_heads_the_changelog() -> None:
    heading = re.search(
        r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert heading is not None
    assert heading[1] == catdog.__version__


def test_home_page_shows_the_six_lines_of_the_readme() -> None:
    readme, home = ((ROOT / name).read_text("utf-8") for name in ("README.md", "docs/index.md"))
    assert blocks(readme) == blocks(home)
    assert len(blocks(readme)[0].split("\n\n")[1].splitlines()) == 5  # the import is the sixth


def test_no_command_installs_the_project_of_the_same_name() -> None:
    """`catdog` on the Python Package Index is another project, and so are its extras."""
    code = [
        path for folder in ("src", "examples", "tests") for path in (ROOT / folder).rglob("*.py")
    ]
    for path in {*PAGES, *code, ROOT / "CONTRIBUTING.md"} - {Path(__file__)}:
        for paragraph in path.read_text("utf-8").split("\n\n"):
            text = " ".join(paragraph.split())
            if re.search(r"""pip install (-\S+ )*["']?catdog\b""", text):
                assert "unrelated project" in text, f"{path}: {text}"


def test_readme_and_home_page_warn_of_the_project_of_the_same_name() -> None:
    for page in (ROOT / "README.md", HOME):
        assert "`pip install catdog`" in page.read_text("utf-8")


def test_readme_shows_the_accuracy_of_the_pretrained_model() -> None:
    pretrained = catdog.model_spec("compact").pretrained
    assert pretrained is not None
    measured = pretrained.measured
    accuracy, low, high = (
        f"{100 * share:.1f} %" for share in (measured.accuracy, *measured.interval)
    )
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    sentence = f"The model classifies {accuracy} of {measured.n} new photos correctly"
    assert f"{sentence} (95 % confidence interval {low} to {high})" in readme
