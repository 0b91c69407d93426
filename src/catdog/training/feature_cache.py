"""A cache on disk of extracted features, and of the programs that extract them."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from os import PathLike
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import FileAccessError, InvalidValueError
from catdog._utils.files import SCRATCH_SUFFIX, atomic_write
from catdog._utils.keras_internals import LAYER_REFERENCES
from catdog._utils.public import public
from catdog.data.pixel_cache import pixel_cache_files
from catdog.typing import ImageSize

SUFFIX = ".features"
PROGRAM_SUFFIX = ".program"  # a backbone, compiled with LiteRT
_OWN_NAME = re.compile(rf"[0-9a-f]{{64}}({re.escape(SUFFIX)}|{re.escape(PROGRAM_SUFFIX)})")
# A key of a layer's configuration. The features do not depend on it: without augmentation nothing
# is random, and with augmentation the random state is set from the data's seed.
_IGNORED_KEY = "seed"
_DIGEST_BYTES = hashlib.sha256().digest_size
_FORMAT = 4  # changes when older files must no longer be read


@public
def feature_cache_size(cache_dir: str | PathLike[str]) -> int:
    """Return the size in bytes of what is cached in a folder.

    These are features, backbones compiled with LiteRT, and decoded images.

    Args:
        cache_dir: The folder, as passed to `train_head` or `load_datasets`. If it does not exist,
            the size is 0.

    Raises:
        TypeError: If it is not a path.
        NotADirectoryError: If it is a file.
    """
    return sum(map(_size, _files(checks.check_cache_dir(cache_dir))))


@public
def clear_feature_cache(cache_dir: str | PathLike[str]) -> int:
    """Delete what `train_head` and `load_datasets` cache in a folder; other files stay.

    Do not call it while a training run writes to the folder.

    Args:
        cache_dir: The folder, as passed to `train_head` or `load_datasets`. If it does not exist,
            nothing is deleted.

    Returns:
        Number of bytes that were freed.

    Raises:
        TypeError: If it is not a path.
        NotADirectoryError: If it is a file.
        OSError: If a file cannot be deleted.
    """
    folder = checks.check_cache_dir(cache_dir)
    freed = 0
    for file in _files(folder):
        freed += _size(file)
        file.unlink(missing_ok=True)
    for scratch in folder.glob(f".*{SCRATCH_SUFFIX}"):  # left by killed processes
        with suppress(OSError):  # it is not empty, or does not exist any more
            scratch.rmdir()
    return freed


def _files(folder: Path) -> list[Path]:
    """Return the files of all caches, and the temporary files that killed processes left.

    A file of another origin is not one of them, whatever its suffix: it may be the user's.
    """
    own = [
        file
        for pattern in ("*", f".*{SCRATCH_SUFFIX}/*")
        for file in folder.glob(pattern)
        if _OWN_NAME.fullmatch(file.name) and file.is_file()
    ]
    return [*own, *pixel_cache_files(folder)]


def _size(file: Path) -> int:
    """Return the size of a file in bytes; 0 if another process has deleted it."""
    with suppress(FileNotFoundError):
        return file.stat().st_size
    return 0


def cached(
    folder: Path,
    key: str,
    shape: tuple[int, int],
    compute: Callable[[], NDArray[np.float32]],
    is_valid: Callable[[NDArray[np.float32]], bool],
) -> NDArray[np.float32]:
    """Return an array from the cache, or compute it and write it to the cache.

    Args:
        folder: The cache; it is made if it does not exist.
        key: Identifies the array, as from `cache_key`.
        shape: The first two dimensions of the array: copies of the images, and images.
        compute: Returns the array.
        is_valid: Returns whether an array from the cache is what `compute` would return.

    Raises:
        OSError: If the folder cannot be written to. It is raised before anything is computed.
    """
    path = folder / f"{key}{SUFFIX}"
    array = _read(path, shape)
    if array is None or not is_valid(array):
        _make_writable_folder(folder)
        array = compute()
        atomic_write(path, lambda scratch: _write(scratch, array))
    return array


def cached_program(
    folder: Path, key: str, convert: Callable[[], bytes], is_right: Callable[[bytes], bool]
) -> bytes:
    """Return a LiteRT program from the cache, or convert a model and write it to the cache.

    Args:
        folder: The cache, which exists.
        key: Identifies the program, as from `program_key`.
        convert: Returns the program.
        is_right: Returns whether a program from the cache computes what the model does.
    """
    path = folder / f"{key}{PROGRAM_SUFFIX}"
    program = _read_checked(path)
    if program is None or not is_right(program):
        program = made = convert()
        atomic_write(path, lambda scratch: _write_checked(scratch, made))
    return program


def models_hash(models: Iterable[keras.Model]) -> str:
    """Return a hash of the layers and weights of models.

    Raises:
        ValueError: If a layer of the user has no configuration.
    """
    digest = hashlib.sha256()
    for model in models:
        try:
            config = model.get_config()
        except NotImplementedError as error:
            raise InvalidValueError(
                "has a layer without get_config, so its features cannot be identified",
                argument="model",
                hint="Give it one: cache_dir and checkpoint_dir need it. The error was: "
                + " ".join(str(error).partition(".")[0].split()),
            ) from error
        digest.update(json.dumps(without_names(config), default=str).encode())
        for variable in model.weights:
            digest.update(np.ascontiguousarray(variable).tobytes())
    return digest.hexdigest()


def cache_key(
    computed_by: str,
    contents: Iterable[str],
    image_size: ImageSize,
    *,
    augmentation: Iterable[int] = (),
) -> str:
    """Return a hash of everything that determines the features of images.

    Args:
        computed_by: Hash of the models that compute the features, as from `models_hash`.
        contents: Hash of each image, in order.
        image_size: Height and width at which the images are read.
        augmentation: What the augmented copies are drawn from; empty for plain features.
    """
    runtime = [_FORMAT, keras.__version__, keras.backend.backend()]
    parts = [*runtime, computed_by, *image_size, [*augmentation], *contents]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def program_key(model_hash: str, shape: Sequence[int], converter_version: str) -> str:
    """Return a hash of everything that determines the program of a model.

    Args:
        model_hash: Hash of the model, as from `models_hash`.
        shape: Shape of its input, a batch of one image.
        converter_version: Version of the converter.
    """
    parts = [_FORMAT, keras.__version__, converter_version, model_hash, *shape]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _make_writable_folder(folder: Path) -> None:
    """Make a folder if it does not exist, and raise if it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise FileAccessError(
            f"cannot be written to: {error}",
            argument="cache_dir",
            value=str(folder),
            hint="Pass another folder, or leave it out.",
        ) from error


def _read(path: Path, shape: tuple[int, int]) -> NDArray[np.float32] | None:
    """Return the array in a file; `None` if the file is missing, damaged or of another shape."""
    body = _read_checked(path)
    if body is None:
        return None
    array: NDArray[np.float32] = np.load(io.BytesIO(body), allow_pickle=False)
    return array if array.shape[:2] == shape else None


def _write(path: Path, array: NDArray[np.float32]) -> None:
    body = io.BytesIO()
    np.save(body, array)
    _write_checked(path, body.getbuffer())


def _read_checked(path: Path) -> bytes | None:
    """Return what `_write_checked` wrote; `None` if the file is missing or damaged."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return body if hashlib.sha256(body).digest() == digest else None


def _write_checked(path: Path, body: bytes | memoryview) -> None:
    """Write bytes, preceded by their hash."""
    path.write_bytes(hashlib.sha256(body).digest() + body)


def without_names(config: dict[str, Any]) -> Any:
    """Return a model's configuration with numbers in place of layer names.

    Keras numbers the layers of a process, so the same model has other names when it is built again.
    """
    return _numbered({key: value for key, value in config.items() if key != "name"}, {})


def _numbered(node: Any, names: Mapping[str, int], *, refers: bool = False) -> Any:
    """Return a part of a configuration with numbers in place of layer names.

    Args:
        node: The part.
        names: The number of each layer of the model that it is in. The layers of a model in a
            model have numbers of their own: by chance, one may be named as a layer outside.
        refers: Whether texts in it are names of layers.
    """
    if isinstance(node, dict):
        inside = _number_layers(node) if _is_model(node) else names
        return {
            key: _numbered(
                value, names if key == "name" else inside, refers=key in LAYER_REFERENCES
            )
            for key, value in node.items()
            if key != _IGNORED_KEY
        }
    if isinstance(node, list | tuple):
        return [_numbered(value, names, refers=refers) for value in node]
    return names.get(node, node) if refers and isinstance(node, str) else node


def _is_model(config: Any) -> bool:
    return isinstance(config, dict) and isinstance(config.get("layers"), list)


def _number_layers(config: dict[str, Any]) -> dict[str, int]:
    """Return a number for each layer of a model, and for layers in layers, but not in models."""
    names: dict[str, int] = {}
    parts = [config["layers"]]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            inner = part.get("config")
            if isinstance(inner, dict) and part.get("class_name") != "DTypePolicy":
                names.setdefault(inner.get("name", ""), len(names))
            parts += [value for value in part.values() if not _is_model(value)]
        elif isinstance(part, list | tuple):
            parts += reversed(part)
    return names
