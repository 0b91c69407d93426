"""`catdog explain`: draw which regions of images count for a class."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from catdog._utils.progress import progress
from catdog._utils.text import printable
from catdog.cli.inputs import NoImages, find_images, outside
from catdog.cli.open import open_model, resolve_class_names
from catdog.cli.output import err, out, progress_on_stderr
from catdog.cli.target import check_folder, put_free, scratch_in
from catdog.cli.wording import worded
from catdog.images.inputs import ImageSource
from catdog.images.thumbnails import thumbnail

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OUT = "--out"
DOTS_PER_INCH = 150


def run(options: Namespace) -> int:
    """Write a PNG file for each image: the image, and beside it its heat map.

    Returns:
        1 if an image could not be read, else 0.
    """
    folder = check_folder(options.out, OUT)
    found = outside(folder, list(find_images(options.paths)), options.paths, OUT)
    with progress_on_stderr():
        model = open_model(options.model)
    names = resolve_class_names(model, options.model)
    if options.label is not None:
        from catdog.inference.gradcam import class_position  # loads Keras

        class_position(options.label, names, len(names))
    errors = 0
    with progress("Explaining", len(found)) as advance:
        for item in found:
            if error := _reason_not_to(item):
                errors += 1
                err(f"catdog: {printable(error)}")
            elif isinstance(item, ImageSource) and isinstance(item.content, Path):
                out(f"wrote {printable(_explain(model, item.content, folder, options.label))}")
            advance(1)
    return 1 if errors else 0


def _reason_not_to(item: ImageSource | NoImages) -> str:
    """Return why an image cannot be explained; empty if it can be read."""
    if isinstance(item, NoImages):
        return item.error
    try:
        thumbnail(item)
    except (OSError, ValueError) as error:
        return worded(error)
    return ""


def _explain(model: keras.Model, image: Path, folder: Path, label: str | None) -> Path:
    """Draw an image and its heat map, and return the file."""
    import matplotlib as mpl

    from catdog.plotting.explanation import plot_gradcam  # loads Keras

    mpl.use("Agg")  # no window for each figure
    with progress_on_stderr():
        figure = plot_gradcam(model, image, label=label)
    with scratch_in(folder) as scratch:
        complete = Path(scratch) / "figure.png"
        _save(figure, complete)
        return put_free(complete, folder / f"{image.stem}.png")


def _save(figure: Figure, path: Path) -> None:
    """Save a figure, and free its memory."""
    from matplotlib import pyplot as plt

    figure.savefig(path, dpi=DOTS_PER_INCH)
    plt.close(figure)
