"""`catdog scan`: which files of a folder cannot be used."""

from argparse import Namespace
from collections.abc import Iterator

from catdog.cli.output import err, out, out_json
from catdog.data.report import ScanReport
from catdog.data.scan import scan_images


def run(options: Namespace) -> int:
    """Write the report.

    Returns:
        1 if some files cannot be used, or a class has none that can, else 0.
    """
    report = scan_images(options.folder)
    if options.json:
        out_json(
            {
                "folder": str(report.folder),
                "class_names": list(report.class_names),
                "splits": list(report.splits),
                "n_files": report.n_files,
                "usable": report.label_counts(),
                "findings": report.rows(),
            }
        )
    else:
        out(str(report))
    empty = list(_empty(report))
    if empty:
        err(f"catdog: no image that can be used is in: {', '.join(empty)}")
    return 1 if report.bad or empty else 0


def _empty(report: ScanReport) -> Iterator[str]:
    """Yield the classes that hold no images, in each split folder if there are some."""
    for split in report.splits or (None,):
        for name, images in report.label_counts(split).items():
            if not images:
                yield f"{split}/{name}" if split else name
