"""TensorFlow is imported without its remarks about CUDA, oneDNN and the processor."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

from catdog._utils.keras_internals import IMPORT_LOG_LINE, LOG_LEVEL_VARIABLE


@contextmanager
def quiet_import() -> Iterator[None]:
    """Pass on what is written to standard error, less TensorFlow's remarks, at the end.

    If the user has set the level, all is shown at once, for whoever looks for the cause of a crash.
    """
    if LOG_LEVEL_VARIABLE in os.environ:
        yield
        return
    os.environ[LOG_LEVEL_VARIABLE] = "3"
    sys.stderr.flush()
    shown = os.dup(2)
    with TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(shown, 2)
            os.close(shown)
            said.seek(0)
            if rest := b"".join(line for line in said if not IMPORT_LOG_LINE.match(line)):
                os.write(2, rest)
