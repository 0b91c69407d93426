"""catdog on the command line: `catdog`, or `python -m catdog`."""

from catdog.cli._main import main

__all__ = ["main"]
