"""The commands. Nothing heavy is imported, so that `--help` is fast."""

import argparse

import catdog
from catdog.cli.options import (
    cache,
    calibrate,
    compare,
    completion,
    evaluate,
    explain,
    export,
    labels,
    models,
    predict,
    report,
    review,
    scan,
    train,
)

_EXIT_CODES = """\
exit codes:
  0    done
  1    done, but something could not be read or used
  2    wrong use, or an error; standard error has the message
  130  interrupted

Results go to standard output; progress, warnings and errors to standard error.
`catdog COMMAND --help` shows the options of a command, with an example.
"""
_COMMANDS = (  # in the order of the help
    predict,
    train,
    evaluate,
    report,
    models,
    scan,
    review,
    labels,
    calibrate,
    compare,
    explain,
    export,
    cache,
    completion,
)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; `command` of the parsed options is a command's name, or `None`."""
    parser = argparse.ArgumentParser(
        prog="catdog",
        description="Train, evaluate and use image classifiers: cats, dogs, or your own folders.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"catdog {catdog.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in _COMMANDS:
        command.add(commands)
    return parser
