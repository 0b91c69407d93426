"""`catdog predict`: what is on images."""

import warnings
from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from catdog._utils.text import printable
from catdog.cli.open import open_model, resolve_class_names
from catdog.cli.output import err, out, out_json, progress_on_stderr
from catdog.images.inputs import ImageSource, iter_images
from catdog.inference.predict import Prediction, predict


def run(options: Namespace) -> int:
    """Write a line, or an entry of a JSON array, for every image; name those that are not read.

    Returns:
        1 if some image could not be read, else 0.
    """
    model = open_model(options.model)
    names = resolve_class_names(model, options.model)
    found = list(_find(options.paths, names))
    with warnings.catch_warnings(), progress_on_stderr():
        warnings.filterwarnings("ignore", r".* cannot be read:")  # they are told one by one below
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # large, but not too large
        coming = iter(
            predict(
                model,
                [source for source in found if isinstance(source, ImageSource)],
                on_bad_image="skip",
                unsure_below=options.unsure_below,
            )
        )
    answers = [next(coming) if isinstance(each, ImageSource) else each for each in found]
    if options.json:
        out_json([answer.to_dict() for answer in answers])
    elif good := [str(answer) for answer in answers if answer.error is None]:
        out("\n".join(good))
    errors = [answer.error for answer in answers if answer.error is not None]
    for error in errors:
        err(f"catdog: {printable(error)}")
    return 1 if errors else 0


def _find(paths: Iterable[str], class_names: tuple[str, ...]) -> Iterator[ImageSource | Prediction]:
    """Yield the images that paths mean; for one that means none, what is wrong with it."""
    for path in paths:
        # A shell has put in home folders already: a file may really be called "~cat.jpg".
        meant = Path(path).absolute() if path.startswith("~") else path
        try:
            yield from iter_images(meant, "PATH")
        except (OSError, ValueError) as error:
            unknown = np.full(len(class_names), np.nan)
            yield Prediction(None, np.nan, unknown, Path(path), class_names, error=str(error))
