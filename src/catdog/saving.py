"""A model in a file, with what it knows: saved today, opened tomorrow."""

import json
import warnings
import zipfile
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import keras

from catdog import _checks
from catdog._atomic import write_whole
from catdog._card import ModelCard, card_from_json, card_of, card_to_json, give_card

SUFFIX = ".keras"
# Keras' own members of the archive, and ours, which Keras does not look at.
CONFIG_MEMBER, METADATA_MEMBER = "config.json", "metadata.json"
CARD_MEMBER = "catdog.json"
TEXT_MEMBERS = (CONFIG_MEMBER, METADATA_MEMBER, CARD_MEMBER)
# A hundred thousand class names, or layers, fit in; what is larger would fill the memory.
MAX_TEXT_BYTES = 2**24
CODE_MARK = b'"__lambda__"'  # Keras writes a Lambda layer's Python code under this name
# An optimizer that was not used has no state but its step and rate: nothing is lost.
UNUSED_OPTIMIZER = "(?s)Skipping variable loading for optimizer.* saved optimizer has [12] variable"
AGAIN = "Copy or download it again, or save the model anew."


def save_model(model: keras.Model, path: "str | PathLike[str]") -> None:
    """Write a model into one file, with the names of its classes and its calibration.

    The file is a Keras file like any other: `keras.models.load_model` opens it too, without catdog.
    It holds the layers, the weights and the state of the optimizer, so that training can go on.
    A file that is there already is replaced once the new one is whole; if anything goes wrong
    before, it stays as it is.

    Args:
        model: Any built Keras model.
        path: Where to, such as `"cats_and_dogs.keras"`.

    Raises:
        FileNotFoundError: If the folder of `path` does not exist.
        IsADirectoryError: If `path` is a folder.
        TypeError: If `model` is no Keras model, or `path` no path.
        ValueError: If `path` does not end in `.keras`, or is a link to what does not, or a device;
            if the model is not built, or holds Python code, which Keras would refuse to load.

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
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a Keras model, not {type(model).__name__}.")
    if not model.built:
        raise ValueError(
            "model is not built: it has no weights yet. Begin it with keras.Input, or call it once."
        )
    target = model_target(path)
    card = card_of(model)

    def make(scratch: Path) -> None:
        model.save(scratch)
        with zipfile.ZipFile(scratch, "a") as archive:
            _refuse_code(archive)
            if card:
                archive.writestr(CARD_MEMBER, card_to_json(card))

    write_whole(target, make)


def load_model(path: "str | PathLike[str]") -> keras.Model:
    """Open a model that `save_model` or Keras saved.

    Nothing in the file is run as Python code: Keras' safe mode stays on.

    Args:
        path: A file that ends in `.keras`.

    Returns:
        The model, compiled if it was when it was saved. It knows the names of its classes, if it
        knew them then.

    Raises:
        FileNotFoundError: If there is no such file.
        IsADirectoryError: If it is a folder.
        TypeError: If `path` is no path.
        ValueError: If the file is damaged, was written by a later catdog, is none of Keras', or
            holds layers that cannot be opened.

    Example: see [`save_model`][catdog.save_model].
    """
    source = _check_path(path)
    if not source.is_file():
        problem = "is a folder" if source.is_dir() else "does not exist"
        kind = IsADirectoryError if source.is_dir() else FileNotFoundError
        raise kind(f"path={str(path)!r} {problem}. save_model writes such a file.")
    contents = _read(source)
    card = contents.card and _parse_card(source, contents.card)
    model = _open(source, contents)
    if card:
        give_card(model, card)
    return model


def model_target(path: "str | PathLike[str]") -> Path:
    """Return where `save_model` puts a file.

    Raises:
        FileNotFoundError, IsADirectoryError, TypeError, ValueError: As `save_model` does.
    """
    target = _check_path(path).resolve()  # a link goes on pointing at the file
    check_target(path, target)
    if target.suffix != SUFFIX:  # Keras would refuse it
        raise ValueError(
            f"path={str(path)!r} is a link to {target}, which does not end in {SUFFIX}. Remove the "
            "link, or choose another name."
        )
    return target


def check_target(path: "str | PathLike[str]", target: Path) -> None:
    """Raise if no file can be put at `target`, which is what `path` means."""
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"path={str(path)!r}: the folder {target.parent} does not exist. Make it first."
        )
    if target.is_dir():
        raise IsADirectoryError(f"path={str(path)!r} is a folder. Choose another name.")
    if target.exists() and not target.is_file():
        raise ValueError(f"path={str(path)!r} is a device or a pipe. Choose another name.")


def _check_path(path: "str | PathLike[str]") -> Path:
    """Return the path of a `.keras` file."""
    if not isinstance(path, str | PathLike) or not str(path):
        raise TypeError(f"path must be a path, such as 'model{SUFFIX}', not {path!r}.")
    checked = _checks.expand_home(path)
    if checked.suffix != SUFFIX:
        old = checked.suffix.lower() in (".h5", ".hdf5")
        hint = f"keras.models.load_model opens old {checked.suffix} files. " if old else ""
        raise ValueError(
            f"path={str(path)!r} must end in {SUFFIX}. {hint}"
            f"Call it '{checked.stem or 'model'}{SUFFIX}', say."
        )
    return checked


def _refuse_code(archive: zipfile.ZipFile) -> None:
    """Refuse to write what cannot be opened again."""
    if CODE_MARK in archive.read(CONFIG_MEMBER):
        raise ValueError(
            "model has a Lambda layer, whose Python code would have to be run to open the file "
            "again; Keras and catdog refuse to. Use Keras' own layers or keras.ops instead, such "
            "as keras.layers.Rescaling, or give Lambda a named function that is decorated with "
            "@keras.saving.register_keras_serializable()."
        )


class _Contents(NamedTuple):
    """What a file holds beside the weights: members of the archive, as they are written."""

    config: bytes
    metadata: bytes
    card: bytes | None


def _read(path: Path) -> _Contents:
    """Look whether a file is whole and is one of Keras', and read what it says of its model."""
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_bomb(archive)
            broken = archive.testzip()
            names = archive.namelist()
            if broken is None and {CONFIG_MEMBER, METADATA_MEMBER} <= set(names):
                card = archive.read(CARD_MEMBER) if CARD_MEMBER in names else None
                return _Contents(archive.read(CONFIG_MEMBER), archive.read(METADATA_MEMBER), card)
    except PermissionError:
        raise
    except Exception as error:  # of a damaged archive, zipfile and zlib raise many kinds
        raise ValueError(
            f"{path} is no Keras file, or a part of it is missing ({error}). {AGAIN}"
        ) from error
    if broken is not None:
        raise ValueError(f"{path} is damaged: its part {broken} is not as it was saved. {AGAIN}")
    raise ValueError(f"{path} is an archive, but not one of Keras'. save_model writes such a file.")


def _refuse_bomb(archive: zipfile.ZipFile) -> None:
    """Refuse text that is too long to be read into memory."""
    for member in archive.infolist():
        if member.filename in TEXT_MEMBERS and member.file_size > MAX_TEXT_BYTES:
            raise ValueError(
                f"its part {member.filename} has {member.file_size:,} bytes, more than "
                f"{MAX_TEXT_BYTES:,}"
            )


def _open(path: Path, contents: _Contents) -> keras.Model:
    """Let Keras open a file that is whole; say what to do if it cannot."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", UNUSED_OPTIMIZER)
        try:
            return keras.models.load_model(path, safe_mode=True)
        except Exception as error:  # whatever the layers raise
            raise ValueError(
                f"Keras {keras.__version__} cannot open {path}. {_way_out(path, contents)} "
                f"Keras says: {error}"
            ) from error


def _way_out(path: Path, contents: _Contents) -> str:
    if CODE_MARK in contents.config:
        return (
            "It has a Lambda layer, whose Python code would have to be run. If you trust whoever "
            f"wrote it, keras.models.load_model({str(path)!r}, safe_mode=False) does so."
        )
    try:
        written = json.loads(contents.metadata)["keras_version"]
    except (KeyError, TypeError, ValueError):
        return "It does not say which Keras wrote it: it may be none of Keras' files."
    return (
        f"Keras {written} wrote it; if that is newer, update Keras. If it has layers or losses of "
        "your own, decorate them with @keras.saving.register_keras_serializable(), and import them "
        "first."
    )


def _parse_card(path: Path, text: bytes) -> ModelCard:
    try:
        return card_from_json(text)
    except ValueError as error:
        raise ValueError(
            f"What {path} says about its model is {error}. Without that, "
            "keras.models.load_model opens it."
        ) from error
