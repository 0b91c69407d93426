"""`catdog completion`: what lets a shell complete commands, options and file names.

When the user presses the Tab key, the shell runs `catdog` with the variable `VARIABLE` set, and
reads what may come next.
"""

import argparse
from argparse import Namespace
from importlib import import_module
from types import ModuleType

from catdog._utils.errors import MissingPackageError
from catdog.cli.output import out

VARIABLE = "_ARGCOMPLETE"


def run(options: Namespace) -> int:
    """Write the code for a shell."""
    out(_argcomplete().shellcode(["catdog"], shell=options.shell))
    return 0


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks what may come next, and end the process."""
    _argcomplete().autocomplete(parser)


def _argcomplete() -> ModuleType:
    try:
        return import_module("argcomplete")
    except ImportError as error:
        raise MissingPackageError(
            f"Completion needs one more package ({error})",
            hint='Install it, in a copy of the source of catdog: pip install ".[completion]".',
        ) from error
