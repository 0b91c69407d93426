"""Exported LiteRT files: what is added to the program, and how a file is opened to score images.

A zip archive follows the program. LiteRT ignores it; readers of labels open it. This file imports
neither Keras nor TensorFlow, so that an exported model answers in a fraction of a second.
"""

import hashlib
import io
import zipfile
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import (
    FileAccessError,
    FileExpectedError,
    InvalidValueError,
    MissingFileError,
)
from catdog._utils.text import printable
from catdog.inference.classify import Scorer
from catdog.inference.compute_ahead import Compute
from catdog.inference.interpreter import Interpreters
from catdog.models.bundled import EXPORTS, FOLDER, REINSTALL_HINT
from catdog.models.metadata import (
    CATDOG_MEMBER,
    MAX_TEXT_BYTES,
    ModelMetadata,
    check_class_names,
    metadata_from_json,
    metadata_to_json,
)
from catdog.typing import Floats, ImageSize

SUFFIX = ".tflite"
INPUT, OUTPUT = "images", "probabilities"
LABELS_MEMBER = "labels.txt"  # the usual name of LiteRT's label files
CHECKSUM_MEMBER = "program.sha256"  # of the program; LiteRT does not notice changed weights
_WRITTEN_BY = "catdog export writes such a file."


def write_litert_file(path: Path, program: bytes, metadata: ModelMetadata) -> None:
    """Write a program and, in an archive behind it, its labels, metadata and checksum."""
    path.write_bytes(program)
    with zipfile.ZipFile(path, "a") as archive:
        lines = [printable(name) + "\n" for name in metadata.class_names]
        archive.writestr(LABELS_MEMBER, "".join(lines))
        archive.writestr(CATDOG_MEMBER, metadata_to_json(metadata))
        archive.writestr(CHECKSUM_MEMBER, hashlib.sha256(program).hexdigest())


def open_exported(path: str | PathLike[str]) -> Scorer:
    """Open a LiteRT file that `export_model` wrote.

    Returns:
        What scores images, by the class names and the image size in the file. The temperature is
        part of the program.

    Raises:
        FileNotFoundError: If the file does not exist.
        IsADirectoryError: If it is a folder.
        OSError: If it cannot be read.
        ValueError: If it is damaged, or `export_model` did not write it.
    """
    file = checks.check_path("path", path, example=f"model{SUFFIX}")
    if not file.is_file():
        is_folder = file.is_dir()
        raise (FileExpectedError if is_folder else MissingFileError)(
            "is a folder" if is_folder else "does not exist",
            argument="path",
            value=str(path),
            hint=_WRITTEN_BY,
        )
    content = file.read_bytes()
    try:
        program, class_names = _read(content)
        interpreters = Interpreters(program)
        image_size = _check_signature(interpreters.first, len(class_names))
    except (AttributeError, KeyError, RuntimeError, ValueError, zipfile.BadZipFile) as error:
        raise InvalidValueError(
            f"{path} is damaged, or not a file that export_model wrote ({error})",
            hint=f"Copy it again. {_WRITTEN_BY}",
        ) from error

    def probabilities_of(outputs: NDArray[np.float32]) -> Floats:
        probabilities = outputs.astype(np.float64)
        probabilities /= probabilities.sum(axis=1, keepdims=True)  # which float32 rounded
        return probabilities

    # Each interpreter runs one image at a time, so larger batches would only answer later.
    compute = Compute(interpreters.compute, interpreters.run)
    return Scorer(class_names, image_size, interpreters.count, compute, probabilities_of)


def open_bundled(name: str) -> Scorer:
    """Open the exported file of a model that comes with catdog; see `open_exported`.

    Args:
        name: Name of the model, one of `EXPORTS`.

    Raises:
        OSError: If the file is missing or damaged.
    """
    assert name in EXPORTS
    try:
        return open_exported(FOLDER / f"{name}{SUFFIX}")
    except (OSError, ValueError) as error:
        raise FileAccessError(
            f"Cannot read a part of catdog: {str(error).removesuffix(_WRITTEN_BY)}",
            hint=REINSTALL_HINT,
        ) from error


def _read(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the program and the class names in a file; raise if a part is not as it was written.

    Files of catdog before metadata was added have labels alone.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > MAX_TEXT_BYTES:
            raise ValueError(f"its texts have more than {MAX_TEXT_BYTES:,} bytes")
        texts = {member.filename: archive.read(member) for member in members}
    program = content[: min(member.header_offset for member in members)]
    checksum = texts.get(CHECKSUM_MEMBER)
    if checksum and checksum.decode() != hashlib.sha256(program).hexdigest():
        raise ValueError("its checksum is wrong")
    if CATDOG_MEMBER in texts:
        return program, metadata_from_json(texts[CATDOG_MEMBER]).class_names
    return program, check_class_names(texts[LABELS_MEMBER].decode().splitlines())


def _check_signature(interpreter: Any, classes: int) -> ImageSize:
    """Return the size of the images that a program takes; raise if it is not one of catdog's."""
    expected = {"inputs": [INPUT], "outputs": [OUTPUT]}
    if list(interpreter.get_signature_list().values()) != [expected]:
        raise ValueError(f"it does not compute {OUTPUT} from {INPUT}")
    (taken,), (returned,) = interpreter.get_input_details(), interpreter.get_output_details()
    _, height, width, channels = taken["shape"].tolist()
    if channels != 3 or returned["shape"].tolist()[1:] != [classes]:
        raise ValueError(f"it does not take RGB images, or has not {classes} classes")
    return height, width
