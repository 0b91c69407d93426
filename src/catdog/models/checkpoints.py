"""Model metadata in `.keras` files, also in those that callbacks save during training."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike

import keras

from catdog.models.metadata import CATDOG_MEMBER, get_metadata, metadata_to_json


def add_metadata(path: str | PathLike[str], model: keras.Model) -> None:
    """Add a model's metadata, if it has any, to the `.keras` file in which Keras saved it."""
    metadata = get_metadata(model)
    if metadata is None or not zipfile.is_zipfile(path):  # Keras also writes HDF5 and folders
        return
    with zipfile.ZipFile(path, "a") as archive:
        if CATDOG_MEMBER not in archive.namelist():
            archive.writestr(CATDOG_MEMBER, metadata_to_json(metadata))


@contextmanager
def metadata_in_checkpoints(model: keras.Model) -> Iterator[None]:
    """Let `model.save` store the metadata too within this block, as `save_model` does.

    `ModelCheckpoint` and callbacks of users call it. It is this model's attribute, not that of its
    class: nothing changes for other models, and nothing for copies, which Keras makes from the
    configuration.
    """
    keras_save = model.save

    def save(
        filepath: str | PathLike[str], overwrite: bool = True, zipped: bool | None = None
    ) -> None:
        keras_save(filepath, overwrite=overwrite, zipped=zipped)
        add_metadata(filepath, model)

    model.save = save
    try:
        yield
    finally:
        del model.save
