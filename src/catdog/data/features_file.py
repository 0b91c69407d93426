"""Save features to a file, and load them: `.npz`, or Parquet if its package is installed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError, MissingFileError, MissingPackageError, reason
from catdog._utils.files import atomic_write
from catdog._utils.public import public
from catdog._utils.text import printable
from catdog.data.features import Features
from catdog.data.merge_features import merge_features

NPZ, PARQUET = ".npz", ".parquet"
_FORMAT = 1  # changes when older versions of catdog cannot read the files
_KEY = b"catdog"  # of the metadata of a Parquet file
Header = Mapping[str, Any]
"""What a file says about all images together: the fields of `Features`, but for the columns."""


@public
def load_features(path: str | PathLike[str] | Iterable[str | PathLike[str]]) -> Features:
    """Load features that `Features.save` wrote, and verify them.

    Of a folder, all files of features directly in it are loaded and put together, such as those
    that several processes wrote. An image that is in several files is there once.

    Args:
        path: A file `.npz` or `.parquet`; a folder of such files; or some files of a folder, if
            the features of all do not fit into memory.

    Returns:
        The features, labels, paths and hashes, ready for `train_head` and `find_label_issues`.
        Those of several files are ordered by path. If only some of these are split, or an image is
        in several sets or classes by them, the result is not split, and a warning says why.

    Raises:
        FileNotFoundError: If the file does not exist, or the folder holds no such file.
        ImportError: If the package for Parquet is missing.
        TypeError: If `path` is not a path.
        ValueError: If a file is damaged or incomplete, or was not written by `Features.save`; or
            if files of a folder come from different backbones or image sizes, or from two versions
            of an image.

    Example:
        ```python
        from catdog import build_model, extract_features, load_datasets, load_features

        data = load_datasets("synthetic")
        model = build_model("mobilenet_v2.linear", image_size=(96, 96), weights=None, seed=0)
        extract_features(model, data).save("features.npz")
        print(load_features("features.npz"))
        ```
    """
    if isinstance(path, Iterable) and not isinstance(path, str | PathLike):
        files = sorted(checks.check_path("path", file, example="features.npz") for file in path)
    else:
        found = checks.check_path("path", path, example="features.npz")
        if not found.is_dir():
            return _load_file(found)
        files = sorted(file for suffix in _FORMATS for file in found.glob(f"[!.]*{suffix}"))
    if not files:
        raise MissingFileError(
            f"holds no file of features ({NPZ}, {PARQUET})", argument="path", value=str(path)
        )
    return merge_features([(file.name, _load_file(file)) for file in files])


def save_features(features: Features, path: str | PathLike[str]) -> None:
    """Write features to a file; see `Features.save`."""
    target = checks.check_path("path", path, example="features.npz")
    write, _ = _format_of(target)
    checks.check_folder_of(target, path)
    header = _header(features) | {"digest": _digest(features)}
    atomic_write(target, lambda scratch: write(scratch, features, header))


def _load_file(path: Path) -> Features:
    """Read a file, and compare what it holds with its digest."""
    _, read = _format_of(path)
    if not path.is_file():
        raise MissingFileError("does not exist, or is no file", argument="path", value=str(path))
    try:
        features, digest = read(path)
    except (MemoryError, MissingPackageError, PermissionError):
        raise
    except Exception as error:  # of zipfile, NumPy, JSON, pyarrow, or of fields that are missing
        raise _unusable(path, reason(error)) from error
    if _digest(features) != digest:
        raise _unusable(path, "its content does not match its digest")
    return features


def _unusable(path: Path, why: str) -> InvalidValueError:
    return InvalidValueError(
        f"The file {printable(path)} cannot be used: {why}",
        hint="It is damaged or incomplete, or Features.save did not write it. Extract the features "
        "again.",
    )


def _format_of(path: Path) -> tuple[Callable[..., None], Callable[[Path], tuple[Features, str]]]:
    """Return what writes and what reads the format of a file, by its suffix."""
    if path.suffix not in _FORMATS:
        raise InvalidValueError(f"must end in {NPZ} or {PARQUET}", argument="path", value=str(path))
    return _FORMATS[path.suffix]


def _header(features: Features) -> dict[str, Any]:
    """Return what is not stored by image, ready for JSON."""
    return {
        "format": _FORMAT,
        "shape": list(features.values.shape),
        "class_names": list(features.class_names),
        "errors": dict(features.errors),
        "backbone": features.backbone,
        "image_size": list(features.image_size),
        "seed": features.seed,
        "batch_size": features.batch_size,
        "versions": dict(features.versions),
    }


def _columns(features: Features) -> dict[str, Any]:
    """Return what is stored by image, but for the features, ready for JSON."""
    labels = features.labels
    return {
        "paths": list(features.paths),
        "sha256": list(features.sha256),
        "labels": None if labels is None else labels.tolist(),
        "splits": None if features.splits is None else list(features.splits),
    }


def _digest(features: Features) -> str:
    """Return a hash of everything in a file."""
    text = json.dumps(_header(features) | _columns(features), sort_keys=True)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    digest.update(np.ascontiguousarray(features.values, "<f4").tobytes())
    return digest.hexdigest()


def _features(
    header: Header, columns: Mapping[str, Any], values: NDArray[Any]
) -> tuple[Features, str]:
    """Return the features of a file, and its digest."""
    if header["format"] != _FORMAT:
        raise InvalidValueError(f"it has format {header['format']}, not {_FORMAT}")
    labels, splits = columns["labels"], columns["splits"]
    height, width = header["image_size"]
    features = Features(
        values=np.asarray(values, np.float32).reshape(header["shape"]),
        paths=tuple(columns["paths"]),
        sha256=tuple(columns["sha256"]),
        labels=None if labels is None else np.array(labels, np.int32),
        class_names=tuple(header["class_names"]),
        splits=None if splits is None else tuple(splits),
        errors=header["errors"],
        backbone=header["backbone"],
        image_size=(height, width),
        seed=header["seed"],
        batch_size=header["batch_size"],
        versions=header["versions"],
    )
    return features, header["digest"]


def _write_npz(path: Path, features: Features, header: Header) -> None:
    text = json.dumps({**header, **_columns(features)})
    encoded = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, values=features.values, header=encoded)


def _read_npz(path: Path) -> tuple[Features, str]:
    # NumPy 2.4 leaves a damaged file open that it has opened itself.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        text = arrays["header"].tobytes().decode("utf-8", "surrogatepass")
        content = json.loads(text)
        return _features(content, content, arrays["values"])


def _write_parquet(path: Path, features: Features, header: Header) -> None:
    """Write a row for each image, those that could not be read too: their features are null."""
    pa, parquet = _import_pyarrow()
    bad = list(features.errors)
    width = math.prod(features.values.shape[1:])
    flat = np.ascontiguousarray(features.values.reshape(len(features), width), np.float32)
    nothing = [None] * len(bad)
    labels = features.labels
    names = [None] * len(features) if labels is None else [features.class_names[i] for i in labels]
    splits = features.splits or [None] * len(features)
    values = pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), width)
    kind = pa.list_(pa.float32(), width)
    table = pa.table(
        {
            "path": pa.array([*features.paths, *bad], pa.string()),
            "sha256": pa.array([*features.sha256, *nothing], pa.string()),
            "label": pa.array([*names, *nothing], pa.string()),
            "split": pa.array([*splits, *nothing], pa.string()),
            "features": pa.concat_arrays([values.cast(kind), pa.nulls(len(bad), kind)]),
            "error": pa.array([*[None] * len(features), *features.errors.values()], pa.string()),
        }
    )
    extra = {
        "n": len(features),
        "has_labels": labels is not None,
        "has_splits": features.splits is not None,
    }
    parquet.write_table(
        table.replace_schema_metadata({_KEY: json.dumps({**header, **extra})}), path
    )


def _read_parquet(path: Path) -> tuple[Features, str]:
    _, parquet = _import_pyarrow()
    table = parquet.read_table(path, partitioning=None)
    header = json.loads(table.schema.metadata[_KEY])
    table = table.slice(0, header["n"]).combine_chunks()
    label_of = {name: label for label, name in enumerate(header["class_names"])}
    names = table["label"].to_pylist()
    columns = {
        "paths": table["path"].to_pylist(),
        "sha256": table["sha256"].to_pylist(),
        "labels": [label_of[name] for name in names] if header["has_labels"] else None,
        "splits": table["split"].to_pylist() if header["has_splits"] else None,
    }
    values = table["features"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return _features(header, columns, values)


def _import_pyarrow() -> tuple[Any, Any]:
    """Return the modules that write Parquet files; raise if the package is missing."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingPackageError(
            f"Parquet files need one more package ({error})",
            hint='Install it, in a copy of the source of catdog: pip install ".[ray]". '
            f"Or save the features as {NPZ}.",
        ) from error
    return pa, parquet


_FORMATS = {NPZ: (_write_npz, _read_npz), PARQUET: (_write_parquet, _read_parquet)}
