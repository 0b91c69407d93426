"""Import TensorFlow without its log lines."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

from catdog._utils.keras_internals import IMPORT_LOG_LINE, LOG_LEVEL_VARIABLE


@contextmanager
def quiet_import() -> Iterator[None]:
    """Hold standard error back, and write it at the end without TensorFlow's log lines.

    Afterwards, TensorFlow logs nothing but fatal errors in this process; others are raised in
    Python. If the user has set the log level, nothing is held back, which helps after a crash.
    """
    if LOG_LEVEL_VARIABLE in os.environ:
        yield
        return
    os.environ[LOG_LEVEL_VARIABLE] = "3"
    try:
        with _without_log_lines():
            yield
    finally:
        if "tensorflow" not in sys.modules:  # a later import sets it again
            del os.environ[LOG_LEVEL_VARIABLE]


@contextmanager
def _without_log_lines() -> Iterator[None]:
    """Hold standard error back, and write it at the end without the lines of TensorFlow."""
    try:
        stderr = os.dup(2)
    except OSError:  # there is none, as in programs without a console
        yield
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    with TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            if rest := b"".join(line for line in held if not IMPORT_LOG_LINE.match(line)):
                os.write(2, rest)
