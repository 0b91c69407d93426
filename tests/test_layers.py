"""Imports run one way, through eleven named levels; private names stay in their topic folder."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import catdog

SOURCE = Path(catdog.__file__).parent
LEVELS = {
    "helpers": {"typing", "_utils"},
    "images": {"images"},
    "data and models": {"data", "models"},
    "matching": {"matching"},
    "inference": {"inference"},
    "training": {"training"},
    "evaluation": {"evaluation"},
    "plotting": {"plotting"},
    "reporting": {"reporting"},
    "package": {"__init__"},
    "command line": {"cli", "__main__"},
}
LEVEL = {part: level for level, parts in enumerate(LEVELS.values()) for part in parts}
# Within a level, which part may import which.
WITHIN = {("_utils", "typing"), ("__main__", "cli")}
# Private names of one topic that another may import.
PRIVATE_BUT_SHARED: set[str] = set()


def imports(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line, module and name of every import of catdog's own modules."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = [(node.module or "", alias.name) for alias in node.names]
        else:
            continue
        for module, name in found:
            if module == "catdog":
                yield node.lineno, "catdog.__init__", name
            elif module.startswith("catdog."):
                yield node.lineno, module, name


def part(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def sources() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def test_there_are_eleven_levels() -> None:
    assert len(LEVELS) == 11
    assert {part(path) for path in sources()} == set(LEVEL)


def test_imports_run_one_way() -> None:
    wrong = []
    for path in sources():
        own = part(path)
        for line, module, name in imports(path):
            other = module.split(".")[1]
            allowed = other == own or (own, other) in WITHIN or LEVEL[other] < LEVEL[own]
            if not allowed and own != "__init__":  # which names all public ones for type checkers
                wrong.append(f"{path.relative_to(SOURCE)}:{line} imports {module}.{name}")
    assert wrong == []


def test_private_names_stay_in_their_topic() -> None:
    wrong = []
    for path in sources():
        for line, module, name in imports(path):
            other = module.split(".")[1]
            private = name.startswith("_") or any(
                piece.startswith("_") and not piece.startswith("__")
                for piece in module.split(".")[2:]
            )
            if private and other != part(path) and f"{module}.{name}" not in PRIVATE_BUT_SHARED:
                wrong.append(f"{path.relative_to(SOURCE)}:{line} imports {module}.{name}")
    assert wrong == []


def test_topic_init_files_hold_a_docstring_alone() -> None:
    for path in SOURCE.rglob("__init__.py"):
        if path.parent not in (SOURCE, SOURCE / "data/synthetic"):
            body = ast.parse(path.read_text("utf-8")).body
            assert [type(node) for node in body] == [ast.Expr], path


def test_few_modules_import_tensorflow() -> None:
    importers = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if any(name.partition(".")[0] == "tensorflow" for name in names):
                importers.add(path.relative_to(SOURCE).as_posix())
    assert importers == {
        "_utils/keras_internals.py",
        "data/native.py",
        "data/pipeline.py",
        "data/python_calls.py",
        "_utils/late.py",  # for type hints only
        "inference/export.py",
        "inference/export_formats.py",
        "inference/interpreter.py",  # if LiteRT's own package is missing
        "inference/litert.py",
        "inference/map_gradient.py",
        "inference/native_reader.py",
        "inference/web_graph.py",
        "inference/web_model.py",
        "training/devices.py",
        "training/head_loop.py",
    }


def test_keras_is_imported_as_a_whole() -> None:
    """A name of `keras` that is used at import would load it: the command line loads it late."""
    for path in sources():
        text = path.read_text("utf-8")
        if re.search("^(import|from) (keras|tensorflow)", text, re.MULTILINE):
            assert "\nfrom __future__ import annotations\n" in text, path
        assert not re.search("^from (keras|tensorflow)", text, re.MULTILINE), path


def test_files_and_functions_are_small() -> None:
    lengths = []
    for path in sources():
        text = path.read_text("utf-8")
        assert text.count("\n") <= 300, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                lengths.append((body_lines(node), f"{path.relative_to(SOURCE)}: {node.name}"))
    assert max(lengths)[0] <= 60, max(lengths)
    short = sum(length <= 35 for length, _ in lengths)
    assert short >= 0.9 * len(lengths)


def body_lines(function: ast.FunctionDef) -> int:
    """Return the lines of a function without signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0
