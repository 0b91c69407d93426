"""`catdog predict`: classify images.

Nothing here imports Keras: an exported model runs without it.
"""

import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from catdog._utils.text import printable
from catdog.cli.output import err, out, out_json, progress_on_stderr
from catdog.cli.scorer import open_scorer
from catdog.cli.wording import worded
from catdog.images.inputs import ImageSource, check_file, iter_images
from catdog.images.notes import Note, warn_of_notes
from catdog.inference.classify import check_threshold, classify
from catdog.inference.prediction import Prediction


class _NoImages(NamedTuple):
    """A path at which there are no images, and why."""

    path: Path
    error: str


def run(options: Namespace) -> int:
    """Write a line or a JSON entry for each image, and report images that cannot be read.

    Each line is written as soon as the image is classified.

    Returns:
        1 if an image could not be read, else 0.
    """
    threshold = check_threshold(options.unsure_below)
    found = list(_find_images(options.paths))
    notes: list[Note] = []
    errors = 0
    written: list[Prediction] = []
    for prediction in _predictions(found, options, threshold, notes):
        if prediction.error is not None:
            errors += 1
            err(f"catdog: {printable(prediction.error)}")
        if options.json:
            written.append(prediction)
        elif prediction.error is None and not out(str(prediction)):
            break  # nobody reads what follows, as after `| head`
    if options.json:
        out_json([prediction.to_dict() for prediction in written])
    warn_of_notes(notes, stacklevel=1)
    return 1 if errors else 0


def _predictions(
    found: Sequence[ImageSource | _NoImages],
    options: Namespace,
    threshold: float,
    notes: list[Note],
) -> Iterator[Prediction]:
    """Yield a prediction for each image and each path without images, in their order."""
    sources = [item for item in found if isinstance(item, ImageSource)]
    if not sources and not options.json:
        yield from (_as_prediction(item, ()) for item in found if isinstance(item, _NoImages))
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
            if isinstance(item, _NoImages):
                yield _as_prediction(item, scorer.class_names)
            else:
                with progress_on_stderr():
                    prediction = next(predictions)
                yield prediction


def _as_prediction(missing: _NoImages, class_names: tuple[str, ...]) -> Prediction:
    """Return a prediction that holds the error of a path without images."""
    nothing = np.full(len(class_names), np.nan)
    return Prediction(None, np.nan, nothing, missing.path, class_names, error=missing.error)


def _find_images(paths: Iterable[str]) -> Iterator[ImageSource | _NoImages]:
    """Yield the images of each path, or the error of a path without images."""
    for path in paths:
        # The shell has replaced "~" by the home folder already, so "~cat.jpg" is a file's name.
        literal = Path(path).absolute() if path.startswith("~") else path
        try:
            for source in iter_images(literal, "PATH"):
                if isinstance(source.content, Path):
                    check_file(source.content)
                yield source
        except (OSError, ValueError) as error:
            yield _NoImages(Path(path), worded(error))
