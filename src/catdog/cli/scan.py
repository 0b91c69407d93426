"""`catdog scan`: list the files of a folder that cannot be used, and what else to check."""

import shlex
import warnings
from argparse import Namespace
from collections.abc import Iterator

from catdog._utils import checks
from catdog._utils.errors import UsageWarning
from catdog._utils.text import printable
from catdog.cli.data import load_data
from catdog.cli.output import err, out, out_json
from catdog.cli.wording import OPTIONS
from catdog.data.findings import FOLDER
from catdog.data.report import ScanReport, report_text
from catdog.data.scan import scan_images
from catdog.evaluation.shortcut_report import Shortcuts
from catdog.evaluation.shortcuts import find_shortcuts

# The options that say how the images are split, which matters to `--shortcuts` only; the defaults.
_OF_THE_SPLIT = {
    "seed": None,
    "split_file": None,
    "new_files": "skip",
    "validation_fraction": None,
    "test_fraction": None,
    "group_by": None,
    "near_duplicates": "together",
}


def run(options: Namespace) -> int:
    """Scan a folder, and write the report.

    Returns:
        1 if a file cannot be used or a class has no usable image, else 0.
    """
    if not options.shortcuts:
        unused = [
            name for name, default in _OF_THE_SPLIT.items() if getattr(options, name) != default
        ]
        checks.check_no_effect(unused, "there is no --shortcuts")
    report = scan_images(
        options.folder,
        labels=options.labels,
        corrections=options.corrections,
        quality=options.quality,
    )
    if not options.json:
        out(report_text(report, bursts_hint=_bursts_hint(report)))
    shortcuts = _find_shortcuts(options) if options.shortcuts else None
    if options.json:
        found = {"shortcuts": shortcuts.to_dict()} if shortcuts else {}
        out_json(report.to_dict() | found)
    elif shortcuts:
        out(str(shortcuts))
    empty = list(_empty_classes(report))
    if empty:
        err(f"catdog: no usable image is in: {', '.join(map(printable, empty))}")
    return 1 if report.bad or empty else 0


def _bursts_hint(report: ScanReport) -> str:
    """Return how to keep bursts together, to be pasted into a shell; "" without bursts."""
    if not report.bursts:
        return ""
    group_by = shlex.quote(report.bursts.group_by or FOLDER)
    return report.bursts.worded(f"{OPTIONS['group_by']} {group_by}")


def _find_shortcuts(options: Namespace) -> Shortcuts:
    """Load the folder as for a training, without the files that cannot be used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UsageWarning)  # nearly all are in the report of the scan
        data = load_data(options, seed=options.seed, skip_bad=True)
    return find_shortcuts(data)


def _empty_classes(report: ScanReport) -> Iterator[str]:
    """Yield the classes without usable images, such as `cats`, or `train/cats` in split folders."""
    for split in report.splits or (None,):
        for name, count in report.label_counts(split).items():
            if not count:
                yield f"{split}/{name}" if split else name
