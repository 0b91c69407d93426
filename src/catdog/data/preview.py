"""`Datasets` in a notebook: the counts, and a few images of each class."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from catdog._utils.tables import Table, escape, html_table
from catdog.images.inputs import ImageSource
from catdog.images.thumbnails import thumbnail
from catdog.typing import SPLITS, Split

MAX_CLASSES = 6
IMAGES_OF_A_CLASS = 4
HEIGHT = 80  # pixels

Counts = Mapping[Split, Mapping[str, int]]


def counts_table(counts: Counts) -> str:
    """Return the number of images of each class in each split as HTML.

    Args:
        counts: For each split, the count of each class.
    """
    columns = [list(by_class.values()) for by_class in counts.values()]
    rows = [(*row, sum(row)) for row in zip(*columns, strict=True)]
    totals = [sum(column) for column in zip(*rows, strict=True)]
    names = [*counts[SPLITS[0]], "all"]
    cells = [(name, *row) for name, row in zip(names, [*rows, totals], strict=True)]
    return html_table(Table(("class", *counts, "all"), cells))


def examples(paths: dict[str, list[Path]]) -> str:
    """Return a few images of each class as HTML that contains them.

    Args:
        paths: The images of each class. Files that can no longer be read are passed over.
    """
    shown = list(paths.items())[:MAX_CLASSES]
    lines = [f"<p>{escape(name)}<br>{''.join(_images(name, files))}</p>" for name, files in shown]
    if len(paths) > len(shown):
        lines.append(f"<p>and {len(paths) - len(shown)} other classes</p>")
    return "\n".join(lines)


def _images(class_name: str, files: list[Path]) -> Iterator[str]:
    """Yield some images of a class, spread over all of them, as HTML elements."""
    positions = np.linspace(0, len(files) - 1, min(IMAGES_OF_A_CLASS, len(files))).astype(int)
    for position in positions.tolist():
        with suppress(OSError, ValueError):  # it was removed or changed after the scan
            yield _image_element(class_name, files[position])


def _image_element(class_name: str, path: Path) -> str:
    """Return an image as an HTML element, with the pixels in its address."""
    image = Image.fromarray(thumbnail(ImageSource(path, str(path))))
    width = max(1, round(image.width * HEIGHT / image.height))
    buffer = BytesIO()
    image.resize((width, HEIGHT), Image.Resampling.BILINEAR).save(buffer, "JPEG", quality=85)
    content = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        f'<img src="data:image/jpeg;base64,{content}" alt="{escape(class_name)}" '
        f'title="{escape(path.name)}" height="{HEIGHT}"> '
    )
