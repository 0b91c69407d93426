"""Progress in notebooks; tests/test_notebook.py runs a real one."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import catdog._utils.progress as progress_module
from catdog._utils import notebook_bar
from catdog._utils.notebook_bar import is_notebook
from catdog._utils.progress import progress


class Widget:
    """A part of a bar, which keeps what it showed."""

    def __init__(self, *parts: Any, **values: Any) -> None:
        self.shown: list[tuple[str, object]] = []
        self.parts = parts
        self.is_open = True
        for name, value in values.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "value":
            self.shown.append((name, value))

    def close(self) -> None:
        self.is_open = False


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Pretend that this is a notebook with widgets; return what it displays."""
    displayed: list[Any] = []

    def display(box: Any, display_id: bool) -> SimpleNamespace:
        displayed.append(box)
        return SimpleNamespace(update=lambda content, raw: displayed.append(content))

    widgets = ModuleType("ipywidgets")
    widgets.Label = widgets.IntProgress = widgets.HBox = Widget  # type: ignore[attr-defined]
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=1)  # type: ignore[attr-defined]
    ipython_display = ModuleType("IPython.display")
    ipython_display.display = display  # type: ignore[attr-defined]
    for module in (widgets, ipython, ipython_display):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(progress_module, "SHOW_AFTER_SECONDS", 0)
    monkeypatch.setattr(notebook_bar, "REFRESH_SECONDS", 0)
    return displayed


def test_a_bar_of_widgets(page: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Counting", 4) as advance:
        for _ in range(3):
            advance(1)
        (box,) = page
        name, bar, count = box.parts[0]
        assert name.parts == ("Counting",)
        assert (bar.max, bar.value) == (4, 3)
        assert count.shown[-1] == ("value", "3/4 files")
        assert box.is_open
    assert not box.is_open
    assert page[1:] == [{"text/plain": "", "text/html": ""}]  # nothing of it is saved
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("total", "unit", "shown"),
    [(None, "files", "2/? files"), (4, "bytes", "0.0/0.0 MB"), (None, "bytes", "0.0 MB")],
)
def test_what_is_counted(page: list[Any], total: int | None, unit: str, shown: str) -> None:
    with progress("Counting", total, unit=unit) as advance:
        advance(2)
    assert page[0].parts[0][-1].shown[-1] == ("value", shown)
    assert len(page[0].parts[0]) == (3 if total else 2)


def test_the_page_gets_few_messages(page: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook_bar, "REFRESH_SECONDS", 60)
    with progress("Counting", 1000) as advance:
        for _ in range(1000):
            advance(1)
    assert [value for _, value in page[0].parts[0][-1].shown] == ["1/1000 files", "1000/1000 files"]


def test_nothing_without_widgets(
    page: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """rich would ask for the package in a warning."""
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with progress("Counting", 4) as advance:
        advance(1)
        advance(1)
    assert page == []
    assert capsys.readouterr() == ("", "")


def test_a_terminal_of_ipython_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    ipython = ModuleType("IPython")
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    for shell, expected in ((None, False), (SimpleNamespace(), False)):
        ipython.get_ipython = lambda shell=shell: shell  # type: ignore[attr-defined]
        assert is_notebook() is expected
