"""Where Keras keeps what it downloads."""

import os
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """Return Keras' cache folder, made if need be: `KERAS_HOME`, else `~/.keras`.

    Like `keras.utils.get_file`, falls back to the temporary folder where this cannot be written
    to. `KERAS_HOME` is read on each call; Keras itself reads it once, when it is imported.
    """
    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return _fallback()
    return folder if os.access(folder, os.W_OK) else _fallback()


def _fallback() -> Path:
    folder = Path(tempfile.gettempdir()) / ".keras"
    folder.mkdir(exist_ok=True)
    return folder
