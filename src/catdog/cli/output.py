"""Write results to standard output, and everything else to standard error."""

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, TextIO

from catdog._utils.text import printable
from catdog.cli.wording import worded


def out(text: str) -> bool:
    """Write lines to standard output, without delay.

    Returns:
        Whether anyone can read them: false for a pipe that its reader has closed, as `| head` does.

    Raises:
        OSError: If they cannot be written.
    """
    try:
        _write(sys.stdout, text)
    except BrokenPipeError:
        return False
    except OSError as error:
        raise OSError(f"Cannot write to standard output: {error.strerror or error}.") from error
    return True


def err(text: str) -> None:
    """Write lines to standard error, without delay; control characters are escaped."""
    with suppress(OSError):  # nowhere to report it; the exit code remains
        _write(sys.stderr, "\n".join(map(printable, text.split("\n"))))


def out_json(value: Any) -> None:
    """Write a JSON document to standard output, in ASCII, which every encoding can write.

    Raises:
        ValueError: If it holds NaN or infinity, which are not part of JSON.
    """
    out(json.dumps(value, indent=2, allow_nan=False))


def show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Show a warning without its line of code; replaces `warnings.showwarning`."""
    err(f"catdog: warning: {worded(message)}")


@contextmanager
def progress_on_stderr() -> Iterator[bool]:
    """Redirect Keras' progress to standard error, so that standard output holds only results.

    Yields:
        Whether standard error is a terminal.
    """
    with redirect_stdout(_Progress()):
        yield sys.stderr.isatty()


class _Progress(io.TextIOBase):
    """Standard error without its errors, so that a full disk does not stop a training."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def _write(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "utf-8"
    encodable = text.encode(encoding, "backslashreplace").decode(encoding)
    try:
        stream.write(f"{encodable}\n")
        stream.flush()
    except OSError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), stream.fileno()
        )  # or Python reports the error again at exit
        raise
