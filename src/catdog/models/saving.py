"""Save models with their metadata, and load them."""

from __future__ import annotations

import json
import warnings
import zipfile
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import keras

from catdog._utils import checks
from catdog._utils.errors import (
    FileExpectedError,
    HintCode,
    InvalidTypeError,
    InvalidValueError,
    MissingFileError,
)
from catdog._utils.files import atomic_write
from catdog._utils.forks import check_not_forked
from catdog._utils.keras_internals import (
    CONFIG_MEMBER,
    LAMBDA_CODE_MARK,
    METADATA_MEMBER,
    UNUSED_OPTIMIZER_WARNING,
)
from catdog._utils.public import public
from catdog.models.checkpoints import add_metadata
from catdog.models.metadata import (
    CATDOG_MEMBER,
    MAX_TEXT_BYTES,
    ModelMetadata,
    attach_metadata,
    metadata_from_json,
)

SUFFIX = ".keras"
TEXT_MEMBERS = (CONFIG_MEMBER, METADATA_MEMBER, CATDOG_MEMBER)
COPY_AGAIN_HINT = "Copy or download it again, or save the model again."


@public
def save_model(model: keras.Model, path: str | PathLike[str]) -> None:
    """Save a model to one file, with its class names and calibration.

    The file is a normal Keras file: `keras.models.load_model` opens it too, without catdog.
    It contains the layers, the weights and the state of the optimizer, so that training can go on.
    The write is atomic: an existing file is replaced when the new one is complete. After an error,
    the existing file is unchanged.

    Args:
        model: Any built Keras model.
        path: Path of the file, such as `"cats_and_dogs.keras"`.

    Raises:
        FileNotFoundError: If the folder of `path` does not exist.
        IsADirectoryError: If `path` is a folder.
        TypeError: If `model` is not a Keras model, or `path` is not a path.
        ValueError: If `path` does not end in `.keras`, is a link to a file that does not, or is a
            device; if the model is not built, or contains Python code, which Keras does not load.

    Example:
        ```python
        from catdog import build_model, load_datasets, load_model, save_model, train

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(32, 32))
        train(model, data, epochs=1)
        save_model(model, "cats_and_dogs.keras")
        model = load_model("cats_and_dogs.keras")
        ```
    """
    check_not_forked()
    if not isinstance(model, keras.Model):
        raise InvalidTypeError(
            f"must be a Keras model, not {type(model).__name__}", argument="model"
        )
    if not model.built:
        raise InvalidValueError(
            "is not built: it has no weights yet",
            argument="model",
            hint="Begin it with keras.Input, or call it once.",
        )
    target = model_target(path)

    def make(scratch: Path) -> None:
        model.save(scratch)
        with zipfile.ZipFile(scratch) as archive:
            _refuse_code(archive)
        add_metadata(scratch, model)

    atomic_write(target, make)


@public
def load_model(path: str | PathLike[str]) -> keras.Model:
    """Load a model that `save_model` or Keras saved.

    Python code in the file is not run: Keras' safe mode stays on.

    Args:
        path: A file that ends in `.keras`.

    Returns:
        The model, compiled if it was compiled when it was saved. It has the class names and the
        calibration that it had then.

    Raises:
        FileNotFoundError: If there is no such file.
        IsADirectoryError: If it is a folder.
        TypeError: If `path` is not a path.
        ValueError: If the file is damaged, was written by a later catdog, is not a Keras file, or
            contains layers that cannot be loaded.

    Example: see [`save_model`][catdog.save_model].
    """
    check_not_forked()
    source = _check_path(path)
    if not source.is_file():
        problem = "is a folder" if source.is_dir() else "does not exist"
        kind = FileExpectedError if source.is_dir() else MissingFileError
        raise kind(
            problem,
            argument="path",
            value=str(path),
            hint="save_model writes such a file.",
            hint_code=HintCode.SAVE_MODEL,
        )
    contents = _read(source)
    metadata = contents.catdog and _parse_metadata(source, contents.catdog)
    model = _open(source, contents)
    if metadata:
        attach_metadata(model, metadata)
    return model


def model_target(path: str | PathLike[str]) -> Path:
    """Return the path at which `save_model` writes, behind links.

    Raises:
        FileNotFoundError, IsADirectoryError, TypeError, ValueError: As `save_model` does.
    """
    target = _check_path(path).resolve()  # a link is kept, and its file replaced
    check_target(path, target)
    if target.suffix != SUFFIX:  # Keras would refuse it
        raise InvalidValueError(
            f"is a link to {target}, which does not end in {SUFFIX}",
            argument="path",
            value=str(path),
            hint="Remove the link, or choose another name.",
        )
    return target


def check_target(path: str | PathLike[str], target: Path) -> None:
    """Raise if no file can be written at `target`, the resolved `path`."""
    checks.check_folder_of(target, path)
    if target.is_dir():
        raise FileExpectedError(
            "is a folder", argument="path", value=str(path), hint="Choose another name."
        )
    if target.exists() and not target.is_file():
        raise InvalidValueError(
            "is a device or a pipe", argument="path", value=str(path), hint="Choose another name."
        )


def _check_path(path: str | PathLike[str]) -> Path:
    """Return the path of a `.keras` file."""
    checked = checks.check_path("path", path, example=f"model{SUFFIX}")
    if checked.suffix != SUFFIX:
        is_hdf5 = checked.suffix.lower() in (".h5", ".hdf5")
        hint = f"keras.models.load_model opens old {checked.suffix} files. " if is_hdf5 else ""
        raise InvalidValueError(
            f"must end in {SUFFIX}",
            argument="path",
            value=str(path),
            hint=f"{hint}For example, call it '{checked.stem or 'model'}{SUFFIX}'.",
        )
    return checked


def _refuse_code(archive: zipfile.ZipFile) -> None:
    """Raise if a model contains Python code: the file could not be loaded."""
    if LAMBDA_CODE_MARK in archive.read(CONFIG_MEMBER):
        raise InvalidValueError(
            "has a Lambda layer, whose Python code would have to be run to open the file "
            "again; Keras and catdog refuse to",
            argument="model",
            hint=(
                "Use Keras' own layers or keras.ops instead, such as keras.layers.Rescaling, "
                "or give Lambda a named function that is decorated with "
                "@keras.saving.register_keras_serializable()."
            ),
        )


class _Contents(NamedTuple):
    """The text members of the archive."""

    config: bytes
    keras: bytes
    catdog: bytes | None


def _read(path: Path) -> _Contents:
    """Check that a file is a complete Keras archive, and read its text members."""
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_bomb(archive)
            damaged = archive.testzip()
            names = archive.namelist()
            if damaged is None and {CONFIG_MEMBER, METADATA_MEMBER} <= set(names):
                metadata = archive.read(CATDOG_MEMBER) if CATDOG_MEMBER in names else None
                return _Contents(
                    archive.read(CONFIG_MEMBER), archive.read(METADATA_MEMBER), metadata
                )
    except PermissionError:
        raise
    except Exception as error:  # for a damaged archive, zipfile and zlib raise many types
        raise InvalidValueError(
            f"{path} is not a Keras file, or a part of it is missing ({error})",
            hint=COPY_AGAIN_HINT,
        ) from error
    if damaged is not None:
        raise InvalidValueError(
            f"{path} is damaged: its part {damaged} is not as it was saved", hint=COPY_AGAIN_HINT
        )
    raise InvalidValueError(
        f"{path} is an archive, but not one of Keras'",
        hint="save_model writes such a file.",
        hint_code=HintCode.SAVE_MODEL,
    )


def _refuse_bomb(archive: zipfile.ZipFile) -> None:
    """Raise if a text member is too long to be read into memory."""
    for member in archive.infolist():
        if member.filename in TEXT_MEMBERS and member.file_size > MAX_TEXT_BYTES:
            raise ValueError(
                f"its part {member.filename} has {member.file_size:,} bytes, more than "
                f"{MAX_TEXT_BYTES:,}"
            )


def _open(path: Path, contents: _Contents) -> keras.Model:
    """Load a complete file with Keras; raise with a hint if that fails."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", UNUSED_OPTIMIZER_WARNING)
        try:
            return keras.models.load_model(path, safe_mode=True)
        except Exception as error:  # layers raise any type
            raise InvalidValueError(
                f"Keras {keras.__version__} cannot open {path}",
                hint=f"{_hint(path, contents)} Keras says: {error}",
            ) from error


def _hint(path: Path, contents: _Contents) -> str:
    """Return what to do with a file that Keras cannot load."""
    if LAMBDA_CODE_MARK in contents.config:
        return (
            "It has a Lambda layer, whose Python code would have to be run. If you trust its "
            f"author, keras.models.load_model({str(path)!r}, safe_mode=False) does so."
        )
    try:
        keras_version = json.loads(contents.keras)["keras_version"]
    except (KeyError, TypeError, ValueError):
        return "It does not say which Keras wrote it: it may be none of Keras' files."
    return (
        f"Keras {keras_version} wrote it; if that is newer, update Keras. If it has custom layers "
        "or losses, decorate them with @keras.saving.register_keras_serializable(), and import "
        "them first; the command line needs a .tflite file, which export_model writes."
    )


def _parse_metadata(path: Path, text: bytes) -> ModelMetadata:
    """Return the metadata in a file; raise with the name of the file if it is damaged."""
    try:
        return metadata_from_json(text)
    except ValueError as error:
        raise InvalidValueError(
            f"The metadata in {path} is {error}",
            hint="Without that, keras.models.load_model opens it.",
        ) from error
