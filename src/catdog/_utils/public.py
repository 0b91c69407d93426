"""Mark what users import from `catdog`."""

from typing import Any, ForwardRef, TypeVar

Public = TypeVar("Public", bound=Any)


def public(item: Public) -> Public:
    """Set the module of a public function or class to `catdog`.

    Reprs, tracebacks and pickles name that module, not the file, which may be moved. The
    annotations of a class are still evaluated in the module that defines it.
    """
    if isinstance(item, type):
        item.__annotations__ = {
            name: ForwardRef(given, module=item.__module__, is_class=True)
            if isinstance(given, str)
            else given
            for name, given in item.__annotations__.items()
        }
    item.__module__ = "catdog"
    return item
