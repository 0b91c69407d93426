"""Mark what users import from `catdog`."""

from typing import Any, TypeVar

Public = TypeVar("Public", bound=Any)


def public(item: Public) -> Public:
    """Set the module of a public function or class to `catdog`.

    Pickles and reprs name that module, so they stay valid when the defining file is moved.
    """
    item.__module__ = "catdog"
    return item
