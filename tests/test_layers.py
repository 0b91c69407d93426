"""Imports run one way: façade, features, models and data, layers, checks and types."""

import ast
from collections.abc import Iterator
from pathlib import Path

import catdog

SOURCE = Path(catdog.__file__).parent
LEVELS = (
    {"_types"},
    {
        "_atomic",
        "_checks",
        "_head",
        "_litert",
        "_logits",
        "_progress",
        "_statistics",
        "_text",
    },
    {"_card", "_feature_cache", "_figures", "_keras_cache", "_seeding", "_tables"},
    {"_download"},
    {"preprocessing", "augmentation"},
    {"data", "models"},
    {"baseline", "_evaluation", "_features", "_pictures", "_record"},
    {"_thumbnails", "calibration", "comparison", "evaluation", "prediction", "saving", "training"},
    {"exporting", "ranking"},
    {"plotting"},
    {"explanation", "label_issues"},
    {"__init__"},
    {"cli"},
    {"__main__"},
)
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and first part below `catdog` of every import of catdog's own modules."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = (
                [f"catdog.{alias.name}" for alias in node.names] if module == "catdog" else [module]
            )
        else:
            continue
        for name in names:
            if name.startswith("catdog."):
                yield node.lineno, name.split(".")[1]


def part(path: Path) -> str:
    relative = path.relative_to(SOURCE)
    return relative.parts[0].removesuffix(".py")


def test_every_part_has_a_level() -> None:
    assert {part(path) for path in SOURCE.rglob("*.py")} == set(LEVEL)


def test_imports_run_one_way() -> None:
    wrong = [
        f"{path.relative_to(SOURCE)}:{line} imports {imported}"
        for path in SOURCE.rglob("*.py")
        for line, imported in imports(path)
        if imported != part(path) and LEVEL[imported] >= LEVEL[part(path)]
    ]
    assert wrong == []


def test_tensorflow_is_spoken_in_few_places() -> None:
    speakers = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if any(name.partition(".")[0] == "tensorflow" for name in names):
                speakers.add(path.relative_to(SOURCE).as_posix())
    assert speakers == {
        "data/_pipeline.py",
        "data/_datasets.py",  # for type hints only
        "_head.py",
        "_litert.py",
        "explanation.py",
        "exporting.py",
    }
