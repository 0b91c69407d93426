"""What the commands write: results on standard output, all else on standard error."""

import io
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, TextIO

from catdog._utils.text import printable

# Arguments of catdog's functions, with which its errors begin, and what they are called here.
_OPTIONS = {
    "backbone": "--backbone",
    "cache_dir": "--cache-dir",
    "epochs": "--epochs",
    "folder": "FOLDER",
    "image_size": "--image-size",
    "name": "--model",
    "path": "--model",
    "seed": "--seed",
    "source": "FOLDER",
    "split_file": "--split-file",
    "unsure_below": "--unsure-below",
}
_ARGUMENT = re.compile(rf"^({'|'.join(_OPTIONS)})(?==| must )")
# The ways out that they name.
_WAYS_OUT = {
    'on_bad_image="skip"': "--skip-bad",
    "catdog.scan_images lists": "catdog scan lists",
    "data.save_split(path) writes one": "catdog train --save-split writes one",
    "save_model writes such a file": "catdog train writes such a file",
    'new_files="train" adds': 'In Python, load_datasets(..., new_files="train") adds',
    "of split_file=": "of --split-file=",
    "without split_file": "without --split-file",
    "print(data.report)": "see catdog scan",
    "pass weights=None to begin without the ImageNet weights": (
        "pass --model compact, whose weights come with catdog"
    ),
    'images: load_datasets("synthetic")': "images, by the name synthetic",
    "load_datasets(..., split_file=...) gives": "--split-file gives",
    "or pass name='transfer'": "or pass --model transfer",
    "goes with name='transfer'": "goes with --model transfer",
}


def out(text: str) -> None:
    """Write lines to standard output, now.

    Raises:
        OSError: If they cannot be written, but not because the reader has seen enough: `| head`.
    """
    try:
        _write(sys.stdout, text)
    except BrokenPipeError:
        pass
    except OSError as error:
        raise OSError(f"Cannot write to standard output: {error.strerror or error}.") from error


def err(text: str) -> None:
    """Write lines to standard error, now; nothing in them moves the cursor."""
    with suppress(OSError):  # there is nowhere to say it; the exit code tells
        _write(sys.stderr, "\n".join(map(printable, text.split("\n"))))


def out_json(value: Any) -> None:
    """Write a JSON document to standard output, in ASCII, so that every terminal and pipe takes it.

    Raises:
        ValueError: If it holds NaN or infinity, which JSON does not know.
    """
    out(json.dumps(value, indent=2, allow_nan=False))


def in_options(message: object) -> str:
    """Return an error or a warning of catdog's with the names of options for those of arguments."""
    text = _ARGUMENT.sub(lambda found: _OPTIONS[found[1]], str(message))
    for argument, option in _WAYS_OUT.items():
        text = text.replace(argument, option)
    return text


def show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Show a warning without the line of code that it comes from, for `warnings.showwarning`."""
    err(f"catdog: warning: {in_options(message)}")


@contextmanager
def progress_on_stderr() -> Iterator[bool]:
    """Let Keras show its progress on standard error, which leaves standard output to results.

    Yields:
        Whether somebody watches: the stream is a terminal.
    """
    with redirect_stdout(_Progress()):
        yield sys.stderr.isatty()


class _Progress(io.TextIOBase):
    """Standard error, but for what it does not take: no training is lost for a full disk."""

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
    shown = text.encode(encoding, "backslashreplace").decode(encoding)
    try:
        stream.write(f"{shown}\n")
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # or Python says it once more
        raise
