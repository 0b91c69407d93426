"""Data sets known by name: brought once into Keras' cache, complete or not at all."""

import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from catdog.data import _synthetic

CATS_AND_DOGS_URL = "https://storage.googleapis.com/mledu-datasets/cats_and_dogs_filtered.zip"


def fetch_cats_and_dogs() -> Path:
    """Return the folder of `cats_and_dogs_filtered`, downloaded (68.6 MB) unless it is cached."""
    import keras

    try:
        archive = keras.utils.get_file(
            "cats_and_dogs_filtered.zip", CATS_AND_DOGS_URL, cache_dir=str(_cache_folder())
        )
    except Exception as error:  # get_file raises bare exceptions
        target = _cache_folder() / "datasets" / "cats_and_dogs_filtered.zip"
        raise OSError(
            f"Cannot download {CATS_AND_DOGS_URL}: {error}. Put the file at {target} by hand, "
            'or use the built-in pictures: load_datasets("synthetic").'
        ) from error
    return _land(Path(archive).with_suffix(""), lambda folder: _unpack(Path(archive), folder))


def draw_synthetic() -> Path:
    """Return the folder of the built-in pictures, drawn unless they are cached."""
    name = f"catdog_synthetic_{_synthetic.VERSION}"
    return _land(_cache_folder() / "datasets" / name, _synthetic.write_pictures)


KNOWN: Mapping[str, Callable[[], Path]] = {
    "cats_and_dogs_filtered": fetch_cats_and_dogs,
    "synthetic": draw_synthetic,
}


def _cache_folder() -> Path:
    """Return Keras' cache folder, found as `keras.utils.get_file` finds it."""
    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _land(folder: Path, fill: Callable[[Path], object]) -> Path:
    """Fill a scratch folder beside `folder`, then rename it: `folder` is complete or absent."""
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        content = Path(scratch) / "content"
        content.mkdir()
        fill(content)
        try:
            content.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process landed it first
                raise
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    """Extract a zip file; a broken one is reported with the way out."""
    try:
        with zipfile.ZipFile(archive) as content:
            content.extractall(folder)
    except (zipfile.BadZipFile, EOFError) as error:
        raise OSError(f"{archive} is broken ({error}). Delete it and try again.") from error
