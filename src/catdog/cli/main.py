"""The entry point: from arguments to an exit code."""

import io
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from importlib import import_module

from catdog._utils.errors import UsageError
from catdog.cli import completion
from catdog.cli.lazy import load_keras_on_use
from catdog.cli.output import err, show_warning
from catdog.cli.parser import make_parser
from catdog.cli.wording import worded

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130  # 128 plus the number of the signal, as in shells


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: What follows `catdog`; `None` for the arguments of the process.

    Returns:
        The exit code: 0 for success; 1 if the command is done, but something could not be read or
        used; 2 for an error; 130 if the user interrupted the command.

    Raises:
        SystemExit: If the arguments are wrong (code 2), or ask for help or the version (code 0).
    """
    _open_closed_streams()
    _buffer_output()
    parser = make_parser()
    if completion.VARIABLE in os.environ:
        completion.complete(parser)
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return EXIT_ERROR
    try:
        if options.command not in ("predict", "completion"):  # the first does if it needs Keras
            load_keras_on_use()
        command = import_module(f"catdog.cli.{options.command}")
        with warnings.catch_warnings():
            warnings.showwarning = show_warning
            return int(command.run(options))
    except KeyboardInterrupt:
        err("catdog: interrupted")
        return EXIT_INTERRUPTED
    except (UsageError, OSError, RuntimeError, ValueError) as error:
        err(f"catdog: error: {worded(error)}")
        return EXIT_ERROR
    except ImportError as error:
        err(
            f"catdog: error: a package is missing, or cannot be loaded: {error}. Keras runs on "
            "tensorflow unless the environment variable KERAS_BACKEND or keras.json names another "
            "backend."
        )
        return EXIT_ERROR
    except Exception:  # a bug of catdog, or no memory
        traceback.print_exc()
        return EXIT_ERROR


def _buffer_output() -> None:
    """Add a buffer to standard output, which has none if PYTHONUNBUFFERED is set.

    Without a buffer, Python drops what a nearly full disk or a slow pipe does not accept at once.
    """
    if isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):
        sys.stdout = open(  # noqa: SIM115
            sys.stdout.fileno(),
            "w",
            encoding=sys.stdout.encoding,
            errors=sys.stdout.errors,
            closefd=False,
        )


def _open_closed_streams() -> None:
    """Open streams that the caller closed (`2>&-`), or the next open file gets their number."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8"))
