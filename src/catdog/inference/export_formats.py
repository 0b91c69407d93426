"""The export formats: how a file of each is written, and how the format's runtime runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog._utils.keras_internals import freeze_variables
from catdog._utils.text import printable
from catdog.inference.interpreter import make_interpreter
from catdog.inference.litert_file import INPUT, OUTPUT, write_litert_file
from catdog.inference.web_model import convert, restore
from catdog.inference.web_page import OPERATIONS, PageContent, make_page, read_model
from catdog.models.metadata import ModelMetadata, get_metadata, get_model_name, get_temperature
from catdog.typing import ExportFormat, Floats, ImageSize

CLASS_NAMES = "class_names"  # a signature of the SavedModel, an entry of ONNX's metadata


class Program:
    """What is exported: a function from images of one size to probabilities, at inference."""

    def __init__(
        self,
        model: keras.Model,
        size: ImageSize,
        class_names: tuple[str, ...],
        unsure_below: float = 0.0,
    ) -> None:
        """Wrap a model of the image size `size`; logits are divided by its temperature."""
        temperature = get_temperature(model)

        def compute(images: Any) -> dict[str, Any]:
            logits = tf.cast(model(images, training=False), tf.float32)
            return {OUTPUT: tf.nn.softmax(logits / temperature)}

        self.model = model
        self.unsure_below = unsure_below
        known = get_metadata(model) or ModelMetadata(
            class_names, model_name=get_model_name(model), temperature=temperature
        )
        self.metadata = replace(known, class_names=class_names, image_size=size)
        # A folder's name need not be valid Unicode: an invalid part becomes an escape sequence.
        self.class_names = tuple(
            name.encode("utf-8", "backslashreplace").decode("utf-8") for name in class_names
        )
        self.image_size = size
        self.images = tf.TensorSpec((None, *size, 3), tf.float32, name=INPUT)
        self.compute = tf.function(compute, input_signature=[self.images])

    def freeze(self) -> Any:
        """Return the function with its weights as constants.

        Otherwise LiteRT's converter takes several times as long, and tf2onnx requires the constants
        of some layers as arguments.
        """
        frozen = freeze_variables(self.compute.get_concrete_function())
        return tf.function(
            lambda images: {OUTPUT: frozen(images)[0]}, input_signature=[self.images]
        )


def _write_saved_model(program: Program, path: Path) -> None:
    archive = keras.export.ExportArchive()
    archive.track(program.model)
    archive.add_endpoint("serve", program.compute, input_signature=[program.images])
    names = tf.constant(program.class_names)
    archive.add_endpoint(CLASS_NAMES, lambda: {CLASS_NAMES: names}, input_signature=[])
    archive.write_out(str(path), verbose=False)


def _run_saved_model(path: Path, images: NDArray[Any]) -> Floats:
    loaded = tf.saved_model.load(str(path))  # keeps the variables of its signatures alive
    serve = loaded.signatures["serving_default"]
    return np.asarray(serve(**{INPUT: tf.constant(images, tf.float32)})[OUTPUT], np.float64)


def _write_litert(program: Program, path: Path) -> None:
    """Write the program, followed by a zip archive with the labels and the metadata."""
    folder = path.with_name("frozen")
    module = tf.Module()
    module.compute = program.freeze()
    # Custom gradients cannot be frozen, and inference does not need them.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(folder), module.compute, options)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    write_litert_file(path, converter.convert(), program.metadata)


def _run_litert(path: Path, images: NDArray[Any]) -> Floats:
    run = make_interpreter(path.read_bytes()).get_signature_runner()
    # Half of the images one by one, as on a phone, the others in one batch.
    images = images.astype(np.float32)
    half = len(images) // 2
    batches = [*np.split(images[:half], half), images[half:]] if half else [images]
    return np.concatenate([run(**{INPUT: batch})[OUTPUT] for batch in batches], dtype=np.float64)


def _write_onnx(program: Program, path: Path) -> None:
    import onnx
    import tf2onnx

    converted, _ = tf2onnx.convert.from_function(program.freeze(), [program.images])
    onnx.helper.set_model_props(converted, {CLASS_NAMES: json.dumps(program.class_names)})
    onnx.save(converted, path)


def _run_onnx(path: Path, images: NDArray[Any]) -> Floats:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (probabilities,) = session.run([OUTPUT], {INPUT: images.astype(np.float32)})
    return np.asarray(probabilities, np.float64)


def _write_html(program: Program, path: Path) -> None:
    compute = program.compute.python_function
    one_image = tf.TensorSpec((1, *program.image_size, 3), tf.float32)
    traced = tf.function(lambda images: compute(images)[OUTPUT], input_signature=[one_image])
    content = PageContent(
        title=path.stem,
        class_names=tuple(printable(name) for name in program.class_names),
        image_size=program.image_size,
        unsure_below=program.unsure_below,
        metadata=get_metadata(program.model),
        model=convert(traced.get_concrete_function(), OPERATIONS),
    )
    path.write_text(make_page(content), "utf-8", newline="\n")


def _run_html(path: Path, images: NDArray[Any]) -> Floats:
    """Run the model in a page with TensorFlow; the tests run pages in a browser."""
    compute = restore(read_model(path.read_text("utf-8")))
    batches = np.split(images.astype(np.float32), len(images))
    return np.concatenate([compute(tf.constant(batch))[0] for batch in batches], dtype=np.float64)


class Runtime(NamedTuple):
    """The name of a format, and the functions that write and run a file of it."""

    name: str
    write: Callable[[Program, Path], None]
    run: Callable[[Path, NDArray[Any]], Floats]


RUNTIMES: dict[ExportFormat, Runtime] = {
    "saved_model": Runtime("SavedModel", _write_saved_model, _run_saved_model),
    "litert": Runtime("LiteRT", _write_litert, _run_litert),
    "onnx": Runtime("ONNX", _write_onnx, _run_onnx),
    "html": Runtime("web page", _write_html, _run_html),
}
