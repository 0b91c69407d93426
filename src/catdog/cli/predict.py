"""`catdog predict`: classify images."""

import warnings
from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from catdog._utils.text import printable
from catdog.cli.open import open_model, resolve_class_names
from catdog.cli.output import err, out, out_json, progress_on_stderr
from catdog.cli.wording import worded
from catdog.images.inputs import ImageSource, iter_images
from catdog.inference.predict import Prediction, predict


def run(options: Namespace) -> int:
    """Write a line or a JSON entry for each image, and report images that cannot be read.

    Returns:
        1 if an image could not be read, else 0.
    """
    model = open_model(options.model)
    names = resolve_class_names(model, options.model)
    found = list(_find_images(options.paths, names))
    with warnings.catch_warnings(), progress_on_stderr():
        warnings.filterwarnings("ignore", r".* cannot be read:")  # reported one by one below
        predictions = iter(
            predict(
                model,
                [source for source in found if isinstance(source, ImageSource)],
                on_bad_image="skip",
                unsure_below=options.unsure_below,
            )
        )
    results = [next(predictions) if isinstance(each, ImageSource) else each for each in found]
    if options.json:
        out_json([result.to_dict() for result in results])
    elif lines := [str(result) for result in results if result.error is None]:
        out("\n".join(lines))
    errors = [result.error for result in results if result.error is not None]
    for error in errors:
        err(f"catdog: {printable(error)}")
    return 1 if errors else 0


def _find_images(
    paths: Iterable[str], class_names: tuple[str, ...]
) -> Iterator[ImageSource | Prediction]:
    """Yield the images of each path, or a prediction with an error for a path without images."""
    for path in paths:
        # The shell has replaced "~" by the home folder already, so "~cat.jpg" is a file's name.
        literal = Path(path).absolute() if path.startswith("~") else path
        try:
            yield from iter_images(literal, "PATH")
        except (OSError, ValueError) as error:
            nothing = np.full(len(class_names), np.nan)
            yield Prediction(None, np.nan, nothing, Path(path), class_names, error=worded(error))
