"""Model metadata: class names, calibration, training data."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import keras

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError
from catdog._utils.text import printable, shorten
from catdog.typing import SPLITS, ImageSize, Split

FORMAT = "catdog model card"  # as files of version 1 call it
VERSION = 1
MAX_TEMPERATURE = 100.0  # its inverse is the smallest


@dataclass(frozen=True)
class SplitRecord:
    """A summary of the split that a model was trained on.

    Attributes:
        seed: The seed of the data.
        counts: Number of images in each of the three sets.
        sha256: Hash of which image, by its content, is in which set and class. Two splits are the
            same if their hashes are.
    """

    seed: int
    counts: Mapping[Split, int]
    sha256: str


@dataclass(frozen=True)
class ModelMetadata:
    """What is stored about a model beside its weights.

    Attributes:
        class_names: Names of the classes, in the order of the model's logits.
        image_size: Height and width in pixels of the images it was trained on, if known.
        model_name: Its name in the zoo, with its backbone; `None` for a custom model.
        temperature: Logits are divided by it before the softmax; 1 if not calibrated.
        split: The images it was trained on, if known.
        versions: Versions of catdog and Keras with which it was trained.
    """

    class_names: tuple[str, ...]
    image_size: ImageSize | None = None
    model_name: str | None = None
    temperature: float = 1.0
    split: SplitRecord | None = field(default=None, repr=False)
    versions: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse what would make every answer wrong; metadata may come from anybody's file."""
        check_class_names(self.class_names)
        if self.image_size is not None:
            checks.check_image_size(self.image_size)
        temperature = checks.as_float(self.temperature)
        if temperature is None or not 1 / MAX_TEMPERATURE <= temperature <= MAX_TEMPERATURE:
            raise InvalidValueError(
                f"must be a number from {1 / MAX_TEMPERATURE} to {MAX_TEMPERATURE}, not "
                f"{self.temperature!r}. 1 leaves the probabilities as they are",
                argument="temperature",
            )


def check_class_names(value: Any) -> tuple[str, ...]:
    """Return `value` as a tuple of class names: at least two, all different."""
    names = tuple(value) if isinstance(value, tuple | list) else ()
    if len(names) < 2 or not all(isinstance(name, str) and name for name in names):
        raise InvalidValueError(
            'must be a list of at least two names, such as ["cats", "dogs"], not '
            f"{value!r}. data.class_names is one",
            argument="class_names",
        )
    if len(set(names)) < len(names):
        listed = ", ".join(shorten([printable(name) for name in names]))
        raise InvalidValueError(f"must all be different, not {listed}", argument="class_names")
    return names


# Beside the models, not on them: nothing that Keras saves, copies or pickles is touched.
_metadata: WeakKeyDictionary[keras.Model, ModelMetadata] = WeakKeyDictionary()
_model_names: WeakKeyDictionary[keras.Model, str] = WeakKeyDictionary()


def set_model_name(model: keras.Model, name: str) -> None:
    """Store the variant's name until full metadata exists."""
    _model_names[model] = name


def get_model_name(model: keras.Model) -> str | None:
    """Return a model's name in the zoo, with its backbone; `None` for a custom model."""
    metadata = _metadata.get(model)
    return metadata.model_name if metadata else _model_names.get(model)


def get_metadata(model: keras.Model) -> ModelMetadata | None:
    """Return a model's metadata; `None` if there is none, or the number of classes changed."""
    metadata = _metadata.get(model)
    return metadata if metadata and len(metadata.class_names) == model.output_shape[-1] else None


def attach_metadata(model: keras.Model, metadata: ModelMetadata) -> None:
    """Attach metadata to a model, in place of earlier metadata.

    Raises:
        ValueError: If the metadata is that of a model of more or fewer classes.
    """
    if len(metadata.class_names) != model.output_shape[-1]:
        raise InvalidValueError(
            f"The metadata names {len(metadata.class_names)} classes, but model returns shape "
            f"{model.output_shape}"
        )
    _metadata[model] = metadata


def get_temperature(model: keras.Model) -> float:
    """Return the temperature by which logits are divided before the softmax; 1 by default."""
    metadata = get_metadata(model)
    return metadata.temperature if metadata else 1.0


def resolve_class_names(
    given: Any, metadata: ModelMetadata | None, classes: int
) -> tuple[str, ...]:
    """Return the names that were passed, else those of the metadata."""
    if given is None and metadata is None:
        raise InvalidValueError(
            f"does not know what its {classes} classes are called: it was not trained by "
            "catdog, or was saved by Keras alone",
            argument="model",
            hint=(
                'Pass class_names=["cats", "dogs"], say, in the order of the labels; '
                "data.class_names is in that order."
            ),
        )
    names = metadata.class_names if given is None and metadata else check_class_names(given)
    if len(names) != classes:
        listed = ", ".join(shorten([printable(name) for name in names]))
        raise InvalidValueError(
            f"holds {len(names)} names ({listed}), but model returns {classes} logits",
            argument="class_names",
            hint="Pass one name for each.",
        )
    return names


def check_same_classes(model: keras.Model, class_names: tuple[str, ...], hint: str) -> None:
    """Raise if the metadata names other classes than the data."""
    metadata = get_metadata(model)
    if metadata and metadata.class_names != class_names:
        known, given = (
            ", ".join(shorten([printable(name) for name in names]))
            for names in (metadata.class_names, class_names)
        )
        raise InvalidValueError(
            f"model knows the classes {known}, but the data has {given}", hint=f"{hint}"
        )


def get_trained_size(metadata: ModelMetadata | None) -> ImageSize:
    """Return the image size of training, for a model that takes any size."""
    if metadata is None or metadata.image_size is None:
        raise InvalidValueError(
            "takes images of any size, and does not know which it was trained on",
            argument="model",
            hint="Train it with catdog, or begin it with keras.Input((height, width, 3)).",
        )
    return metadata.image_size


def metadata_to_json(metadata: ModelMetadata) -> str:
    """Return metadata as it is written into a file."""
    fields = asdict(metadata)
    fields["variant"] = fields.pop("model_name")  # its key in version 1 of the format
    return json.dumps({"format": FORMAT, "version": VERSION, **fields}, indent=1)


def metadata_from_json(text: str | bytes) -> ModelMetadata:
    """Return the metadata that `metadata_to_json` wrote.

    Raises:
        ValueError: If it is damaged, or written by a later catdog; the message says so.
    """
    try:
        raw = json.loads(text)
        written = raw["version"]
        if raw["format"] != FORMAT or not isinstance(written, int):
            raise ValueError(f"it is no {FORMAT}")
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"damaged ({error!r})") from error
    if written > VERSION:
        raise ValueError(
            f"of version {written}, but this catdog reads versions up to {VERSION}: update catdog"
        )
    try:
        return _read_metadata(raw)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"damaged ({error!r})") from error


def _read_metadata(raw: Mapping[str, Any]) -> ModelMetadata:
    """Return the metadata that a file holds; raise any error if it is inconsistent."""
    size, name, split = raw["image_size"], raw["variant"], raw["split"]
    return ModelMetadata(
        class_names=check_class_names(raw["class_names"]),
        image_size=None if size is None else checks.check_image_size(size),
        model_name=None if name is None else str(name),
        temperature=raw["temperature"],
        split=None if split is None else _read_split(**split),
        versions={str(name): str(value) for name, value in raw["versions"].items()},
    )


def _read_split(*, seed: Any, counts: Mapping[Any, Any], sha256: Any) -> SplitRecord:
    """Return the record of a split that a file holds; raise any error if it is invalid."""
    if not isinstance(sha256, str):
        raise TypeError(f"sha256 is {sha256!r}")
    return SplitRecord(
        seed=checks.check_seed(seed),
        counts={name: checks.check_positive_int(name, counts[name], at_least=0) for name in SPLITS},
        sha256=sha256,
    )
