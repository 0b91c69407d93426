"""Errors and warnings about what a user passed, in parts: the argument, the rule and the hint.

Each error also has a built-in type, which is the one that users catch. `str(error)` joins the parts
with the names of Python's arguments. The command line joins them with the names of its options.
"""

from enum import Enum, StrEnum
from typing import Any


class _NotGiven(Enum):
    """The type of a value that was not given: an enum member stays itself in copies and pickles."""

    NOT_GIVEN = "not given"


class HintCode(StrEnum):
    """Hints that need other words in the command line than in Python."""

    ADD_NEW_FILES = "add_new_files"
    CHOOSE_INNER = "choose_inner"
    CHOOSE_LEVEL = "choose_level"
    DROP_SPLIT_FILE = "drop_split_file"
    KEEP_BURSTS = "keep_bursts"
    KEEP_EARLIER_SPLIT = "keep_earlier_split"
    NAME_EXPORT = "name_export"
    NAME_GROUPS = "name_groups"
    NO_IMAGENET_WEIGHTS = "no_imagenet_weights"
    MATCH_CLASSES = "match_classes"
    MATCH_CLASS_COUNT = "match_class_count"
    SAVE_MODEL = "save_model"
    SAVE_SPLIT = "save_split"
    SKIP_BAD_IMAGES = "skip_bad_images"
    USE_BACKBONE = "use_backbone"
    USE_SPLIT_LISTS = "use_split_lists"
    USE_SYNTHETIC = "use_synthetic"
    USE_TRANSFER = "use_transfer"


class UsageError(Exception):
    """What a user passed breaks a rule.

    Attributes:
        argument: Name of the argument; `None` if the error concerns several arguments or none.
        value: What was passed, if the message shows it as `argument=value`.
        rule: The rest of the sentence that begins with the argument, without its full stop, such as
            `"must be a whole number of at least 1, not 0"`; a whole sentence if there is no
            argument. It may end with a list of lines, and then ends with a line break.
        hint: What the user can do, in whole sentences; may be empty.
        hint_code: Identifies a hint that needs other words in the command line.
    """

    def __init__(
        self,
        rule: str,
        *,
        argument: str | None = None,
        value: object = _NotGiven.NOT_GIVEN,
        hint: str = "",
        hint_code: HintCode | None = None,
    ) -> None:
        """Store the parts, and join them to the message that Python shows."""
        self.argument = argument
        self.value = value
        self.rule = rule
        self.hint = hint
        self.hint_code = hint_code
        super().__init__(self.worded(argument, hint))

    def worded(self, argument: str | None, hint: str) -> str:
        """Return the message with another name for the argument, and another hint."""
        given = self.value is not _NotGiven.NOT_GIVEN
        subject = f"{argument}={self.value!r}" if given else argument
        sentence = f"{subject} {self.rule}" if argument else self.rule
        stop = "" if sentence.endswith("\n") else ". "  # a line break ends a list, not a sentence
        return f"{sentence}{stop}{hint}".rstrip()

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what copies and pickles are made of: the parts, and notes added to the error."""
        value = self.value if isinstance(self.value, _PLAIN) else _Shown(repr(self.value))
        return _make, (type(self), self.rule), {**self.__dict__, "value": value}

    def __setstate__(self, state: dict[str, Any] | None) -> None:
        """Restore the parts of a copy or pickle, and its message."""
        self.__dict__.update(state or {})
        super().__init__(self.worded(self.argument, self.hint))


class _Shown(str):
    """What `repr` shows of a value that a copy or pickle may not hold, such as a function."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


_PLAIN = (_NotGiven, str, int, float, type(None))


def reason(error: Exception) -> str:
    """Return what is wrong, for use inside a sentence; of other errors, their type as well."""
    return str(error).rstrip(".") if isinstance(error, UsageError) else repr(error)


def _make(kind: type[UsageError], rule: str) -> UsageError:
    """Return an error of a type, whose other parts `__setstate__` restores."""
    return kind(rule)


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


class NotFiniteError(UsageError, FloatingPointError):
    """A loss is NaN or infinite, so training cannot go on."""


class UsageWarning(UserWarning):
    """A warning about what a user passed.

    Attributes:
        sentence: What happened, in whole sentences. It may end with a list of lines, and then ends
            with a line break.
        hint: What the user can do, in whole sentences; may be empty.
        hint_code: Identifies a hint that needs other words in the command line.
    """

    def __init__(self, sentence: str, *, hint: str = "", hint_code: HintCode | None = None) -> None:
        """Store the parts, and join them to the message that Python shows."""
        self.sentence = sentence
        self.hint = hint
        self.hint_code = hint_code
        super().__init__(self.worded(hint))

    def worded(self, hint: str) -> str:
        """Return the message with another hint."""
        space = "" if self.sentence.endswith("\n") else " "  # a line break ends a list
        return f"{self.sentence}{space}{hint}".rstrip()
