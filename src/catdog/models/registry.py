"""The table of models, and the functions that read it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from os import PathLike

import keras

from catdog._utils import checks
from catdog._utils.errors import HintCode, InvalidTypeError, InvalidValueError, MissingFileError
from catdog._utils.forks import check_not_forked
from catdog._utils.public import public
from catdog._utils.seeding import seeded
from catdog.models import transfer
from catdog.models.metadata import set_model_name
from catdog.models.pretrained import load_pretrained
from catdog.models.spec import ModelSpec, PretrainedWeights
from catdog.typing import ImageSize

# The files of this folder that define models, in the order of `list_models`.
ARCHITECTURES = (
    "cnn",
    "compact",
    "mobilenet_v2",
    "transfer",
)

# The first variant of an architecture is its default.
SPECS: tuple[ModelSpec, ...] = tuple(
    spec for file in ARCHITECTURES for spec in import_module(f"catdog.models.{file}").SPECS
)

PRETRAINED = "cats_vs_dogs"  # named after the training data, as Keras' "imagenet"

# Names of the four architectures in the blog posts.
OTHER_NAMES = {
    "model1": "cnn",
    "model2": "cnn_augmented",
    "model3": "cnn_preprocessed",
    "model4": "mobilenet_v2",
}


def _by_name(specs: Iterable[ModelSpec]) -> dict[str, ModelSpec]:
    """Map every accepted name to its spec; raise if two specs have the same name."""
    table: dict[str, ModelSpec] = {}
    for spec in specs:
        if spec.name in table:
            raise ValueError(f"{spec.name!r} is listed twice")
        table[spec.name] = spec
        table.setdefault(spec.name.partition(".")[0], spec)
    for other, architecture in OTHER_NAMES.items():
        for name in [name for name in table if name.partition(".")[0] == architecture]:
            table[other + name.removeprefix(architecture)] = table[name]
    return table


_TABLE = _by_name(SPECS)


@public
def list_models() -> tuple[str, ...]:
    """Return the names of all models, as `architecture.variant`.

    An architecture with one variant has no second half, such as `compact`.

    [`build_model`][catdog.build_model] also takes a bare architecture, which means its first
    variant in this list, and `model1` to `model4` for the four architectures of the blog posts.

    Example:
        ```python
        from catdog import list_models

        print(list_models())
        ```
    """
    return tuple(spec.name for spec in SPECS)


@public
def model_spec(name: str) -> ModelSpec:
    """Return what is known about a model: layers, source, parameter counts, accuracies.

    Args:
        name: A model's name, a bare architecture, or `model1` to `model4`. `transfer` means the
            model on its default backbone.

    Raises:
        ValueError: If there is no such model; the message lists all names and the closest one.

    Example:
        ```python
        from catdog import model_spec

        print(model_spec("cnn").num_params)
        ```
    """
    return _TABLE[checks.check_choice("name", name, _TABLE)]


@public
def build_model(
    name: str,
    *,
    backbone: str | None = None,
    image_size: ImageSize | None = None,
    num_classes: int = 2,
    weights: str | PathLike[str] | None = "default",
    seed: int | None = None,
) -> keras.Model:
    """Build a model of the zoo, compiled and ready to train.

    Every model takes `float32` images `(batch, height, width, 3)` in `[0, 255]`. Layers of the
    model scale them, if the variant has such layers. The model returns logits
    `(batch, num_classes)`. It is compiled with Adam, sparse categorical cross-entropy on logits,
    and accuracy.

    Args:
        name: A name of [`list_models`][catdog.list_models], a bare architecture such as
            `"mobilenet_v2"`, or `"model1"` to `"model4"`.
        backbone: For `"transfer"` only: the backbone, by its name in `keras.applications`, such as
            `"EfficientNetV2B0"`; `"MobileNetV2"` if `None`.
        image_size: Height and width in pixels; the model's own default if `None`, or that of the
            weights with `weights="cats_vs_dogs"`.
        num_classes: Number of classes, at least 2.
        weights: `"default"` loads ImageNet weights into a backbone (downloaded once, 9.4 MB for
            MobileNetV2), the weights `"cats_vs_dogs"` into `compact`, and nothing into the CNNs.
            `"cats_vs_dogs"` loads the bundled weights, which catdog trained on 18,000 cats and
            dogs, for the models that have them (`model_spec(name).pretrained`). With two classes,
            the model is ready to use and has their names. With more, the last layer is new.
            `None` loads nothing. Otherwise, the path of a weights file that `model.save_weights`
            wrote for the same variant. The weights of `cnn_augmented` and `cnn_preprocessed` have
            the same shapes: the file does not say which of the two wrote it.
        seed: Makes the initial weights and every random layer reproducible; `None` draws a new
            seed. With the same one, on the same data, a training on the same processor repeats.

    Returns:
        A compiled Keras model, which consists of plain Keras layers.

    Raises:
        ValueError: If the name or the backbone is unknown, the model has no choice of backbones,
            an argument is out of range, the weights do not fit, or Keras is set to channels first.
        FileNotFoundError: If the weights file does not exist.
        TypeError: If `weights` is not a path.
        OSError: If weights are not cached and cannot be downloaded, or are damaged.

    Example:
        ```python
        from catdog import build_model

        model = build_model("cnn", image_size=(96, 96), seed=0)
        model.summary()
        ```
    """
    check_not_forked()
    spec = model_spec(name)
    _check_data_format()
    label = spec.name
    if backbone is not None:
        spec = _on_backbone(spec, backbone)
        label = f"{spec.name} with {backbone}"
    bundled = _bundled_weights(spec) if isinstance(weights, str) and weights == PRETRAINED else None
    default_size = bundled.image_size if bundled else spec.image_size
    size = checks.check_image_size(
        default_size if image_size is None else image_size,
        at_least=spec.min_image_size,
        needed_by=label,
    )
    classes = checks.check_positive_int("num_classes", num_classes, at_least=2)
    with seeded(seed):
        model = spec.build(size, classes)
    model.name = spec.name.replace(".", "_")
    set_model_name(model, label)
    if bundled:
        load_pretrained(model, bundled)
    elif isinstance(weights, str) and weights == "default":
        if spec.load_default_weights is not None:
            spec.load_default_weights(model)
    elif weights is not None:
        _load_weights(model, weights, label)
    model.compile(
        optimizer=keras.optimizers.Adam(),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def _check_data_format() -> None:
    if keras.config.image_data_format() != "channels_last":
        raise InvalidValueError(
            "Keras is set to channels_first, but catdog's images have their channels last",
            hint=(
                'Call keras.config.set_image_data_format("channels_last"), or set it in keras.json.'
            ),
        )


def _on_backbone(spec: ModelSpec, backbone: str) -> ModelSpec:
    """Return the spec of a model on another backbone, or raise if it has no choice of backbones."""
    if spec not in transfer.SPECS:
        raise InvalidValueError(
            f"is for the model 'transfer' only, not for {spec.name!r}",
            argument="backbone",
            value=backbone,
            hint="Leave it out, or pass name='transfer'.",
            hint_code=HintCode.USE_TRANSFER,
        )
    return transfer.spec_of(backbone)


def _bundled_weights(spec: ModelSpec) -> PretrainedWeights:
    """Return the bundled weights of a model; if it has none, raise with the models that have."""
    weights = spec.pretrained
    if weights is None:
        names = ", ".join(repr(other.name) for other in SPECS if other.read_pretrained)
        raise InvalidValueError(
            f"come with {names} only, not with {spec.name!r}",
            argument="weights",
            value=PRETRAINED,
            hint="Leave weights out, or pass one of these names.",
        )
    return weights


def _load_weights(model: keras.Model, weights: str | PathLike[str], name: str) -> None:
    """Load a weights file into a model; raise if it does not fit."""
    hint = (
        'Pass the path of a file that model.save_weights wrote, "default", "cats_vs_dogs", or None.'
    )
    if not isinstance(weights, str | PathLike):
        raise InvalidTypeError(f"must be a path, not {weights!r}", argument="weights", hint=hint)
    path = checks.check_length("weights", checks.expand_home(weights))
    if not path.is_file():
        raise MissingFileError("is not a file", argument="weights", value=str(path), hint=hint)
    try:
        model.load_weights(path)
    except Exception as error:  # Keras raises KeyError, OSError, ValueError, and more
        raise InvalidValueError(
            f"does not fit {name} for images of {model.input_shape[1:3]} and "
            f"{model.output_shape[-1]} classes",
            argument="weights",
            value=str(path),
            hint=(
                f"Pass the image_size and num_classes that it was saved with. Keras says: {error}"
            ),
        ) from error
