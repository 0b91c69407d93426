"""Import TensorFlow, load programs of LiteRT and trace models without log lines."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from tempfile import TemporaryFile
from threading import RLock

from catdog._utils.keras_internals import (
    LOG_LEVEL_VARIABLE,
    LOG_LINE,
    RETRACING_LOGGER,
    RETRACING_MARK,
)

_HOLDS_STDERR = RLock()  # standard error is that of all threads


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


def quiet_first_import() -> AbstractContextManager[None]:
    """Return `quiet_import` if TensorFlow is not imported yet; else, nothing is held back."""
    return nullcontext() if "tensorflow" in sys.modules else quiet_import()


@contextmanager
def quiet_litert() -> Iterator[None]:
    """Hold standard error back, and write it at the end without LiteRT's log line.

    Nothing is held back if the user has set TensorFlow's log level to show such lines.
    """
    if os.environ.get(LOG_LEVEL_VARIABLE, "3") != "3":
        yield
        return
    with _without_log_lines():
        yield


@contextmanager
def quiet_tracing() -> Iterator[None]:
    """Hide TensorFlow's warning that functions are traced often.

    Each model is traced once for each size of its batches. But TensorFlow counts the traces of all
    models together, and warns after a few.
    """
    logger = logging.getLogger(RETRACING_LOGGER)

    def is_other(record: logging.LogRecord) -> bool:  # a new function each time: threads add it too
        return RETRACING_MARK not in str(record.msg)

    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


@contextmanager
def _without_log_lines() -> Iterator[None]:
    """Hold standard error back, and write it at the end without the lines of `LOG_LINE`."""
    with _HOLDS_STDERR:  # before standard error is looked up: another thread may hold it
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
                if rest := b"".join(line for line in held if not LOG_LINE.match(line)):
                    os.write(2, rest)
