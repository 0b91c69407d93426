"""A cache of extracted features on disk."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from os import PathLike
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import FileAccessError, FolderExpectedError
from catdog._utils.files import SCRATCH_SUFFIX, atomic_write
from catdog._utils.keras_internals import LAYER_REFERENCES
from catdog._utils.public import public
from catdog.typing import ImageSize

SUFFIX = ".features"
# A key of a layer's configuration. The features do not depend on it: without augmentation nothing
# is random, and with augmentation the random state is set from the data's seed.
_IGNORED_KEY = "seed"
_DIGEST_BYTES = hashlib.sha256().digest_size
_FORMAT = 3  # changes when older files must no longer be read


@public
def feature_cache_size(cache_dir: str | PathLike[str]) -> int:
    """Return the size in bytes of the features that `train_head` caches in a folder.

    Args:
        cache_dir: The folder, as passed to `train_head`. If it does not exist, the size is 0.

    Raises:
        TypeError: If it is not a path.
        NotADirectoryError: If it is a file.
    """
    return sum(map(_size, _files(check_folder(cache_dir))))


@public
def clear_feature_cache(cache_dir: str | PathLike[str]) -> int:
    """Delete the features that `train_head` caches in a folder; other files stay.

    Do not call it while a training run writes to the folder.

    Args:
        cache_dir: The folder, as passed to `train_head`. If it does not exist, nothing is deleted.

    Returns:
        Number of bytes that were freed.

    Raises:
        TypeError: If it is not a path.
        NotADirectoryError: If it is a file.
        OSError: If a file cannot be deleted.
    """
    folder = check_folder(cache_dir)
    freed = 0
    for file in _files(folder):
        freed += _size(file)
        file.unlink(missing_ok=True)
    for scratch in folder.glob(f".*{SCRATCH_SUFFIX}"):  # left by killed processes
        with suppress(OSError):  # it is not empty, or does not exist any more
            scratch.rmdir()
    return freed


def check_folder(cache_dir: str | PathLike[str]) -> Path:
    """Return the path of a folder, which need not exist."""
    folder = checks.check_path("cache_dir", cache_dir, example="features")
    if folder.exists() and not folder.is_dir():
        raise FolderExpectedError(f"must be a folder, but {folder} is a file", argument="cache_dir")
    return folder


def _files(folder: Path) -> list[Path]:
    """Return the files of a cache, and the temporary files that killed processes left."""
    return [*folder.glob(f"*{SUFFIX}"), *folder.glob(f".*{SCRATCH_SUFFIX}/*{SUFFIX}")]


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


def models_hash(models: Iterable[keras.Model]) -> str:
    """Return a hash of the layers and weights of models."""
    digest = hashlib.sha256()
    for model in models:
        digest.update(json.dumps(_without_names(model.get_config()), default=str).encode())
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
    if not path.is_file():
        return None
    content = path.read_bytes()
    digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    array: NDArray[np.float32] = np.load(io.BytesIO(body), allow_pickle=False)
    return array if array.shape[:2] == shape else None


def _write(path: Path, array: NDArray[np.float32]) -> None:
    """Write an array, preceded by its hash."""
    body = io.BytesIO()
    np.save(body, array)
    path.write_bytes(hashlib.sha256(body.getbuffer()).digest() + body.getbuffer())


def _without_names(config: dict[str, Any]) -> Any:
    """Return a model's configuration with numbers in place of layer names.

    Keras numbers the layers of a process, so the same model has other names when it is built again.
    """
    names: dict[str, int] = {}

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            inner = node.get("config")
            if isinstance(inner, dict) and node.get("class_name") != "DTypePolicy":
                names.setdefault(inner.get("name", ""), len(names))
            for value in node.values():
                collect(value)
        elif isinstance(node, list | tuple):
            for value in node:
                collect(value)

    def rename(node: Any, *, reference: bool = False) -> Any:
        if isinstance(node, dict):
            return {
                key: rename(value, reference=key in LAYER_REFERENCES)
                for key, value in node.items()
                if key != _IGNORED_KEY
            }
        if isinstance(node, list | tuple):
            return [rename(value, reference=reference) for value in node]
        return names.get(node, node) if reference and isinstance(node, str) else node

    own = {key: value for key, value in config.items() if key != "name"}
    collect(own)
    return rename(own)
