import importlib.util
import json
import os
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from catdog import Datasets, build_model, list_models, load_datasets, model_spec
from catdog.inference import export
from catdog.inference.export import export_model
from catdog.inference.export_formats import RUNTIMES
from catdog.inference.predict import predict
from catdog.inference.web_page import read_model
from catdog.models.metadata import ModelMetadata, attach_metadata
from catdog.typing import ExportFormat
from tests.networks import build_light_model

SIZE = (40, 40)
NAMES = ("cats", "dogs", "žlutý kůň")
layers = keras.layers
Images = NDArray[np.float32]

needs_onnx = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("onnx", "onnxruntime", "tf2onnx"))),
    reason='ONNX needs pip install ".[onnx]"',
)
PATHS = (
    "exported",
    "exported.tflite",
    pytest.param("exported.onnx", marks=needs_onnx),
    "exported.html",  # `test_web_page_in_chromium` runs it in a browser
)
in_each_format = pytest.mark.parametrize("name", PATHS)
pytestmark = pytest.mark.usefixtures("in_scratch_folder")


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """A model that augments, drops out, and is calibrated."""
    model = build_model("cnn_augmented", image_size=SIZE, num_classes=3, seed=0)
    kernel, _ = model.layers[-1].weights
    kernel.assign(kernel / 100)  # so that no probability is near 0 or 1
    attach_metadata(model, ModelMetadata(NAMES, temperature=2.0))
    return model


@pytest.fixture
def images() -> Images:
    return np.random.default_rng(1).integers(0, 256, (5, *SIZE, 3)).astype(np.float32)


def run(path: str, images: Images) -> NDArray[np.float32]:
    """Return the probabilities that an exported file gives, without catdog."""
    answers: Any
    if path.endswith(".tflite"):
        answers = interpreter(path).get_signature_runner()(images=images)["probabilities"]
    elif path.endswith(".onnx"):
        (answers,) = session(path).run(["probabilities"], {"images": images})
    elif path.endswith(".html"):
        answers = RUNTIMES["html"].run(Path(path), images)
    else:
        loaded = tf.saved_model.load(path)
        answers = loaded.serve(images)["probabilities"]
    return np.asarray(answers)


def class_names(path: str) -> list[str]:
    if path.endswith(".tflite"):
        return zipfile.ZipFile(path).read("labels.txt").decode().splitlines()
    if path.endswith(".onnx"):
        names: list[str] = json.loads(
            session(path).get_modelmeta().custom_metadata_map["class_names"]
        )
        return names
    if path.endswith(".html"):
        (data,) = re.findall('id="page-data">(.*?)</script>', Path(path).read_text("utf-8"))
        return list(json.loads(data)["classNames"])
    loaded = tf.saved_model.load(path)
    return [name.decode() for name in loaded.class_names()["class_names"].numpy()]


def interpreter(path: str) -> Any:
    return Interpreter(path)


def session(path: str) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def operations(path: str) -> set[str]:
    """Return the names of the operations in a file."""
    if path.endswith(".tflite"):
        return {details["op_name"] for details in interpreter(path)._get_ops_details()}
    if path.endswith(".onnx"):
        import onnx

        return {node.op_type for node in onnx.load(path).graph.node}
    if path.endswith(".html"):
        topology = read_model(Path(path).read_text("utf-8")).topology
        return {node["op"] for node in topology["node"]}
    saved = SavedModel.FromString((Path(path) / "saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for body in graph.library.function for node in body.node_def)]
    return {node.op for node in nodes}


@in_each_format
def test_it_computes_what_predict_does(name: str, model: keras.Model, images: Images) -> None:
    export_model(model, name)
    expected = np.stack([answer.probabilities for answer in predict(model, images, verbose=0)])
    assert expected.max() < 0.9  # probabilities of 0 and 1 would hide mistakes
    assert run(name, images) == pytest.approx(expected, abs=1e-5)
    assert run(name, images[:1]) == pytest.approx(expected[:1], abs=1e-5)
    assert [path.name for path in Path().iterdir()] == [name]


@in_each_format
def test_class_names_are_inside(name: str, model: keras.Model) -> None:
    export_model(model, name)
    assert class_names(name) == list(NAMES)


@in_each_format
def test_nothing_is_random(name: str, model: keras.Model) -> None:
    export_model(model, name)
    assert operations(name)
    assert [op for op in operations(name) if "random" in op.lower() or "drop" in op.lower()] == []


def test_random_operations_would_be_found(model: keras.Model) -> None:
    archive = keras.export.ExportArchive()
    archive.track(model)
    spec = [keras.InputSpec("float32", (None, *SIZE, 3))]
    archive.add_endpoint("serve", lambda images: model(images, training=True), spec)
    archive.write_out("in_training", verbose=False)
    assert any("Random" in op for op in operations("in_training"))


@pytest.fixture(scope="module", params=list_models())
def zoo_model(request: pytest.FixtureRequest) -> keras.Model:
    """A model of the zoo, built once for all formats."""
    side = max(32, model_spec(request.param).min_image_size)
    size = SIZE if request.param.startswith("cnn") else (side, side)
    model = build_light_model(request.param, image_size=size, weights=None, seed=0)
    for weight in model.weights:
        if weight.name == "moving_variance":  # otherwise all probabilities are near 0.5
            weight.assign(keras.ops.full_like(weight, 0.05))
    return model


@pytest.mark.slow
@in_each_format
def test_the_zoo(zoo_model: keras.Model, name: str) -> None:
    names = ["cats", "dogs"]
    export_model(zoo_model, name, class_names=names)
    shape = (3, *zoo_model.input_shape[1:])
    images = np.random.default_rng(1).integers(0, 256, shape).astype(np.float32)
    predictions = predict(zoo_model, images, class_names=names, verbose=0)
    expected = np.stack([prediction.probabilities for prediction in predictions])
    assert run(name, images) == pytest.approx(expected, rel=1e-2)


def small(*inner: keras.Layer, size: tuple[int | None, int | None] = (8, 8)) -> keras.Model:
    keras.utils.set_random_seed(0)
    last = [layers.GlobalAveragePooling2D(), layers.Dense(2)]
    return keras.Sequential([keras.Input((*size, 3)), layers.Rescaling(1 / 255), *inner, *last])


@pytest.mark.parametrize(
    "layer",
    [
        layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0]),  # holds constants
        layers.Activation("silu"),  # has a gradient of its own
    ],
    ids=lambda layer: layer.name,
)
@in_each_format
def test_layers_that_failed_once(name: str, layer: keras.Layer) -> None:
    export_model(small(layer), name, class_names=["cats", "dogs"])
    assert run(name, np.ones((2, 8, 8, 3), np.float32)).shape == (2, 2)


@in_each_format
def test_a_model_of_any_size_is_exported_at_its_training_size(name: str) -> None:
    model = small(layers.Conv2D(4, 3), size=(None, None))
    with pytest.raises(ValueError, match="any size"):
        export_model(model, name, class_names=["cats", "dogs"])
    attach_metadata(model, ModelMetadata(("cats", "dogs"), image_size=(9, 7)))
    export_model(model, name)
    assert run(name, np.ones((2, 9, 7, 3), np.float32)).shape == (2, 2)


class Noise(keras.layers.Layer):  # type: ignore[misc]
    """Is random outside training too."""

    def __init__(self, draw: Any = keras.random.normal) -> None:
        super().__init__()
        self.draw = draw

    def call(self, images: Any) -> Any:
        return images + self.draw(keras.ops.shape(images))


def categories(shape: Any) -> Any:
    drawn = keras.random.categorical(keras.ops.ones((1, 3)), 1)
    return keras.ops.cast(keras.ops.reshape(drawn, (1, 1, 1, 1)), "float32")


class Eigenvalues(keras.layers.Layer):  # type: ignore[misc]
    """An operation of TensorFlow that neither LiteRT nor ONNX supports."""

    def call(self, images: Any) -> Any:
        values = tf.raw_ops.SelfAdjointEigV2(input=images[:, :3, :3, 0], compute_v=False)[0]
        return images + values[:, tf.newaxis, tf.newaxis, :]


@pytest.mark.parametrize("draw", [keras.random.truncated_normal, categories])
def test_other_random_operations_are_refused(draw: Any) -> None:
    with pytest.raises(ValueError, match="is random outside training"):
        export_model(small(Noise(draw)), "exported", class_names=["cats", "dogs"])


@in_each_format
def test_random_layers_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"is random outside training.*\(.*Random"):
        export_model(small(Noise()), name, class_names=["cats", "dogs"])
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("name", PATHS[1:])
def test_a_layer_that_the_format_does_not_support(name: str) -> None:
    Path(name).write_text("there before")
    with pytest.raises(ValueError, match="cannot be exported as .*'saved_model'"):
        export_model(small(Eigenvalues()), name, class_names=["cats", "dogs"])
    assert Path(name).read_text() == "there before"
    assert [path.name for path in Path().iterdir()] == [name]
    export_model(small(Eigenvalues()), "as_it_says", class_names=["cats", "dogs"])


@in_each_format
def test_a_converter_that_makes_mistakes(
    name: str, model: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each format is run for the comparison: here the exported program has no calibration."""

    def forget(model: keras.Model) -> float:
        return 1.0

    monkeypatch.setattr("catdog.inference.export_formats.get_temperature", forget)
    with pytest.raises(RuntimeError, match="differ from those of predict"):
        export_model(model, name)
    assert list(Path().iterdir()) == []


@pytest.fixture
def run_with(monkeypatch: pytest.MonkeyPatch) -> list[NDArray[Any]]:
    """Return the images that SavedModels are compared with `predict` on."""
    seen = []
    runtime = RUNTIMES["saved_model"]

    def spy(path: Path, images: NDArray[Any]) -> Any:
        seen.append(images)
        return runtime.run(path, images)

    monkeypatch.setitem(RUNTIMES, "saved_model", runtime._replace(run=spy))
    return seen


@pytest.mark.slow
def test_checked_with_images_of_the_data(run_with: list[NDArray[Any]]) -> None:
    data = load_datasets("synthetic", image_size=(16, 16))  # many images, drawn once for all tests
    export_model(small(size=(16, 16)), "exported", class_names=data.class_names, data=data)
    resized = np.concatenate([images for images, _ in data.validation.as_numpy_iterator()])
    (images,) = run_with
    assert len(images) == export.N_CHECK_IMAGES
    found = [int(np.abs(resized - image).max((1, 2, 3)).argmin()) for image in images]
    assert (resized[found] == images).all()
    assert set(data.labels("validation")[found]) == {0, 1}


def test_few_images(image_folder: Path, run_with: list[NDArray[Any]]) -> None:
    data = load_datasets(image_folder)
    export_model(small(), "exported", class_names=data.class_names, data=data)
    assert len(run_with[0]) == len(data.paths("validation")) < export.N_CHECK_IMAGES


def test_one_image(image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "N_CHECK_IMAGES", 1)
    data = load_datasets(image_folder)
    export_model(small(), "one.tflite", class_names=data.class_names, data=data)


def test_a_file_is_replaced_a_folder_is_not(model: keras.Model) -> None:
    Path("exported.tflite").write_text("older")
    export_model(model, "exported.tflite")
    assert class_names("exported.tflite") == list(NAMES)
    export_model(model, "exported")
    for _ in range(2):
        with pytest.raises(FileExistsError, match="'exported' exists already.*another name"):
            export_model(model, "exported")
    assert class_names("exported") == list(NAMES)
    Path("folder.tflite").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        export_model(model, "folder.tflite")
    with pytest.raises(FileNotFoundError, match="nowhere, which does not exist. Make it"):
        export_model(model, "nowhere/exported")


def test_a_pipe_is_not_replaced(model: keras.Model) -> None:
    os.mkfifo("exported.tflite")
    with pytest.raises(ValueError, match="is a device or a pipe. Choose another name"):
        export_model(model, "exported.tflite")
    assert Path("exported.tflite").is_fifo()


def test_a_full_disk_is_named(model: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(program: Any, path: Path) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, f"{path}; No space left on device")

    runtime = RUNTIMES["saved_model"]
    monkeypatch.setitem(RUNTIMES, "saved_model", runtime._replace(write=fill))
    with pytest.raises(OSError, match="No space left on device: 'exported'"):
        export_model(model, "exported")
    assert list(Path().iterdir()) == []


@in_each_format
def test_names_that_are_not_unicode(name: str) -> None:
    export_model(small(), name, class_names=["caf\udce9", "th\xe9"])
    assert class_names(name) == ["caf\\udce9", "th\xe9"]


def test_the_advice_is_not_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no disk")

    monkeypatch.setitem(RUNTIMES, "saved_model", RUNTIMES["saved_model"]._replace(write=fail))
    with pytest.raises(ValueError, match="as SavedModel.*load it, .* says: no disk"):
        export_model(small(), "exported", class_names=["cats", "dogs"])


def test_labels_stay_on_one_line_each() -> None:
    export_model(small(), "exported.tflite", class_names=["cats\nor so", "dogs"])
    assert class_names("exported.tflite") == ["cats\\nor so", "dogs"]


@pytest.mark.parametrize(
    ("path", "format", "expected"),
    [
        ("a/model.tflite", None, "litert"),
        (Path("model.onnx"), None, "onnx"),
        ("model", None, "saved_model"),
        ("model.v1", "saved_model", "saved_model"),
        ("model.tflite", "litert", "litert"),
        ("pets.html", None, "html"),
    ],
)
def test_format(path: str, format: ExportFormat | None, expected: str) -> None:
    assert export._choose_format(path, format) == expected


@pytest.mark.parametrize(
    ("path", "format", "error"),
    [
        (
            "model.h5",
            None,
            r"path='model.h5' has a suffix of no export format.*\.tflite.*\.onnx.*\.html",
        ),
        ("model", "tflite", r"format='tflite' is not known. Did you mean 'litert'\?"),
        ("model.onnx", "litert", "does not match format='litert'.*'model.tflite'"),
        ("model.tflite", "saved_model", "does not match.*Name it 'model'"),
        ("model", "onnx", "Name it 'model.onnx'"),
    ],
)
def test_wrong_format(model: keras.Model, path: str, format: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        export_model(model, path, format=format)


def test_wrong_arguments(model: keras.Model) -> None:
    with pytest.raises(TypeError, match="path must be a path"):
        export_model(model, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="data must be what load_datasets returns"):
        export_model(model, "exported", data="folder")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r'class_names=\["cats", "dogs"\] in the order'):
        export_model(small(), "exported")
    with pytest.raises(ValueError, match="class_names holds 2 names"):
        export_model(model, "exported", class_names=["cats", "dogs"])
    with pytest.raises(ValueError, match=r"unsure_below=0.9 is for web pages.*as LiteRT.*\.html"):
        export_model(model, "exported.tflite", unsure_below=0.9)
    with pytest.raises(ValueError, match="unsure_below must be a probability above 0"):
        export_model(model, "exported.html", unsure_below=80)
    with pytest.raises(ValueError, match="softmax"):
        export_model(keras.Sequential([small(), layers.Softmax()]), "exported")
    assert list(Path().iterdir()) == []


def test_without_the_packages_for_onnx(model: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "\.\[onnx\]"'):
        export_model(model, "exported.onnx")


def test_another_backend(model: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="runs on jax.*KERAS_BACKEND=tensorflow"):
        export_model(model, "exported")


@pytest.mark.slow
@pytest.mark.real_data
def test_real_images() -> None:
    data: Datasets = load_datasets("cats_and_dogs_filtered")
    model = build_model("mobilenet_v2.linear", image_size=(160, 160), seed=0)
    attach_metadata(model, ModelMetadata(data.class_names))
    export_model(model, "exported.tflite", data=data)
    image = next(iter(data.test))[0][:4].numpy()
    expected = np.stack([answer.probabilities for answer in predict(model, image, verbose=0)])
    assert run("exported.tflite", image) == pytest.approx(expected, abs=1e-4)
