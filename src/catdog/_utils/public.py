"""Mark what users import from `catdog`."""

from typing import Any, TypeVar

Public = TypeVar("Public", bound=Any)


def public(item: Public) -> Public:
    """Set the module of a public function or class to `catdog`.

    Reprs, tracebacks and pickles name that module, not the file, which may be moved.
    """
    item.__module__ = "catdog"
    return item
