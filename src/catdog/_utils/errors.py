"""Errors and warnings about what a user passed, as data: the argument, the rule and the way out.

Each error is also of a built-in type, which is the one that users catch. Python words it from its
parts (`str(error)`); the command line words the same parts with the names of its options.
"""

from enum import StrEnum
from typing import Any

_NOT_GIVEN: Any = object()


class HintCode(StrEnum):
    """Ways out that the command line words otherwise than Python does."""


class UsageError(Exception):
    """What a user passed breaks a rule.

    Attributes:
        argument: Name of the argument; `None` if the error is about no single one.
        value: What was passed, if the message shows it.
        rule: The rest of the sentence that begins with the argument, without its full stop, such as
            `"must be a whole number of at least 1, not 0"`; a whole sentence if there is no
            argument.
        hint: What to do about it: whole sentences; may be empty.
        hint_code: Names the hint, if the command line words it otherwise.
    """

    def __init__(
        self,
        rule: str,
        *,
        argument: str | None = None,
        value: object = _NOT_GIVEN,
        hint: str = "",
        hint_code: HintCode | None = None,
    ) -> None:
        """Word the error for Python from its parts."""
        self.argument = argument
        self.value = value
        self.rule = rule
        self.hint = hint
        self.hint_code = hint_code
        super().__init__(self.worded(argument, hint))

    def worded(self, argument: str | None, hint: str) -> str:
        """Return the message with another name for the argument, and another hint."""
        shown = argument if self.value is _NOT_GIVEN else f"{argument}={self.value!r}"
        sentence = f"{shown} {self.rule}" if argument else self.rule
        return f"{sentence}. {hint}" if hint else f"{sentence}."


class InvalidValueError(UsageError, ValueError):
    """A value is out of its range, unknown, or does not fit another argument."""


class InvalidTypeError(UsageError, TypeError):
    """A value is of a type that the argument does not take."""


class MissingFileError(UsageError, FileNotFoundError):
    """A file or folder does not exist."""


class ExistingFileError(UsageError, FileExistsError):
    """A file exists where a new one was to be written."""


class FolderExpectedError(UsageError, NotADirectoryError):
    """A file was passed where a folder is needed."""


class FileExpectedError(UsageError, IsADirectoryError):
    """A folder was passed where a file is needed."""


class FileAccessError(UsageError, OSError):
    """A file or folder cannot be read or written."""


class MissingPackageError(UsageError, ImportError):
    """An optional package is not installed."""


class BackendError(UsageError, RuntimeError):
    """The backend of Keras cannot do this."""


class UsageWarning(UserWarning):
    """A warning about what a user passed, with the parts of a `UsageError`."""

    def __init__(self, sentence: str, *, hint: str = "", hint_code: HintCode | None = None) -> None:
        """Word the warning for Python from its parts."""
        self.sentence = sentence
        self.hint = hint
        self.hint_code = hint_code
        super().__init__(f"{sentence} {hint}".rstrip())
