"""Export a model to a file that runs without catdog and Keras."""

from __future__ import annotations

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
    HintCode,
    InvalidValueError,
    MissingPackageError,
)
from catdog._utils.files import atomic_write
from catdog._utils.keras_internals import RANDOM_OP_PARTS
from catdog._utils.public import public
from catdog.data.datasets import Datasets
from catdog.images.inputs import ImageSource, read_pixels
from catdog.inference.classify import check_threshold
from catdog.inference.export_formats import RUNTIMES, Program, Runtime
from catdog.inference.predict import predict
from catdog.matching import resize_to_model
from catdog.models.logits import check_classifier
from catdog.models.metadata import get_metadata, get_trained_size, resolve_class_names
from catdog.models.own_inference import check_layers_answer
from catdog.models.randomness import DRAW_FOR_TRAINING_ONLY
from catdog.models.saving import check_target
from catdog.typing import ExportFormat, Floats, ImageSize

SUFFIXES: dict[str, ExportFormat] = {
    "": "saved_model",
    ".tflite": "litert",
    ".onnx": "onnx",
    ".html": "html",
}

N_CHECK_IMAGES = 16  # images
PATTERN_CELLS = 6  # cells in a row or column of a random pattern
# Of a probability. Runtimes fold weights together, which rounds them again. The tolerance is
# relative, so that small probabilities are compared too.
RELATIVE_TOLERANCE = 1e-2
ABSOLUTE_TOLERANCE = 1e-20  # a probability below this counts as 0


@public
def export_model(
    model: keras.Model,
    path: str | PathLike[str],
    *,
    format: ExportFormat | None = None,
    class_names: Sequence[str] | None = None,
    data: Datasets | None = None,
    unsure_below: float | None = None,
) -> None:
    """Export a model to a file that runs without catdog and Keras.

    A web page (`.html`) is one file that classifies images in a browser, opened from the disk and
    without a network. The other formats are for programs.

    The exported function takes `images`, `float32` `(batch, height, width, 3)` in `[0, 255]`, and
    returns `probabilities`, `float32` `(batch, classes)`, with temperature scaling and without
    augmentation and dropout. The file also contains the class names.

    Before the file is moved to `path`, the runtime of its format runs it on up to 16 images. Each
    probability must be within 1 % of that of `predict`. For a web page, TensorFlow runs what is in
    the file, since there may be no browser.

    Args:
        model: Returns logits, as every model of the zoo does.
        path: Path of the export, in a folder that exists: a new folder for a SavedModel, a file
            `.tflite` for LiteRT, a file `.onnx` for ONNX, a file `.html` for a web page. An
            existing file is replaced.
        format: `"saved_model"`, `"litert"`, `"onnx"` or `"html"`; if `None`, the suffix of `path`
            determines it. ONNX needs `pip install ".[onnx]"`, in a copy of the source.
        class_names: Names of the classes, in the order of their labels. Not needed for a model that
            was trained or loaded by catdog: its metadata holds them.
        data: Compare the probabilities on its validation images instead of random patterns.
        unsure_below: Let a web page abstain ("unsure") below this probability, above 0 and at most
            1, until its user chooses another. See `coverage_curve`.

    Raises:
        FileExistsError: If the folder for a SavedModel exists.
        FileNotFoundError: If the folder of `path` does not exist.
        ImportError: If the packages for ONNX are not installed.
        IsADirectoryError: If `path` is a folder, but the format is a file.
        OSError: If the file cannot be written.
        RuntimeError: If the probabilities differ from those of `predict` (an existing file is
            kept), or Keras' backend is not TensorFlow.
        TypeError: If `path` is not a path, or `data` is not a `Datasets`.
        ValueError: If the format is unknown or does not match the suffix of `path`, `path` is a
            device, the model does not return logits, is random outside training or has a
            `predict_step` of its own, its classes have no names, the format does not support one
            of its layers, an image of `data` cannot be read, or `unsure_below` is out of its range
            or passed for another format than a page.

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
    check_layers_answer(model, "an exported file")
    metadata = get_metadata(model)
    names = resolve_class_names(class_names, metadata, classes)
    size = size or get_trained_size(metadata)
    chosen = _choose_format(path, format)
    runtime = RUNTIMES[chosen]
    threshold = _check_threshold(unsure_below, chosen)
    target = _check_target(path, is_folder=chosen == "saved_model")
    _check_backend()
    if chosen == "onnx":
        _check_onnx()
    images = _read_images(model, data, size)

    def make(scratch: Path) -> None:
        with tf.device("CPU"):  # a GPU rounds more coarsely
            program = Program(model, size, names, threshold)
            _check_deterministic(program)
            exported = _write_and_run(runtime, program, scratch, images)
            predictions = predict(model, images, class_names=names, verbose=0)
        expected = np.stack([prediction.probabilities for prediction in predictions])
        _check_equal(exported, expected, runtime.name)

    atomic_write(target, make)


def _choose_format(path: str | PathLike[str], given: ExportFormat | None) -> ExportFormat:
    """Return the format, and check that the suffix of the path matches it."""
    suffix = checks.check_path("path", path, example="model.tflite").suffix
    by_suffix = SUFFIXES.get(suffix)
    if given is None:
        if by_suffix is None:
            raise InvalidValueError(
                "has a suffix of no export format",
                argument="path",
                value=str(path),
                hint=(
                    "End it in .tflite for LiteRT, .onnx for ONNX or .html for a web page, or pass "
                    'format="saved_model" for a folder of that name.'
                ),
                hint_code=HintCode.NAME_EXPORT,
            )
        return by_suffix
    chosen = checks.check_choice("format", given, RUNTIMES)
    if chosen != (by_suffix or "saved_model"):
        wanted = next(suffix for suffix, name in SUFFIXES.items() if name == chosen)
        example = f"{Path(path).stem or 'model'}{wanted}"
        raise InvalidValueError(
            f"does not match format={chosen!r}",
            argument="path",
            value=str(path),
            hint=f"Name it {example!r}, for example, or omit format.",
        )
    return chosen


def _check_threshold(unsure_below: float | None, chosen: ExportFormat) -> float:
    """Return the threshold of a page as a number; 0 for `None`."""
    if unsure_below is not None and chosen != "html":
        raise InvalidValueError(
            f"is for web pages, and this is an export as {RUNTIMES[chosen].name}",
            argument="unsure_below",
            value=unsure_below,
            hint="Name the file .html, or compare the probabilities where the export is used.",
        )
    return check_threshold(unsure_below)


def _check_target(path: str | PathLike[str], *, is_folder: bool) -> Path:
    """Return the absolute path of the file or folder, and check that it can be written."""
    target = checks.expand_home(path).resolve()
    if is_folder and target.exists():
        raise ExistingFileError(
            "exists already, and folders are not replaced",
            argument="path",
            value=str(path),
            hint="Remove it, or choose another name.",
        )
    check_target(path, target)
    return target


def _check_backend() -> None:
    """Raise if Keras does not run on TensorFlow."""
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise BackendError(
            f"export_model needs Keras on TensorFlow, but Keras runs on {backend}",
            hint=(
                "Save the model, and export it from a Python that was started with "
                "KERAS_BACKEND=tensorflow."
            ),
        )


def _check_onnx() -> None:
    """Raise if a package for ONNX is missing."""
    try:
        for package in ("onnx", "onnxruntime", "tf2onnx"):
            import_module(package)
    except ImportError as error:
        raise MissingPackageError(
            f"Export to ONNX needs more packages ({error})",
            hint='Install them, in a copy of the source of catdog: pip install ".[onnx]".',
        ) from error


def _read_images(model: keras.Model, data: Datasets | None, size: ImageSize) -> NDArray[Any]:
    """Return the images for the comparison, `(n, height, width, 3)`, `uint8` in `[0, 255]`."""
    if data is None:
        shape = (N_CHECK_IMAGES, PATTERN_CELLS, PATTERN_CELLS, 3)
        patterns = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        sources = [ImageSource(pattern, "a random pattern") for pattern in patterns]
    else:
        paths = resize_to_model(model, data).paths("validation")
        count = min(N_CHECK_IMAGES, len(paths))
        positions = np.linspace(0, len(paths) - 1, count, dtype=int)  # so of all classes
        sources = [ImageSource(paths[i], str(paths[i])) for i in positions]
    return np.stack([read_pixels(source, size) for source in sources])


def _write_and_run(runtime: Runtime, program: Program, path: Path, images: NDArray[Any]) -> Floats:
    """Export a program, and return the probabilities of the file, shape `(n, classes)`."""
    try:
        runtime.write(program, path)
        return runtime.run(path, images)
    except OSError:
        raise
    except Exception as error:  # converters and runtimes raise many types
        if (full := os.strerror(errno.ENOSPC)) in str(error):  # TensorFlow does not raise OSError
            raise OSError(errno.ENOSPC, full, path.name) from error
        hint = (
            "It may help to save the model, to load it, and to export the loaded one. "
            if runtime is RUNTIMES["saved_model"]
            else "Try format='saved_model', which supports all operations of TensorFlow. "
        )
        raise InvalidValueError(
            f"cannot be exported as {runtime.name}, which may not support one of its layers",
            argument="model",
            hint=f"{hint}The converter says: {error}",
        ) from error


def _check_equal(exported: Floats, expected: Floats, runtime: str) -> None:
    """Raise if probabilities of the exported file differ from those of `predict`."""
    wrong = ~np.isclose(exported, expected, rtol=RELATIVE_TOLERANCE, atol=ABSOLUTE_TOLERANCE)
    if wrong.any():
        image, label = np.argwhere(wrong)[0]
        raise BackendError(
            f"The probabilities of the exported {runtime} differ from those of predict, so it was "
            f"not kept: for one of {len(expected)} images, the probability of class {label} is "
            f"{exported[image, label]:.4g} instead of {expected[image, label]:.4g}",
            hint=(
                "Does a layer of the model compute in half precision, or in Python? If not, "
                "please report it."
            ),
        )


def _check_deterministic(program: Program) -> None:
    """Raise if a model draws random numbers outside training.

    The comparison with `predict` may miss them: the file begins with the seeds of the model.
    """
    graph = program.compute.get_concrete_function().graph.as_graph_def()
    nodes = chain(graph.node, *(body.node_def for body in graph.library.function))
    if random := sorted(
        {node.op for node in nodes if any(part in node.op for part in RANDOM_OP_PARTS)}
    ):
        raise InvalidValueError(
            f"is random outside training too ({', '.join(random)})",
            argument="model",
            hint=DRAW_FOR_TRAINING_ONLY,
        )
