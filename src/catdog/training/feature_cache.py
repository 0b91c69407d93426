"""A cache of extracted features on disk."""

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
from catdog._utils.errors import FileAccessError, FolderExpectedError, InvalidTypeError
from catdog._utils.files import SCRATCH_SUFFIX, atomic_write
from catdog._utils.keras_internals import LAYER_REFERENCES
from catdog._utils.public import public
from catdog.typing import ImageSize

SUFFIX = ".features"
_DRAWN = "seed"  # of a layer: does not act on plain features, and is set for the others
_DIGEST_BYTES = hashlib.sha256().digest_size
_FORMAT = 2  # changes when older files must no longer be read


@public
def feature_cache_size(cache_dir: "str | PathLike[str]") -> int:
    """Return the size in bytes of the features that `train_head` caches in a folder.

    Args:
        cache_dir: The folder, as given to `train_head`. If there is none, nothing is kept.

    Raises:
        TypeError: If it is no path.
        NotADirectoryError: If it is something else than a folder.
    """
    return sum(map(_size, _files(check_folder(cache_dir))))


@public
def clear_feature_cache(cache_dir: "str | PathLike[str]") -> int:
    """Delete the features that `train_head` caches in a folder; other files stay.

    Do not call it while a training writes there.

    Args:
        cache_dir: The folder, as given to `train_head`. If there is none, there is nothing to do.

    Returns:
        How many bytes were freed.

    Raises:
        TypeError: If it is no path.
        NotADirectoryError: If it is something else than a folder.
        OSError: If a file cannot be deleted.
    """
    folder = check_folder(cache_dir)
    freed = 0
    for file in _files(folder):
        freed += _size(file)
        file.unlink(missing_ok=True)
    for scratch in folder.glob(f".*{SCRATCH_SUFFIX}"):  # left by killed runs, others' too
        with suppress(OSError):  # it is not empty, or gone
            scratch.rmdir()
    return freed


def check_folder(cache_dir: "str | PathLike[str]") -> Path:
    """Return the path of a folder, which need not exist."""
    if not isinstance(cache_dir, str | PathLike) or not str(cache_dir):
        raise InvalidTypeError(
            f"must be a path, such as 'features', not {cache_dir!r}", argument="cache_dir"
        )
    folder = checks.expand_home(cache_dir)
    if folder.exists() and not folder.is_dir():
        raise FolderExpectedError(f"must be a folder, but {folder} is a file", argument="cache_dir")
    return folder


def _files(folder: Path) -> list[Path]:
    """Return the files of a cache, and what killed runs left of some."""
    return [*folder.glob(f"*{SUFFIX}"), *folder.glob(f".*{SCRATCH_SUFFIX}/*{SUFFIX}")]


def _size(file: Path) -> int:
    """Return how many bytes a file takes: none if another process has taken it away."""
    with suppress(FileNotFoundError):
        return file.stat().st_size
    return 0


def cached(
    folder: Path,
    key: str,
    shape: tuple[int, int],
    compute: Callable[[], NDArray[np.float32]],
    holds: Callable[[NDArray[np.float32]], bool],
) -> NDArray[np.float32]:
    """Return an array from the cache, or compute it and put it there.

    Args:
        folder: The cache; it is made if need be.
        key: What the array is computed from and with: `cache_key`.
        shape: How many views of how many images it must hold.
        compute: Computes it.
        holds: Returns whether what was kept is what would be computed.

    Raises:
        OSError: If the folder cannot be written to; that is told before anything is computed.
    """
    path = folder / f"{key}{SUFFIX}"
    array = _read(path, shape)
    if array is None or not holds(array):
        _make_ready(folder)
        array = compute()
        atomic_write(path, lambda scratch: _write(scratch, array))
    return array


def models_hash(models: Iterable[keras.Model]) -> str:
    """Return a hash of the layers and weights of models."""
    digest = hashlib.sha256()
    for model in models:
        digest.update(json.dumps(_anonymous(model.get_config()), default=str).encode())
        for variable in model.weights:
            digest.update(np.ascontiguousarray(variable).tobytes())
    return digest.hexdigest()


def cache_key(
    computed_by: str, contents: Iterable[str], image_size: ImageSize, *, views: Iterable[int] = ()
) -> str:
    """Return a hash of everything that determines the features of images.

    Args:
        computed_by: What computes them: `models_hash`.
        contents: Hash of each image, in order.
        image_size: Height and width at which the images are read.
        views: What the augmented views are drawn from; empty for plain features.
    """
    runtime = [_FORMAT, keras.__version__, keras.backend.backend()]
    facts = [*runtime, computed_by, *image_size, [*views], *contents]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _make_ready(folder: Path) -> None:
    """Make a folder if need be, and raise if it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise FileAccessError(
            f"cannot be written to: {error}",
            argument="cache_dir",
            value=str(folder),
            hint="Pass another folder, or leave cache_dir out.",
        ) from error


def _read(path: Path, shape: tuple[int, int]) -> NDArray[np.float32] | None:
    """Return what was written, if it is there and whole."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    array: NDArray[np.float32] = np.load(io.BytesIO(body), allow_pickle=False)
    return array if array.shape[:2] == shape else None


def _write(path: Path, array: NDArray[np.float32]) -> None:
    body = io.BytesIO()
    np.save(body, array)
    path.write_bytes(hashlib.sha256(body.getbuffer()).digest() + body.getbuffer())


def _anonymous(config: dict[str, Any]) -> Any:
    """Return a model's configuration with numbers for the names that Keras makes up as it goes."""
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
                if key != _DRAWN
            }
        if isinstance(node, list | tuple):
            return [rename(value, reference=reference) for value in node]
        return names.get(node, node) if reference and isinstance(node, str) else node

    own = {key: value for key, value in config.items() if key != "name"}
    collect(own)
    return rename(own)
