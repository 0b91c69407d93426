"""From what was typed to an exit code."""

import io
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from importlib import import_module

from catdog.cli.output import err, in_options, show_warning
from catdog.cli.parser import make_parser
from catdog.cli.quiet import quiet_import

ERROR = 2
INTERRUPTED = 130  # 128 and the number of the signal, as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: What was typed after `catdog`; what the process was started with if `None`.

    Returns:
        The exit code: 0 if all went well; 1 if it is done, but something could not be read or is
        bad; 2 if there was an error; 130 if the user interrupted it.

    Raises:
        SystemExit: If the arguments are wrong (code 2), or asked for help or the version (code 0).
    """
    _open_closed_streams()
    _buffer_output()
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return ERROR
    try:
        with quiet_import():
            command = import_module(f"catdog.cli.{options.command}")
        with warnings.catch_warnings():
            warnings.showwarning = show_warning
            return int(command.run(options))
    except KeyboardInterrupt:
        err("catdog: interrupted")
        return INTERRUPTED
    except (OSError, RuntimeError, ValueError) as error:
        err(f"catdog: error: {in_options(error)}")
        return ERROR
    except ImportError as error:
        err(
            f"catdog: error: a package is missing, or cannot be loaded: {error}. Keras runs on "
            "tensorflow if neither the environment variable KERAS_BACKEND nor keras.json says "
            "otherwise."
        )
        return ERROR
    except Exception:  # a mistake of catdog's, or memory or a library that is missing
        traceback.print_exc()
        return ERROR


def _buffer_output() -> None:
    """Put a buffer before standard output, which has none with PYTHONUNBUFFERED.

    Without one, Python drops what a nearly full disk or a slow pipe does not take at once.
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
    """Open what the caller has closed (`2>&-`), or the next file that is opened takes its place."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8"))
