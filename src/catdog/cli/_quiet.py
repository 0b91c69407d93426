"""TensorFlow is imported without its remarks about CUDA, oneDNN and the processor."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

LEVEL = "TF_CPP_MIN_LOG_LEVEL"  # 3: nothing but what ends the process
# TensorFlow 2.21 heeds the level too late for what it says while its libraries are loaded: remarks
# (I) that its logging writes straight to standard error, and a line that says so.
_REMARK = re.compile(rb"I\d{4} [\d:. ]+\S+\.cc:\d+\]|WARNING: All log messages before absl::")


@contextmanager
def quiet_import() -> Iterator[None]:
    """Pass on what is written to standard error, less TensorFlow's remarks, at the end.

    If the user has set the level, all is shown at once, for whoever looks for the cause of a crash.
    """
    if LEVEL in os.environ:
        yield
        return
    os.environ[LEVEL] = "3"
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
            if rest := b"".join(line for line in said if not _REMARK.match(line)):
                os.write(2, rest)
