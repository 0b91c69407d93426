"""The path at which a report is written."""

from os import PathLike
from pathlib import Path

from catdog._utils import checks
from catdog._utils.errors import ExistingFileError, InvalidValueError
from catdog.models.saving import check_target

SUFFIX = ".html"


def check_report_target(path: str | PathLike[str], *, overwrite: bool) -> Path:
    """Return the absolute path of the file, and check that it can be written."""
    given = checks.check_path("path", path, example="pets.report.html")
    if given.suffix.lower() != SUFFIX:
        raise InvalidValueError(
            f"must end in {SUFFIX}",
            argument="path",
            value=str(path),
            hint=f"For example, call it '{given.stem or 'report'}{SUFFIX}'.",
        )
    target = given.resolve()
    check_target(path, target)
    if target.exists() and not overwrite:
        raise ExistingFileError(
            "exists",
            argument="path",
            value=str(path),
            hint="Choose another name, or pass overwrite=True.",
        )
    return target
