"""`catdog predict`: classify images.

Nothing here imports Keras: an exported model runs without it.
"""

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain, islice

import numpy as np

from catdog._utils.text import printable
from catdog.cli.inputs import NoImages, find_images, outside
from catdog.cli.output import err, out, out_json, progress_on_stderr
from catdog.cli.scorer import open_scorer
from catdog.cli.sort import OPTION, sort_images
from catdog.cli.target import check_extra_file, check_folder, csv_file
from catdog.images.inputs import ImageSource
from catdog.images.notes import Note, warn_of_notes
from catdog.inference.classify import check_threshold, classify
from catdog.inference.prediction import UNSURE, Prediction

CSV = "--csv"


def run(options: Namespace) -> int:
    """Write a line or a JSON entry for each image, and report images that cannot be read.

    Each line is written as soon as the image is classified, a row in a file and copied.

    Returns:
        1 if an image could not be read, else 0.
    """
    threshold = check_threshold(options.unsure_below)
    check_extra_file(options.csv, CSV, overwrite=options.overwrite)
    sorted_into = check_folder(options.sort_into, OPTION) if options.sort_into else None
    found = list(find_images(options.paths))
    if sorted_into:
        found = outside(sorted_into, found, options.paths, OPTION)
    notes: list[Note] = []
    predictions = _predictions(found, options, threshold, notes)
    if options.csv:
        predictions = _with_rows(predictions, options)
    if sorted_into:
        predictions = sort_images(predictions, sorted_into)
    errors = _write(predictions, options)
    warn_of_notes(notes, stacklevel=1)
    return 1 if errors else 0


def _write(predictions: Iterator[Prediction], options: Namespace) -> int:
    """Write a line for each image, or all of them as JSON; return how many cannot be read."""
    errors, is_read = 0, True
    written: list[Prediction] = []
    for prediction in predictions:
        if prediction.error is not None:
            errors += 1
            err(f"catdog: {printable(prediction.error)}")
        if options.json:
            written.append(prediction)
        elif prediction.error is None and is_read:
            is_read = out(str(prediction))
            if not (is_read or options.csv or options.sort_into):
                break  # nobody reads what follows, as after `| head`
    if options.json:
        out_json([prediction.to_dict() for prediction in written])
    return errors


def _with_rows(predictions: Iterator[Prediction], options: Namespace) -> Iterator[Prediction]:
    """Yield predictions, each after its row was written to a CSV file."""
    first = [*islice(predictions, 1)]  # none if all images are passed over
    class_names = first[0].class_names if first else ()
    columns = ["path", "label", "probability", "error", *map(_column, class_names)]
    with csv_file(options.csv, CSV, columns, overwrite=options.overwrite) as add:
        for prediction in chain(first, predictions):
            row = prediction.to_dict()
            probabilities: dict[str, float] = row.pop("probabilities") or {}
            if prediction.error is None and prediction.label is None:
                row["label"] = UNSURE
            add(row | {_column(name): value for name, value in probabilities.items()})
            yield prediction


def _column(class_name: str) -> str:
    """Return the column of the probability of a class; no class has the name of another column."""
    return f"probability of {class_name}"


def _predictions(
    found: Sequence[ImageSource | NoImages],
    options: Namespace,
    threshold: float,
    notes: list[Note],
) -> Iterator[Prediction]:
    """Yield a prediction for each image and each path without images, in their order."""
    sources = [item for item in found if isinstance(item, ImageSource)]
    if not sources and not options.json:
        yield from (_as_prediction(item, ()) for item in found if isinstance(item, NoImages))
        return
    with progress_on_stderr():
        scorer = open_scorer(options.model, len(sources))
    predictions = classify(
        scorer,
        sources,
        len(sources),
        skip_bad=True,
        threshold=threshold,
        notes=notes,
        show_progress=options.json or not sys.stdout.isatty(),  # lines in a terminal are progress
    )
    with closing(predictions):
        for item in found:
            if isinstance(item, NoImages):
                yield _as_prediction(item, scorer.class_names)
            else:
                with progress_on_stderr():
                    prediction = next(predictions)
                yield prediction


def _as_prediction(missing: NoImages, class_names: tuple[str, ...]) -> Prediction:
    """Return a prediction that holds the error of a path without images."""
    nothing = np.full(len(class_names), np.nan)
    return Prediction(None, np.nan, nothing, missing.path, class_names, error=missing.error)
