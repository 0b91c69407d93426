"""Modules that annotations name: each is imported when an annotation is evaluated.

So `typing.get_type_hints` knows all names in the signatures of public functions, and the import of
their modules stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf
    from matplotlib import axes, figure

__all__ = ["axes", "figure", "tf"]

_MODULES = {"axes": "matplotlib.axes", "figure": "matplotlib.figure", "tf": "tensorflow"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(_MODULES[name])
