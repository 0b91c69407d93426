"""`catdog shortcuts`: find properties other than the content that predict the class."""

from argparse import Namespace

from catdog.cli.output import out, out_json
from catdog.data.load import load_datasets
from catdog.evaluation.shortcuts import find_shortcuts


def run(options: Namespace) -> int:
    """Load a folder as for a training, and write how well each property predicts the class."""
    data = load_datasets(
        options.folder,
        split_file=options.split_file,
        group_by=options.group_by,
        on_bad_image="skip" if options.skip_bad else "raise",
    )
    report = find_shortcuts(data)
    if options.json:
        out_json({"data": options.folder, **report.to_dict()})
    else:
        out(str(report))
    return 0
