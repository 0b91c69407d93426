"""Load Keras and TensorFlow when they are first used, without their log lines.

They take seconds to load. A command that fails before it needs them, or that never does, answers
at once.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec
from tempfile import TemporaryFile
from types import ModuleType

from catdog._utils.keras_internals import LOG_LEVEL_VARIABLE, LOG_LINE

_MESSAGE = "catdog: loading TensorFlow ..."


def load_keras_on_use() -> None:
    """Put modules into `sys.modules` that load Keras and TensorFlow on the first use of a name.

    `importlib.util.LazyLoader` would load them at the second `import` already (Python 3.11).
    """
    for name in ("tensorflow", "keras"):
        spec = find_spec(name) if name not in sys.modules else None
        if spec is not None:
            module = module_from_spec(spec)
            del module.__path__  # so that an import of a submodule looks it up, too
            module.__class__ = _LazyModule
            sys.modules[name] = module


class _LazyModule(ModuleType):
    """A module whose code runs when one of its names is first looked up."""

    def __getattr__(self, name: str) -> object:
        """Load the module, and return its attribute; later lookups are those of any module."""
        self.__class__ = ModuleType  # type: ignore[assignment]
        spec = self.__spec__
        assert spec is not None
        assert spec.loader is not None
        assert spec.submodule_search_locations is not None
        self.__path__ = spec.submodule_search_locations
        with _message_on_terminal(), quiet():
            spec.loader.exec_module(self)
        return getattr(self, name)


@contextmanager
def _message_on_terminal() -> Iterator[None]:
    """Show a line on standard error while the module is loading, if that is a terminal."""
    is_terminal = sys.stderr.isatty()
    if is_terminal:
        sys.stderr.write(_MESSAGE)
        sys.stderr.flush()
    try:
        yield
    finally:
        if is_terminal:
            sys.stderr.write(f"\r{' ' * len(_MESSAGE)}\r")
            sys.stderr.flush()


@contextmanager
def quiet() -> Iterator[None]:
    """Hold standard error back, and write it at the end without the log lines of libraries.

    If the user has set a log level below 3, everything is written at once, which helps after a
    crash.
    """
    if os.environ.setdefault(LOG_LEVEL_VARIABLE, "3") != "3":
        yield
        return
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
            if rest := b"".join(line for line in held if not LOG_LINE.match(line)):
                os.write(2, rest)
