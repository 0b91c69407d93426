import ast
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import catdog
import catdog.typing

IMPORT_ALONE = """
import sys, time
start = time.perf_counter()
import catdog
seconds = time.perf_counter() - start
assert catdog.__version__
heavy = [name for name in ("tensorflow", "keras", "matplotlib", "numpy") if name in sys.modules]
print(seconds, heavy)
"""


def test_all_is_sorted_and_every_name_exists() -> None:
    assert catdog.__all__ == sorted(catdog.__all__)
    assert set(catdog.__all__) == set(catdog._MODULES)
    for name in catdog.__all__:
        assert getattr(catdog, name).__doc__
        assert name in dir(catdog)


@pytest.mark.parametrize("name", catdog.__all__)
def test_public_objects_are_pickled_by_reference_to_catdog(name: str) -> None:
    item = getattr(catdog, name)
    assert item.__module__ == "catdog"
    assert item.__qualname__ == name
    assert pickle.loads(pickle.dumps(item)) is item
    assert len(pickle.dumps(item)) < 100  # a name, no content


def test_types_for_annotations_are_public() -> None:
    names = catdog.typing.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name))  # constants first
    assert set(names) == set(_documented_names(Path(catdog.typing.__file__)))


def _documented_names(path: Path) -> list[str]:
    """Return the names that a module assigns, except dunders; each has a docstring below it."""
    names = []
    body = ast.parse(path.read_text("utf-8")).body
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            assert isinstance(target, ast.Name)
            if target.id.startswith("__"):
                continue
            assert isinstance(following, ast.Expr), f"{target.id} has no docstring"
            assert isinstance(following.value, ast.Constant)
            names.append(target.id)
    return names


def test_nothing_else_is_public() -> None:
    for name in ("wilson_interval", "np", "Path"):
        with pytest.raises(AttributeError, match=f"module 'catdog' has no attribute '{name}'"):
            getattr(catdog, name)


def test_import_is_cheap() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", IMPORT_ALONE], capture_output=True, text=True, check=True
        ).stdout.split(maxsplit=1)
        for _ in range(3)
    ]
    assert {heavy.strip() for _, heavy in outputs} == {"[]"}
    assert min(float(seconds) for seconds, _ in outputs) < 0.2


def test_baseline_needs_no_tensorflow() -> None:
    code = (
        "import sys; from catdog import baseline_accuracy, load_datasets; "
        "baseline_accuracy([0, 1]); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
