"""The error about images of a split file that are missing or changed."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from catdog._utils.errors import HintCode, InvalidValueError
from catdog._utils.text import counted, printable, with_lines
from catdog.data.findings import IGNORED_REASONS, MEANING, ImageFile
from catdog.data.report import ScanReport

_NOT_LISTED = "is not in the table"


def not_found(
    missing: Sequence[tuple[str, str]],
    found: Mapping[str, ImageFile],
    split_file: Path,
    report: ScanReport,
) -> InvalidValueError:
    """Return the error that names images of a split file that are missing or changed.

    Args:
        missing: The name and the hash of each of these images.
        found: The images of the folder, by their names.
        split_file: The split file.
        report: The result of the scan.
    """
    duplicates = {image.sha256: name for name, image in found.items()}
    problems = [_problem(name, found, report) for name, _ in missing]
    wrong = []
    for (name, sha256), problem in zip(missing, problems, strict=True):
        other = duplicates.get(sha256)
        hint = f" (a duplicate is at {printable(other)})" if other else ""
        wrong.append(f"{printable(name)} {problem}{hint}")
    sentence = (
        f"{counted(len(wrong), 'image')} of the split file {split_file} cannot be "
        f"found in {report.folder} as at the time of writing"
    )
    if set(problems) == {_NOT_LISTED}:
        return InvalidValueError(
            f"{with_lines(sentence, wrong)}\n", hint="Add them to the table, or make a new split."
        )
    return InvalidValueError(
        f"{with_lines(sentence, wrong)}\n",
        hint="Bring them back, or make a new split without split_file.",
        hint_code=HintCode.DROP_SPLIT_FILE,
    )


def _problem(name: str, found: Mapping[str, ImageFile], report: ScanReport) -> str:
    """Return why an image of a split file cannot be used as it was."""
    path = report.folder / name
    if not os.path.lexists(path):
        return "is missing"
    if name in found:
        return "has changed"
    reasons = {finding.reason for finding in report.findings if finding.path == path}
    if "unlisted" in reasons:
        return _NOT_LISTED
    if ignored := reasons & {*IGNORED_REASONS}:
        return f"is {MEANING[ignored.pop()]}"
    return "has changed"
