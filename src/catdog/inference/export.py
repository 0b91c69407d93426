"""A model as a file that runs without catdog and Keras: SavedModel, LiteRT, ONNX."""

import errno
import os
from collections.abc import Sequence
from importlib import import_module
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import (
    BackendError,
    ExistingFileError,
    InvalidTypeError,
    InvalidValueError,
)
from catdog._utils.files import atomic_write
from catdog._utils.keras_internals import RANDOM_OP_PARTS
from catdog._utils.public import public
from catdog.data.datasets import Datasets
from catdog.images.inputs import ImageSource, read_pixels
from catdog.inference.export_formats import RUNTIMES, Program, Runtime
from catdog.inference.predict import predict
from catdog.matching import resize_to_model
from catdog.models.logits import check_classifier
from catdog.models.metadata import get_metadata, get_trained_size, resolve_class_names
from catdog.models.saving import check_target
from catdog.typing import ExportFormat, Floats, ImageSize

SUFFIXES: dict[str, ExportFormat] = {"": "saved_model", ".tflite": "litert", ".onnx": "onnx"}

N_CHECK_IMAGES = 16  # images
PATTERN_CELLS = 6  # cells a side of those that are drawn
# Floats are rounded again where a runtime folds weights together. Relative, so that a model that is
# sure of everything is checked as well; a probability below ABSOLUTE is as good as 0.
RELATIVE, ABSOLUTE = 1e-2, 1e-20


@public
def export_model(
    model: keras.Model,
    path: "str | PathLike[str]",
    *,
    format: ExportFormat | None = None,
    class_names: Sequence[str] | None = None,
    data: Datasets | None = None,
) -> None:
    """Write a model so that it runs elsewhere, without catdog and Keras.

    The file takes `images`, pixels `float32` `(batch, height, width, 3)` in `[0, 255]`, and
    answers `probabilities`, `float32` `(batch, classes)`, as `predict` does: calibration is inside.
    Augmentation and dropout are not. The names of the classes are in the file.

    Before the file is put in its place, its own runtime runs it on 16 images. Each probability
    must be that of `predict`, up to 1 % of it.

    Args:
        model: Returns logits, as every model of the zoo does.
        path: Where to, in a folder that exists: a new folder for a SavedModel, a file `.tflite` for
            LiteRT, a file `.onnx` for ONNX. A file that is there already is replaced.
        format: `"saved_model"`, `"litert"` or `"onnx"`; told from `path` if `None`. ONNX needs
            `pip install "catdog[onnx]"`.
        class_names: Names of the classes, in the order of their labels. A model that catdog has
            trained, or opened, knows them.
        data: Check with validation images of these, instead of coarse patterns drawn at random.

    Raises:
        FileExistsError: If the folder for a SavedModel exists already.
        FileNotFoundError: If the folder of `path` does not exist.
        ImportError: If the packages for ONNX are not installed.
        IsADirectoryError: If `path` is a folder, but the format is a file.
        OSError: If the file cannot be written.
        RuntimeError: If the exported file answers something else than `predict`. There is no file
            then, or the one that was there before. Also, if Keras does not run on TensorFlow.
        TypeError: If `path` is no path, or `data` no `Datasets`.
        ValueError: If the format is unknown or does not go with the suffix of `path`, this is a
            device, the model does not return logits or acts at random outside training, its classes
            have no names, it holds a layer that the format cannot hold, or an image of `data`
            cannot be read.

    Example:
        ```python
        from catdog import build_model, export_model, load_datasets, train

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(32, 32))
        train(model, data, epochs=1)
        export_model(model, "cats_and_dogs.tflite", data=data)
        ```
    """
    size, classes = check_classifier(model)
    metadata = get_metadata(model)
    names = resolve_class_names(class_names, metadata, classes)
    size = size or get_trained_size(metadata)
    chosen = _choose_format(path, format)
    runtime = RUNTIMES[chosen]
    target = _check_target(path, is_folder=chosen == "saved_model")
    _check_backend()
    if chosen == "onnx":
        _check_onnx()
    images = _read_images(model, data, size)

    def make(scratch: Path) -> None:
        with tf.device("CPU"):  # a GPU rounds more coarsely
            program = Program(model, size, names)
            _refuse_random(program)
            answers = _write_and_run(runtime, program, scratch, images)
            expected = predict(model, images, class_names=names, verbose=0)
        _compare(answers, np.stack([answer.probabilities for answer in expected]), runtime.name)

    atomic_write(target, make)


def _choose_format(path: "str | PathLike[str]", given: ExportFormat | None) -> ExportFormat:
    """Return the format that was asked for, if the suffix of the path goes with it."""
    if not isinstance(path, str | PathLike) or not str(path):
        raise InvalidTypeError(
            f"must be a path, such as 'model.tflite', not {path!r}", argument="path"
        )
    suffix = Path(path).suffix
    told = SUFFIXES.get(suffix)
    if given is None:
        if told is None:
            raise InvalidValueError(
                "does not tell the format",
                argument="path",
                value=str(path),
                hint=(
                    "End it in .tflite for LiteRT or .onnx for ONNX, or pass "
                    'format="saved_model" for a folder of that name.'
                ),
            )
        return told
    chosen = checks.check_choice("format", given, RUNTIMES)
    if chosen != (told or "saved_model"):
        wanted = next(suffix for suffix, name in SUFFIXES.items() if name == chosen)
        raise InvalidValueError(
            f"does not go with format={chosen!r}",
            argument="path",
            value=str(path),
            hint=f"Call it {Path(path).with_suffix(wanted).name!r}, say, or leave format out.",
        )
    return chosen


def _check_target(path: "str | PathLike[str]", *, is_folder: bool) -> Path:
    """Return where the file or folder is to be, if it may be there."""
    target = checks.expand_home(path).resolve()
    if is_folder and target.exists():
        raise ExistingFileError(
            "exists already, and no folder is replaced",
            argument="path",
            value=str(path),
            hint="Remove it, or choose another name.",
        )
    check_target(path, target)
    return target


def _check_backend() -> None:
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise BackendError(
            f"export_model needs Keras on TensorFlow, but it runs on {backend}",
            hint=(
                "Save the model, and export it from a Python that was started with "
                "KERAS_BACKEND=tensorflow."
            ),
        )


def _check_onnx() -> None:
    try:
        for package in ("onnx", "onnxruntime", "tf2onnx"):
            import_module(package)
    except ImportError as error:
        raise ImportError(
            f'To export to ONNX, install more packages: pip install "catdog[onnx]" ({error})'
        ) from error


def _read_images(model: keras.Model, data: Datasets | None, size: ImageSize) -> NDArray[Any]:
    """Return the images to check with, `(n, height, width, 3)`, `uint8` in `[0, 255]`."""
    if data is None:
        rng = np.random.default_rng(0)
        drawn = rng.integers(
            0, 256, (N_CHECK_IMAGES, PATTERN_CELLS, PATTERN_CELLS, 3), dtype=np.uint8
        )
        sources = [ImageSource(cells, "a drawn image") for cells in drawn]
    else:
        paths = resize_to_model(model, data).paths("validation")
        some = np.linspace(
            0, len(paths) - 1, min(N_CHECK_IMAGES, len(paths)), dtype=int
        )  # of all classes
        sources = [ImageSource(paths[i], str(paths[i])) for i in some]
    return np.stack([read_pixels(source, size) for source in sources])


def _write_and_run(runtime: Runtime, program: Program, path: Path, images: NDArray[Any]) -> Floats:
    """Return what the exported file answers, shape `(n, classes)`."""
    try:
        runtime.write(program, path)
        return runtime.run(path, images)
    except OSError:
        raise
    except Exception as error:  # whatever converters and runtimes raise
        if (full := os.strerror(errno.ENOSPC)) in str(error):  # TensorFlow's are no OSError
            raise OSError(errno.ENOSPC, full, path.name) from error
        raise InvalidValueError(
            f"cannot be exported as {runtime.name}, which may not know one of its layers",
            argument="model",
            hint=(
                "Try format='saved_model', which holds whatever TensorFlow computes. The "
                f"converter says: {error}"
            ),
        ) from error


def _compare(answers: Floats, expected: Floats, runtime: str) -> None:
    """Refuse a file that does not answer what `predict` does."""
    wrong = ~np.isclose(answers, expected, rtol=RELATIVE, atol=ABSOLUTE)
    if wrong.any():
        image, label = np.argwhere(wrong)[0]
        raise BackendError(
            f"The exported {runtime} does not answer what predict does, so it was not "
            f"kept: of one of {len(expected)} images, the probability of class {label} is "
            f"{answers[image, label]:.4g} instead of {expected[image, label]:.4g}",
            hint=(
                "Does a layer of the model compute in half precision, or in Python? If not, "
                "please report it."
            ),
        )


def _refuse_random(program: Program) -> None:
    """Refuse what draws random numbers; a file has the model's seeds, and would seem to agree."""
    graph = program.answer.get_concrete_function().graph.as_graph_def()
    nodes = chain(graph.node, *(body.node_def for body in graph.library.function))
    if random := sorted(
        {node.op for node in nodes if any(part in node.op for part in RANDOM_OP_PARTS)}
    ):
        raise InvalidValueError(
            f"acts at random outside training, too ({', '.join(random)})",
            argument="model",
            hint=(
                "Give the layer that does a `training` argument, and let it be still if that "
                "is False."
            ),
        )
