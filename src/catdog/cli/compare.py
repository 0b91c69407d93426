"""`catdog compare`: compare two models on the same images, with McNemar's exact test."""

from __future__ import annotations

from argparse import Namespace

from catdog._utils.text import printable
from catdog.cli.open import open_model
from catdog.cli.output import out, out_json
from catdog.cli.trained import (
    evaluate_on,
    is_trained_split,
    load_as_trained,
    warn_if_trained_on,
)
from catdog.data.source import find_source
from catdog.evaluation.comparison import compare


def run(options: Namespace) -> int:
    """Compare two models on the split that the first was trained with."""
    find_source("source", options.folder)  # as load_datasets does, fails before Keras is loaded
    names = {"first": options.first, "second": options.second}
    models = {place: open_model(name, option=place.upper()) for place, name in names.items()}
    data = load_as_trained(models["first"], options)
    results = {
        place: evaluate_on(model, data, options.split, name=names[place])
        for place, model in models.items()
    }
    for place, model in models.items():
        warn_if_trained_on(model, data, names[place], folder=options.folder, split=options.split)
    comparison = compare(**results)
    if options.json:
        out_json(
            {
                **names,
                "data": options.folder,
                "seed": data.seed,
                "same_split_as_trained": {
                    place: is_trained_split(model, data) for place, model in models.items()
                },
                **comparison.to_dict(),
            }
        )
    else:
        lines = [f"{place + ':':<7} {printable(name)}" for place, name in names.items()]
        out("\n".join([*lines, str(comparison)]))
    return 0
