"""`catdog evaluate`: evaluate a model on images that it was not trained on."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import fields

from catdog.cli.data import image_row
from catdog.cli.open import open_model
from catdog.cli.output import out, out_json
from catdog.cli.target import check_extra_file, csv_file
from catdog.cli.trained import (
    evaluate_on,
    is_trained_split,
    load_as_trained,
    warn_if_trained_on,
)
from catdog.data.source import find_source
from catdog.evaluation.result import EvaluatedImage

COLUMNS = tuple(field.name for field in fields(EvaluatedImage))


def run(options: Namespace) -> int:
    """Evaluate a model on a split of its own training, or on images that are new to it."""
    find_source("source", options.folder)  # as load_datasets does, fails before Keras is loaded
    check_extra_file(options.wrong, "--wrong", overwrite=options.overwrite)
    model = open_model(options.model)
    data = load_as_trained(model, options)
    result = evaluate_on(model, data, options.split, name=options.model)
    warn_if_trained_on(model, data, options.model, folder=options.folder, split=options.split)
    images = [image_row(image, options, data) for image in result.top_losses(result.n)]
    if options.wrong:
        with csv_file(options.wrong, "--wrong", COLUMNS, overwrite=options.overwrite) as add:
            for row in images:
                if row["label"] != row["predicted"]:
                    add(row)
    if options.json:
        out_json(
            {
                "model": options.model,
                "data": options.folder,
                "seed": data.seed,
                "same_split_as_trained": is_trained_split(model, data),
                **result.to_dict(),
                "images": images,
            }
        )
    else:
        out(str(result))
    return 0
