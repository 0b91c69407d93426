"""`catdog predict`: classify images."""

import warnings
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from catdog._utils.text import printable
from catdog.cli.open import open_model, resolve_class_names
from catdog.cli.output import err, out, out_json, progress_on_stderr
from catdog.cli.wording import worded
from catdog.images.inputs import ImageSource, check_file, iter_images
from catdog.inference.predict import Prediction, predict


def run(options: Namespace) -> int:
    """Write a line or a JSON entry for each image, and report images that cannot be read.

    Returns:
        1 if an image could not be read, else 0.
    """
    found = list(_find_images(options.paths))
    if not options.json and not any(isinstance(item, ImageSource) for item in found):
        return _report([item.error for item in found if isinstance(item, _NoImages)])
    model = open_model(options.model)
    names = resolve_class_names(model, options.model)
    with warnings.catch_warnings(), progress_on_stderr():
        warnings.filterwarnings("ignore", r".* cannot be read:")  # each is reported below
        predictions = iter(
            predict(
                model,
                [source for source in found if isinstance(source, ImageSource)],
                on_bad_image="skip",
                unsure_below=options.unsure_below,
            )
        )
    results = [
        next(predictions) if isinstance(item, ImageSource) else _as_prediction(item, names)
        for item in found
    ]
    if options.json:
        out_json([result.to_dict() for result in results])
    elif lines := [str(result) for result in results if result.error is None]:
        out("\n".join(lines))
    return _report([result.error for result in results if result.error is not None])


def _report(errors: Sequence[str]) -> int:
    """Write the errors to standard error, and return the exit code."""
    for error in errors:
        err(f"catdog: {printable(error)}")
    return 1 if errors else 0


class _NoImages(NamedTuple):
    """A path at which there are no images, and why."""

    path: Path
    error: str


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
