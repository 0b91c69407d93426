"""`catdog scan`: list the files of a folder that cannot be used."""

from argparse import Namespace
from collections.abc import Iterator

from catdog._utils.text import printable
from catdog.cli.output import err, out, out_json
from catdog.data.report import ScanReport
from catdog.data.scan import scan_images


def run(options: Namespace) -> int:
    """Scan a folder, and write the report.

    Returns:
        1 if a file cannot be used or a class has no usable image, else 0.
    """
    report = scan_images(options.folder, labels=options.labels, corrections=options.corrections)
    if options.json:
        out_json(report.to_dict())
    else:
        out(str(report))
    empty = list(_empty_classes(report))
    if empty:
        err(f"catdog: no usable image is in: {', '.join(map(printable, empty))}")
    return 1 if report.bad or empty else 0


def _empty_classes(report: ScanReport) -> Iterator[str]:
    """Yield the classes without usable images, such as `cats`, or `train/cats` in split folders."""
    for split in report.splits or (None,):
        for name, count in report.label_counts(split).items():
            if not count:
                yield f"{split}/{name}" if split else name
