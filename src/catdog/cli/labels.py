"""`catdog labels`: find images whose labels are probably wrong."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import fields

from catdog._utils.text import printable
from catdog.cli.data import image_row, load_data
from catdog.cli.open import open_backbone
from catdog.cli.output import out, out_json, progress_on_stderr
from catdog.cli.target import check_extra_file, csv_file
from catdog.data.source import find_source
from catdog.evaluation.label_issues import LabelIssue, find_label_issues
from catdog.models.registry import build_model

COLUMNS = [field.name for field in fields(LabelIssue)]


def run(options: Namespace) -> int:
    """Write the most suspicious images; all of them to a file, or as JSON."""
    find_source("source", options.folder)  # as load_datasets does, fails before Keras is loaded
    check_extra_file(options.csv, "--csv", overwrite=options.overwrite)
    trained = open_backbone(options.model)
    data = load_data(
        options,
        seed=options.seed,
        skip_bad=options.skip_bad,
        cache_dir=options.cache_dir,
        cache_mib=options.cache_mib,
    )
    with progress_on_stderr():
        issues = find_label_issues(
            trained
            or build_model(options.model, num_classes=len(data.class_names), seed=data.seed),
            data,
            splits=options.splits,
            folds=options.folds,
            seed=data.seed,
            cache_dir=options.cache_dir,
        )
    rows = [image_row(issue, options, data) for issue in issues.images]
    if options.csv:
        with csv_file(options.csv, "--csv", COLUMNS, overwrite=options.overwrite) as add:
            for row in rows:
                add(row)
    if options.json:
        out_json(rows)
        return 0
    out(str(issues))
    if options.csv:
        out(f"wrote {printable(options.csv)}")
    return 0
