"""Data sets known by name: brought once into a folder of Keras' cache, whole or not at all."""

import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from catdog._keras_cache import cache_folder
from catdog.data import _synthetic
from catdog.data._scan import index_folder

CATS_AND_DOGS_URL = "https://storage.googleapis.com/mledu-datasets/cats_and_dogs_filtered.zip"


def fetch_cats_and_dogs() -> Path:
    """Return the folder of `cats_and_dogs_filtered`, downloaded (68.6 MB) unless it is cached."""
    folder = cache_folder() / "datasets" / "cats_and_dogs_filtered"
    if folder.is_dir():
        return folder
    import keras

    target = folder.with_suffix(".zip")
    try:
        archive = keras.utils.get_file(
            target.name, CATS_AND_DOGS_URL, cache_dir=str(cache_folder())
        )
    except Exception as error:  # get_file raises bare exceptions
        raise OSError(
            f"Cannot download {CATS_AND_DOGS_URL}: {error}. Put the file at {target} by hand, "
            'or use the built-in pictures: load_datasets("synthetic").'
        ) from error
    return _land(folder, lambda scratch: _unpack(Path(archive), scratch))


def draw_synthetic() -> Path:
    """Return the folder of the built-in pictures, drawn unless they are cached."""
    name = f"catdog_synthetic_{_synthetic.VERSION}"
    return _land(cache_folder() / "datasets" / name, _synthetic.write_pictures)


KNOWN: Mapping[str, Callable[[], Path]] = {
    "cats_and_dogs_filtered": fetch_cats_and_dogs,
    "synthetic": draw_synthetic,
}


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
    """Extract the zip file; one that is broken, or another one, is reported with the way out."""
    try:
        with zipfile.ZipFile(archive) as content:
            content.extractall(folder)
        class_names = index_folder(folder).class_names
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise OSError(f"{archive} is broken ({error}). Delete it and try again.") from error
    if class_names != ("cats", "dogs"):
        raise OSError(f"{archive} holds {class_names}, not cats and dogs. Delete it and try again.")
