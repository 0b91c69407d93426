"""Compute the targets of `compact` besides the labels, with MobileNetV2 as a frozen teacher.

The teacher processes some fixed crops of each image once. Its outputs for a crop are stored, and
the student is trained on the same crop: Beyer et al., "Knowledge distillation: A good teacher is
patient and consistent", CVPR 2022, https://arxiv.org/abs/2106.05237.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from compact_data import SIDE, Pixels
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from catdog import build_model
from catdog.inference.interpreter import make_interpreter
from catdog.models.mobilenet_v2 import BACKBONE_NAME

TEACHER_SIDE = 224
SMALLEST_AREA = 0.4  # of a crop, as a share of the image
WIDEST_ASPECT = 4 / 3
FOLDS = 5
INVERSE_PENALTY = 1e-3  # C of scikit-learn's linear head, on features of variance 1
COMPONENTS = 256  # principal components of the features that the student learns to predict

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Lessons:
    """The outputs of the teacher for each crop of each image.

    Attributes:
        boxes: Top, left, height and width of each crop in pixels, `(n, views, 4)`. The first is the
            whole image.
        logits: The log odds of the class dog, `(n, views)`, from a head that was trained on other
            images.
        features: Features of the backbone, `(n, views, 256)`: principal components, scaled so that
            their variances add up to 1.
    """

    boxes: Floats
    logits: Floats
    features: Floats


def draw_boxes(count: int, views: int, *, seed: int) -> Floats:
    """Draw crops of random area, aspect and position: top, left, height and width in pixels."""
    rng = np.random.default_rng([seed, 2])
    area = rng.uniform(SMALLEST_AREA, 1, (count, views))
    aspect = np.exp(rng.uniform(-1, 1, (count, views)) * np.log(WIDEST_ASPECT))
    height = np.minimum(np.sqrt(area * aspect), 1)
    width = np.minimum(np.sqrt(area / aspect), 1)
    height[:, 0] = width[:, 0] = 1
    top, left = (rng.uniform(0, 1, (count, views)) * (1 - side) for side in (height, width))
    return (SIDE * np.stack([top, left, height, width], axis=-1)).astype(np.float32)


def extract_features(pixels: Pixels, boxes: Floats) -> NDArray[np.float16]:
    """Return the features of every crop, `(n, views, 1280)`, from two interpreters in parallel."""
    converted = _converted()
    half = len(pixels) // 2
    with ThreadPoolExecutor(2) as pool:
        parts = pool.map(
            partial(_extract_part, converted),
            (pixels[:half], pixels[half:]),
            (boxes[:half], boxes[half:]),
        )
        return np.concatenate(list(parts))


def _converted() -> bytes:
    """Return the backbone, with its scaling and pooling, as a LiteRT model for one image."""
    model = build_model("mobilenet_v2.linear")
    base = keras.Sequential(
        [
            keras.Input((TEACHER_SIDE, TEACHER_SIDE, 3), batch_size=1),
            keras.layers.Rescaling(1 / 127.5, offset=-1),
            model.get_layer(BACKBONE_NAME),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    shape = tf.TensorSpec((1, TEACHER_SIDE, TEACHER_SIDE, 3), tf.float32)
    run = tf.function(lambda pixels: base(pixels, training=False)).get_concrete_function(shape)
    constant = convert_variables_to_constants_v2(run)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([constant])
    content: bytes = converter.convert()
    return content


def _extract_part(converted: bytes, pixels: Pixels, boxes: Floats) -> NDArray[np.float16]:
    interpreter = make_interpreter(converted)
    put, get = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    features = np.empty((*boxes.shape[:2], get["shape"][-1]), np.float16)
    for i, j in np.ndindex(*boxes.shape[:2]):
        interpreter.set_tensor(put["index"], _crop(pixels[i], boxes[i, j])[None])
        interpreter.invoke()
        features[i, j] = interpreter.get_tensor(get["index"])[0]
    return features


def _crop(image: Pixels, box: Floats) -> Floats:
    top, left, height, width = (float(edge) for edge in box)
    crop = Image.fromarray(image).resize(
        (TEACHER_SIDE, TEACHER_SIDE),
        Image.Resampling.BILINEAR,
        box=(left, top, min(left + width, SIDE), min(top + height, SIDE)),
    )
    return np.asarray(crop, np.float32)


def teach(
    features: NDArray[np.float16], boxes: Floats, labels: NDArray[np.int32], *, seed: int
) -> Lessons:
    """Compute the outputs of the teacher from its features, by cross-validation.

    Each image is scored by a head that was not trained on it, so a wrong label does not become a
    soft target.
    """
    whole = features[:, 0].astype(np.float32)
    mean, deviation = whole.mean(axis=0), whole.std(axis=0) + 1e-6
    logits = np.empty(features.shape[:2], np.float32)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for train_rows, validation_rows in folds.split(whole, labels):
        head = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000)
        head.fit((whole[train_rows] - mean) / deviation, labels[train_rows])
        crops = (features[validation_rows].astype(np.float32) - mean) / deviation
        logits[validation_rows] = crops @ head.coef_[0] + head.intercept_[0]
    return Lessons(boxes, logits, _principal_components(features, whole, mean))


def _principal_components(features: NDArray[np.float16], whole: Floats, mean: Floats) -> Floats:
    """Return the first components of centred features, divided so that their variances add to 1."""
    centred = whole - mean
    variances, directions = np.linalg.eigh(centred.T @ centred / len(whole))
    first = directions[:, ::-1][:, :COMPONENTS].astype(np.float32)
    scale = np.sqrt(variances[::-1][:COMPONENTS].sum())
    parts = [(part.astype(np.float32) - mean) @ first / scale for part in features]
    return np.stack(parts).astype(np.float32)
