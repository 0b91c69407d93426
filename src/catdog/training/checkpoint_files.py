"""Files from which an interrupted training goes on: each is complete, or is not used."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import FileAccessError, FolderExpectedError, UsageWarning
from catdog._utils.files import SCRATCH_SUFFIX, atomic_write, write_durably

SUFFIX = ".checkpoint"
_DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a training after an epoch.

    Attributes:
        epoch: Number of epochs that are done.
        state: What JSON can hold.
        arrays: Weights, and other arrays.
    """

    epoch: int
    state: Mapping[str, Any]
    arrays: Sequence[NDArray[Any]]


def make_checkpoint_dir(value: Any) -> Path:
    """Return the folder of checkpoints as an absolute path, after making it.

    Raises:
        NotADirectoryError: If it is a file.
        OSError: If it cannot be written to.
        TypeError: If it is not a path.
    """
    folder = checks.check_path("checkpoint_dir", value, example="checkpoints").absolute()
    if folder.exists() and not folder.is_dir():
        raise FolderExpectedError(
            f"must be a folder, but {folder} is a file", argument="checkpoint_dir"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise FileAccessError(
            f"cannot be written to: {error}", argument="checkpoint_dir", value=str(folder)
        ) from error
    return folder


def write_checkpoint(folder: Path, name: str, checkpoint: Checkpoint) -> None:
    """Write the checkpoint of an epoch, and delete all but this one and the one before it.

    Args:
        folder: The folder, which exists.
        name: Name of the training function, with which the names of its files begin.
        checkpoint: The state after the epoch.
    """
    body = io.BytesIO()
    text = np.frombuffer(json.dumps(checkpoint.state).encode(), np.uint8)
    named: dict[str, Any] = {str(number): each for number, each in enumerate(checkpoint.arrays)}
    np.savez(body, **named, state=text)
    path = folder / f"{name}-{checkpoint.epoch:06d}{SUFFIX}"
    content = body.getbuffer()
    digest = hashlib.sha256(content).digest()
    atomic_write(path, lambda scratch: write_durably(scratch, digest, content))
    earlier = [number for number, _ in _files(folder, name) if number < checkpoint.epoch]
    for number, file in _files(folder, name):
        if number != checkpoint.epoch and number != max(earlier, default=None):
            file.unlink(missing_ok=True)


def read_checkpoint(folder: Path, name: str) -> Checkpoint | None:
    """Return the last checkpoint of a training function that is whole; `None` if there is none.

    A damaged file is left out with a warning. Folders that killed processes left are deleted.
    """
    for scratch in folder.glob(f".*{SCRATCH_SUFFIX}"):
        with suppress(OSError):
            for file in scratch.iterdir():
                file.unlink()
            scratch.rmdir()
    for epoch, path in sorted(_files(folder, name), reverse=True):
        content = path.read_bytes()
        body = content[_DIGEST_BYTES:]
        if hashlib.sha256(body).digest() == content[:_DIGEST_BYTES]:
            return _parse(epoch, body)
        warnings.warn(
            UsageWarning(f"The checkpoint {path} is damaged, and is ignored."), stacklevel=2
        )
    return None


def _files(folder: Path, name: str) -> list[tuple[int, Path]]:
    """Return the number of epochs and the path of each checkpoint of a training function."""
    found = []
    for path in folder.glob(f"{name}-*{SUFFIX}"):
        number = path.name.removeprefix(f"{name}-").removesuffix(SUFFIX)
        if number.isascii() and number.isdecimal() and path.is_file():
            found.append((int(number), path))
    return found


def _parse(epoch: int, body: bytes) -> Checkpoint:
    with np.load(io.BytesIO(body), allow_pickle=False) as archive:
        state = json.loads(archive["state"].tobytes())
        arrays = [archive[str(number)] for number in range(len(archive.files) - 1)]
    return Checkpoint(epoch, state, arrays)
