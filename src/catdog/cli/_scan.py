"""`catdog scan`: which files of a folder cannot be used."""

from argparse import Namespace

from catdog.cli._output import err, out, out_json
from catdog.data import scan_images


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
    empty = [name for name, pictures in report.label_counts().items() if not pictures]
    if empty:
        err(f"catdog: classes without a picture that can be used: {', '.join(empty)}")
    return 1 if report.bad or empty else 0
