"""The mark of what users import from `catdog`."""

from typing import Any, TypeVar

Public = TypeVar("Public", bound=Any)


def public(item: Public) -> Public:
    """Mark a function or class as public: it names `catdog` as its module.

    So pickles, tracebacks and reprs stay valid when the file that defines it is moved.
    """
    item.__module__ = "catdog"
    return item
