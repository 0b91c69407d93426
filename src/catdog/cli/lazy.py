"""Load Keras and TensorFlow when they are first used, without their log lines.

They take seconds to load. A command that fails before it needs them, or that never does, answers
at once.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec
from types import ModuleType

from catdog._utils.quiet import quiet_import

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
        with _message_on_terminal(), quiet_import():
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
