"""A model as a file that runs without catdog and Keras: SavedModel, LiteRT, ONNX."""

import errno
import json
import os
import warnings
import zipfile
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from typing_extensions import TypeAliasType

from catdog import _checks
from catdog._atomic import write_whole
from catdog._card import card_of, class_names_of, temperature_of, trained_size
from catdog._logits import check_classifier
from catdog._pictures import Source, read_pixels
from catdog._text import printable
from catdog._types import Floats, ImageSize
from catdog.data import Datasets
from catdog.data._datasets import serve_to
from catdog.prediction import predict
from catdog.saving import check_target

ExportFormat = TypeAliasType("ExportFormat", Literal["saved_model", "litert", "onnx"])
SUFFIXES: dict[str, ExportFormat] = {"": "saved_model", ".tflite": "litert", ".onnx": "onnx"}

INPUT, OUTPUT = "images", "probabilities"
CLASS_NAMES = "class_names"  # a signature of the SavedModel, an entry of ONNX's metadata
LABELS_MEMBER = "labels.txt"  # as the label files of LiteRT are called
CHECKED = 16  # pictures
RANDOM = ("Random", "TruncatedNormal", "Multinomial")  # parts of TensorFlow's names
COARSE = 6  # cells a side of those that are drawn
# Floats are rounded anew where a runtime folds weights together. Relative, so that a model that is
# sure of everything is checked as well; a probability below ABSOLUTE is as good as 0.
RELATIVE, ABSOLUTE = 1e-2, 1e-20


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

    Before the file is put in its place, its own runtime runs it on 16 pictures. Each probability
    must be that of `predict`, up to 1 % of it.

    Args:
        model: Returns logits, as every model of the zoo does.
        path: Where to, in a folder that exists: a new folder for a SavedModel, a file `.tflite` for
            LiteRT, a file `.onnx` for ONNX. A file that is there already is replaced.
        format: `"saved_model"`, `"litert"` or `"onnx"`; told from `path` if `None`. ONNX needs
            `pip install "catdog[onnx]"`.
        class_names: Names of the classes, in the order of their labels. A model that catdog has
            trained, or opened, knows them.
        data: Check with validation pictures of these, instead of coarse patterns drawn at random.

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
            have no names, it holds a layer that the format cannot hold, or a picture of `data`
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
    card = card_of(model)
    names = class_names_of(class_names, card, classes)
    size = size or trained_size(card)
    chosen = _choose_format(path, format)
    runtime = _RUNTIMES[chosen]
    target = _check_target(path, is_folder=chosen == "saved_model")
    _check_backend()
    if chosen == "onnx":
        _check_onnx()
    pictures = _read_pictures(model, data, size)

    def make(scratch: Path) -> None:
        with tf.device("CPU"):  # a GPU rounds more coarsely
            program = _Program(model, size, names)
            _refuse_random(program)
            answers = _write_and_run(runtime, program, scratch, pictures)
            expected = predict(model, pictures, class_names=names, verbose=0)
        _compare(answers, np.stack([answer.probabilities for answer in expected]), runtime.name)

    write_whole(target, make)


def _choose_format(path: "str | PathLike[str]", given: ExportFormat | None) -> ExportFormat:
    """Return the format that was asked for, if the suffix of the path goes with it."""
    if not isinstance(path, str | PathLike) or not str(path):
        raise TypeError(f"path must be a path, such as 'model.tflite', not {path!r}.")
    suffix = Path(path).suffix
    told = SUFFIXES.get(suffix)
    if given is None:
        if told is None:
            raise ValueError(
                f"path={str(path)!r} does not tell the format. End it in .tflite for LiteRT or "
                '.onnx for ONNX, or pass format="saved_model" for a folder of that name.'
            )
        return told
    chosen = _checks.check_choice("format", given, _RUNTIMES)
    if chosen != (told or "saved_model"):
        wanted = next(suffix for suffix, name in SUFFIXES.items() if name == chosen)
        raise ValueError(
            f"path={str(path)!r} does not go with format={chosen!r}. Call it "
            f"{Path(path).with_suffix(wanted).name!r}, say, or leave format out."
        )
    return chosen


def _check_target(path: "str | PathLike[str]", *, is_folder: bool) -> Path:
    """Return where the file or folder is to be, if it may be there."""
    target = _checks.expand_home(path).resolve()
    if is_folder and target.exists():
        raise FileExistsError(
            f"path={str(path)!r} exists already, and no folder is replaced. Remove it, or choose "
            "another name."
        )
    check_target(path, target)
    return target


def _check_backend() -> None:
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise RuntimeError(
            f"export_model needs Keras on TensorFlow, but it runs on {backend}. Save the model, "
            "and export it from a Python that was started with KERAS_BACKEND=tensorflow."
        )


def _check_onnx() -> None:
    try:
        for package in ("onnx", "onnxruntime", "tf2onnx"):
            import_module(package)
    except ImportError as error:
        raise ImportError(
            f'To export to ONNX, install more packages: pip install "catdog[onnx]" ({error})'
        ) from error


def _read_pictures(model: keras.Model, data: Datasets | None, size: ImageSize) -> NDArray[Any]:
    """Return the pictures to check with, `(n, height, width, 3)`, `uint8` in `[0, 255]`."""
    if data is None:
        rng = np.random.default_rng(0)
        drawn = rng.integers(0, 256, (CHECKED, COARSE, COARSE, 3), dtype=np.uint8)
        sources = [Source(cells, "a drawn picture") for cells in drawn]
    else:
        paths = serve_to(model, data).paths("validation")
        some = np.linspace(0, len(paths) - 1, min(CHECKED, len(paths)), dtype=int)  # of all classes
        sources = [Source(paths[i], str(paths[i])) for i in some]
    return np.stack([read_pixels(source, size) for source in sources])


def _write_and_run(
    runtime: "_Runtime", program: "_Program", path: Path, pictures: NDArray[Any]
) -> Floats:
    """Return what the exported file answers, shape `(n, classes)`."""
    try:
        runtime.write(program, path)
        return runtime.run(path, pictures)
    except OSError:
        raise
    except Exception as error:  # whatever converters and runtimes raise
        if (full := os.strerror(errno.ENOSPC)) in str(error):  # TensorFlow's are no OSError
            raise OSError(errno.ENOSPC, full, path.name) from error
        raise ValueError(
            f"model cannot be exported as {runtime.name}, which may not know one of its layers. "
            "Try format='saved_model', which holds whatever TensorFlow computes. The converter "
            f"says: {error}"
        ) from error


def _compare(answers: Floats, expected: Floats, runtime: str) -> None:
    """Refuse a file that does not answer what `predict` does."""
    wrong = ~np.isclose(answers, expected, rtol=RELATIVE, atol=ABSOLUTE)
    if wrong.any():
        picture, label = np.argwhere(wrong)[0]
        raise RuntimeError(
            f"The exported {runtime} does not answer what predict does, so it was not kept: of "
            f"one of {len(expected)} pictures, the probability of class {label} is "
            f"{answers[picture, label]:.4g} instead of {expected[picture, label]:.4g}. Does a "
            "layer of the model compute in half precision, or in Python? If not, please report it."
        )


class _Program:
    """What is exported: a model from pictures of one size to probabilities, never in training."""

    def __init__(self, model: keras.Model, size: ImageSize, class_names: tuple[str, ...]) -> None:
        temperature = temperature_of(model)

        def answer(images: Any) -> dict[str, Any]:
            logits = tf.cast(model(images, training=False), tf.float32)
            return {OUTPUT: tf.nn.softmax(logits / temperature)}

        self.model = model
        self.class_names = class_names
        self.images = tf.TensorSpec((None, *size, 3), tf.float32, name=INPUT)
        self.answer = tf.function(answer, input_signature=[self.images])

    def freeze(self) -> Any:
        """Return the function with all weights in it, as converters want it.

        Without, LiteRT's takes several times as long, and tf2onnx asks for what some layers hold.
        """
        frozen = convert_variables_to_constants_v2(self.answer.get_concrete_function())
        return tf.function(
            lambda images: {OUTPUT: frozen(images)[0]}, input_signature=[self.images]
        )


def _refuse_random(program: _Program) -> None:
    """Refuse what draws random numbers; a file has the model's seeds, and would seem to agree."""
    graph = program.answer.get_concrete_function().graph.as_graph_def()
    nodes = chain(graph.node, *(body.node_def for body in graph.library.function))
    if random := sorted({node.op for node in nodes if any(part in node.op for part in RANDOM)}):
        raise ValueError(
            f"model acts at random outside training, too ({', '.join(random)}). Give the layer "
            "that does a `training` argument, and let it be still if that is False."
        )


def _write_saved_model(program: _Program, path: Path) -> None:
    archive = keras.export.ExportArchive()
    archive.track(program.model)
    archive.add_endpoint("serve", program.answer, input_signature=[program.images])
    names = tf.constant(program.class_names)
    archive.add_endpoint(CLASS_NAMES, lambda: {CLASS_NAMES: names}, input_signature=[])
    archive.write_out(str(path), verbose=False)


def _run_saved_model(path: Path, pictures: NDArray[Any]) -> Floats:
    loaded = tf.saved_model.load(str(path))  # while it lives, its variables do
    serve = loaded.signatures["serving_default"]
    return np.asarray(serve(**{INPUT: tf.constant(pictures, tf.float32)})[OUTPUT], np.float64)


def _write_litert(program: _Program, path: Path) -> None:
    """Write the program, and behind it a zip archive with the labels: readers know of both."""
    folder = path.with_name("frozen")
    module = tf.Module()
    module.answer = program.freeze()
    without = tf.saved_model.SaveOptions(experimental_custom_gradients=False)  # they do not freeze
    tf.saved_model.save(module, str(folder), module.answer, without)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    path.write_bytes(converter.convert())
    with zipfile.ZipFile(path, "a") as archive:
        lines = [printable(name) + "\n" for name in program.class_names]
        archive.writestr(LABELS_MEMBER, "".join(lines))


def _run_litert(path: Path, pictures: NDArray[Any]) -> Floats:
    with warnings.catch_warnings():  # TensorFlow says that it moves to a package of its own
        warnings.simplefilter("ignore")
        answer = tf.lite.Interpreter(model_path=str(path)).get_signature_runner()
    # Half of them one by one, as on a phone, the others at once.
    images = pictures.astype(np.float32)
    half = len(images) // 2
    batches = [*np.split(images[:half], half), images[half:]] if half else [images]
    return np.concatenate([answer(**{INPUT: batch})[OUTPUT] for batch in batches], dtype=np.float64)


def _write_onnx(program: _Program, path: Path) -> None:
    import onnx
    import tf2onnx

    converted, _ = tf2onnx.convert.from_function(program.freeze(), [program.images])
    onnx.helper.set_model_props(converted, {CLASS_NAMES: json.dumps(program.class_names)})
    onnx.save(converted, path)


def _run_onnx(path: Path, pictures: NDArray[Any]) -> Floats:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (answers,) = session.run([OUTPUT], {INPUT: pictures.astype(np.float32)})
    return np.asarray(answers, np.float64)


class _Runtime(NamedTuple):
    """A format, and what runs it."""

    name: str
    write: Callable[[_Program, Path], None]
    run: Callable[[Path, NDArray[Any]], Floats]


_RUNTIMES: dict[ExportFormat, _Runtime] = {
    "saved_model": _Runtime("SavedModel", _write_saved_model, _run_saved_model),
    "litert": _Runtime("LiteRT", _write_litert, _run_litert),
    "onnx": _Runtime("ONNX", _write_onnx, _run_onnx),
}
