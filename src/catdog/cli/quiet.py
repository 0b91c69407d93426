"""Import TensorFlow without its log lines about CUDA, oneDNN and the processor."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

from catdog._utils.keras_internals import IMPORT_LOG_LINE, LOG_LEVEL_VARIABLE


@contextmanager
def quiet_import() -> Iterator[None]:
    """Hold standard error back, and write it at the end without TensorFlow's log lines.

    If the user has set the log level, everything is written at once, which helps after a crash.
    """
    if LOG_LEVEL_VARIABLE in os.environ:
        yield
        return
    os.environ[LOG_LEVEL_VARIABLE] = "3"
    sys.stderr.flush()
    stderr = os.dup(2)
    with TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            if rest := b"".join(line for line in held if not IMPORT_LOG_LINE.match(line)):
                os.write(2, rest)
