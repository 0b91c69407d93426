import io
import sys

import pytest

import catdog._utils.progress as progress_module
from catdog._utils.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def open_terminal(monkeypatch: pytest.MonkeyPatch, *, show_after: float = 0) -> Terminal:
    """Replace standard error by a terminal; called by the test, as pytest replaces it earlier."""
    monkeypatch.setattr(progress_module, "SHOW_AFTER_SECONDS", show_after)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert isinstance(sys.stderr, Terminal)
    return sys.stderr


@pytest.mark.parametrize("total", [4, None])
def test_a_long_task_shows_its_progress(monkeypatch: pytest.MonkeyPatch, total: int | None) -> None:
    terminal = open_terminal(monkeypatch)
    with progress("Counting [cats]", total) as advance:
        for _ in range(3):
            advance(1)
    assert "Counting [cats]" in terminal.getvalue()
    assert f"3/{total or '?'}" in terminal.getvalue()


def test_results_can_be_written_beside_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = open_terminal(monkeypatch)
    with progress("Counting", 2) as advance:
        advance(1)
        print("result")  # noqa: T201
        advance(1)
    assert capsys.readouterr().out == "result\n"
    assert "2/2" in terminal.getvalue()
    assert "result" not in terminal.getvalue()


def test_bytes_are_shown_in_larger_units(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    with progress("Downloading", 2_000_000, unit="bytes") as advance:
        advance(1_000_000)
    assert "1.0/2.0 MB" in terminal.getvalue()


def test_a_short_task_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch, show_after=60)
    with progress("Counting", 4) as advance:
        advance(4)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("variable", ["CI", "FORCE_COLOR"])
def test_nothing_is_shown_outside_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    monkeypatch.setenv(variable, "1")
    monkeypatch.setattr(progress_module, "SHOW_AFTER_SECONDS", 0)
    with progress("Counting", 4) as advance:
        advance(4)
    assert capsys.readouterr() == ("", "")


def count_and_stop() -> None:
    with progress("Counting", 4) as advance:
        advance(1)
        raise KeyboardInterrupt


def test_an_error_is_raised_and_removes_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        count_and_stop()
    assert terminal.getvalue().endswith("\x1b[2K")  # the line is cleared
