"""The formats a model is exported to: how each is written, and how its own runtime runs it."""

import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog._utils.keras_internals import freeze_variables
from catdog._utils.text import printable
from catdog.models.metadata import get_temperature
from catdog.typing import ExportFormat, Floats, ImageSize

INPUT, OUTPUT = "images", "probabilities"
CLASS_NAMES = "class_names"  # a signature of the SavedModel, an entry of ONNX's metadata
LABELS_MEMBER = "labels.txt"  # as the label files of LiteRT are called


class Program:
    """What is exported: a model from images of one size to probabilities, never in training."""

    def __init__(self, model: keras.Model, size: ImageSize, class_names: tuple[str, ...]) -> None:
        """Wrap a model of the image size `size`; logits are scaled by its temperature."""
        temperature = get_temperature(model)

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
        frozen = freeze_variables(self.answer.get_concrete_function())
        return tf.function(
            lambda images: {OUTPUT: frozen(images)[0]}, input_signature=[self.images]
        )


def _write_saved_model(program: Program, path: Path) -> None:
    archive = keras.export.ExportArchive()
    archive.track(program.model)
    archive.add_endpoint("serve", program.answer, input_signature=[program.images])
    names = tf.constant(program.class_names)
    archive.add_endpoint(CLASS_NAMES, lambda: {CLASS_NAMES: names}, input_signature=[])
    archive.write_out(str(path), verbose=False)


def _run_saved_model(path: Path, images: NDArray[Any]) -> Floats:
    loaded = tf.saved_model.load(str(path))  # while it lives, its variables do
    serve = loaded.signatures["serving_default"]
    return np.asarray(serve(**{INPUT: tf.constant(images, tf.float32)})[OUTPUT], np.float64)


def _write_litert(program: Program, path: Path) -> None:
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


def _run_litert(path: Path, images: NDArray[Any]) -> Floats:
    with warnings.catch_warnings():  # TensorFlow says that it moves to a package of its own
        warnings.simplefilter("ignore")
        answer = tf.lite.Interpreter(model_path=str(path)).get_signature_runner()
    # Half of them one by one, as on a phone, the others at once.
    images = images.astype(np.float32)
    half = len(images) // 2
    batches = [*np.split(images[:half], half), images[half:]] if half else [images]
    return np.concatenate([answer(**{INPUT: batch})[OUTPUT] for batch in batches], dtype=np.float64)


def _write_onnx(program: Program, path: Path) -> None:
    import onnx
    import tf2onnx

    converted, _ = tf2onnx.convert.from_function(program.freeze(), [program.images])
    onnx.helper.set_model_props(converted, {CLASS_NAMES: json.dumps(program.class_names)})
    onnx.save(converted, path)


def _run_onnx(path: Path, images: NDArray[Any]) -> Floats:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (answers,) = session.run([OUTPUT], {INPUT: images.astype(np.float32)})
    return np.asarray(answers, np.float64)


class Runtime(NamedTuple):
    """A format, and what runs it."""

    name: str
    write: Callable[[Program, Path], None]
    run: Callable[[Path, NDArray[Any]], Floats]


RUNTIMES: dict[ExportFormat, Runtime] = {
    "saved_model": Runtime("SavedModel", _write_saved_model, _run_saved_model),
    "litert": Runtime("LiteRT", _write_litert, _run_litert),
    "onnx": Runtime("ONNX", _write_onnx, _run_onnx),
}
