"""Model metadata in the files that callbacks save during training."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike

import keras

from catdog.models.saving import add_metadata


@contextmanager
def metadata_in_checkpoints(model: keras.Model) -> Iterator[None]:
    """Let `model.save` store the metadata too within this block, as `save_model` does.

    `ModelCheckpoint` and callbacks of users call it. It is this model's attribute, not that of its
    class: nothing changes for other models, and nothing for copies, which Keras makes from the
    configuration.
    """
    keras_save = model.save

    def save(
        filepath: "str | PathLike[str]", overwrite: bool = True, zipped: bool | None = None
    ) -> None:
        keras_save(filepath, overwrite=overwrite, zipped=zipped)
        add_metadata(filepath, model)

    model.save = save
    try:
        yield
    finally:
        del model.save
