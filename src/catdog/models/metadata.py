"""Model metadata: class names, calibration, and a summary of the training data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from catdog._utils import checks
from catdog._utils.errors import HintCode, InvalidValueError, reason
from catdog._utils.text import composed, printable, shorten
from catdog.typing import SPLITS, ImageSize, Split

if TYPE_CHECKING:  # an exported model is run without Keras
    import keras

# Version 1 of the format calls itself a model card, and the name of the model "recipe". Files keep
# these words, so that every catdog reads the files of every other.
FORMAT = "catdog model card"
MODEL_NAME_KEY = "recipe"
VERSION = 1
CATDOG_MEMBER = "catdog.json"  # the metadata, in the archive of a file; Keras does not read it
# Enough for a hundred thousand class names or layers. A larger text could fill the memory.
MAX_TEXT_BYTES = 2**24
MAX_TEMPERATURE = 100.0  # the smallest temperature is its inverse


@dataclass(frozen=True)
class SplitRecord:
    """A summary of the split that a model was trained on.

    Attributes:
        seed: The seed of the data.
        counts: Number of images in each of the three sets.
        sha256: Hash of the contents of the images with their sets and classes. Two splits are
            equal if their hashes are equal.
    """

    seed: int
    counts: Mapping[Split, int]
    sha256: str


@dataclass(frozen=True)
class ModelMetadata:
    """The metadata of a model, which `save_model` stores beside its weights.

    Attributes:
        class_names: Names of the classes, in the order of the model's logits.
        image_size: Height and width in pixels of the images it was trained on, if known.
        model_name: Name in the zoo, with its backbone; `None` for a custom model.
        temperature: Logits are divided by it before the softmax; 1 if not calibrated.
        split: Summary of the split it was trained on, if known.
        train_sha256: Hash of the contents of the images it was trained on, if known.
        corrections: How many files had another label or were left out by corrections of the data,
            such as `{"corrected": 3, "left_out": 1}`; empty without corrections.
        versions: Versions of catdog and Keras with which it was trained.
    """

    class_names: tuple[str, ...]
    image_size: ImageSize | None = None
    model_name: str | None = None
    temperature: float = 1.0
    split: SplitRecord | None = field(default=None, repr=False)
    train_sha256: str | None = field(default=None, repr=False)
    corrections: Mapping[str, int] = field(default_factory=dict, repr=False)
    versions: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Raise if a value is invalid: metadata may come from any file."""
        object.__setattr__(self, "class_names", check_class_names(self.class_names))
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
    """Return `value` as a tuple of class names in composed form: at least two, all different."""
    names = tuple(value) if isinstance(value, tuple | list) else ()
    if len(names) < 2 or not all(isinstance(name, str) and name for name in names):
        raise InvalidValueError(
            'must be a list of at least two names, such as ["cats", "dogs"], not '
            f"{value!r}. data.class_names is one",
            argument="class_names",
        )
    normal = tuple(composed(name) for name in names)
    if len(set(normal)) < len(normal):
        same = len(set(names)) == len(names)
        why = " (two of them differ only in how Unicode writes accents)" if same else ""
        listed = ", ".join(shorten([printable(name) for name in names]))
        raise InvalidValueError(f"must all be different, not {listed}{why}", argument="class_names")
    return normal


# Stored outside the models: nothing that Keras saves, copies or pickles changes.
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
    """Return a model's metadata; `None` if it has none, or its number of classes changed."""
    metadata = _metadata.get(model)
    return metadata if metadata and len(metadata.class_names) == model.output_shape[-1] else None


def attach_metadata(model: keras.Model, metadata: ModelMetadata) -> None:
    """Attach metadata to a model, in place of earlier metadata.

    Raises:
        ValueError: If the metadata has another number of classes than the model.
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
            f"has no names for its {classes} classes: it was not trained by "
            "catdog, or was saved by Keras alone",
            argument="model",
            hint=(
                'Pass, for example, class_names=["cats", "dogs"] in the order of the labels; '
                "data.class_names is in that order."
            ),
        )
    names = metadata.class_names if given is None and metadata else check_class_names(given)
    if metadata and names != metadata.class_names and set(names) == set(metadata.class_names):
        listed = ", ".join(shorten([printable(name) for name in metadata.class_names]))
        raise InvalidValueError(
            f"are the model's names in another order than that of its logits ({listed})",
            argument="class_names",
            hint="Leave them out.",
        )
    if len(names) != classes:
        listed = ", ".join(shorten([printable(name) for name in names]))
        raise InvalidValueError(
            f"holds {len(names)} names ({listed}), but model returns {classes} logits",
            argument="class_names",
            hint="Pass one name for each.",
        )
    return names


def check_same_classes(
    model: keras.Model, class_names: tuple[str, ...], hint: str, hint_code: HintCode | None = None
) -> None:
    """Raise if the metadata names other classes than the data."""
    metadata = get_metadata(model)
    if metadata and metadata.class_names != class_names:
        of_model, of_data = (
            ", ".join(shorten([printable(name) for name in names]))
            for names in (metadata.class_names, class_names)
        )
        raise InvalidValueError(
            f"was trained on the classes {of_model}, but the data has {of_data}",
            argument="model",
            hint=hint,
            hint_code=hint_code,
        )


def get_trained_size(metadata: ModelMetadata | None) -> ImageSize:
    """Return the image size a model was trained on; raise if it is unknown."""
    if metadata is None or metadata.image_size is None:
        raise InvalidValueError(
            "takes images of any size, and has no record of the size it was trained on",
            argument="model",
            hint="Train it with catdog, or begin it with keras.Input((height, width, 3)).",
        )
    return metadata.image_size


def metadata_to_json(metadata: ModelMetadata) -> str:
    """Return metadata as JSON of version 1, as files contain it."""
    fields = asdict(metadata)
    fields[MODEL_NAME_KEY] = fields.pop("model_name")
    for name in ("train_sha256", "corrections"):
        if not fields[name]:  # then the file is that of an earlier catdog
            del fields[name]
    return json.dumps({"format": FORMAT, "version": VERSION, **fields}, indent=1)


def metadata_from_json(text: str | bytes) -> ModelMetadata:
    """Return the metadata that `metadata_to_json` wrote.

    Raises:
        ValueError: If it is damaged, or a later catdog wrote it. The message says which.
    """
    try:
        raw = json.loads(text)
        file_version = raw["version"]
        if raw["format"] != FORMAT or not isinstance(file_version, int):
            raise ValueError("it is not model metadata")
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"damaged ({error!r})") from error
    if file_version > VERSION:
        raise ValueError(
            f"of version {file_version}, but this catdog reads versions up to {VERSION}: "
            "update catdog"
        )
    try:
        return _read_metadata(raw)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"damaged ({reason(error)})") from error


def _read_metadata(raw: Mapping[str, Any]) -> ModelMetadata:
    """Return the metadata in a file's JSON; raise any error if it is invalid."""
    size, name, split = raw["image_size"], raw[MODEL_NAME_KEY], raw["split"]
    trained = raw.get("train_sha256")
    return ModelMetadata(
        class_names=check_class_names(raw["class_names"]),
        image_size=None if size is None else checks.check_image_size(size),
        model_name=None if name is None else str(name),
        temperature=raw["temperature"],
        split=None if split is None else _read_split(**split),
        train_sha256=None if trained is None else _read_hash(trained),
        corrections={
            str(kind): checks.check_positive_int(kind, count, at_least=0)
            for kind, count in raw.get("corrections", {}).items()
        },
        versions={str(name): str(value) for name, value in raw["versions"].items()},
    )


def _read_split(*, seed: Any, counts: Mapping[Any, Any], sha256: Any) -> SplitRecord:
    """Return the summary of a split in a file's JSON; raise any error if it is invalid."""
    return SplitRecord(
        seed=checks.check_seed(seed),
        counts={name: checks.check_positive_int(name, counts[name], at_least=0) for name in SPLITS},
        sha256=_read_hash(sha256),
    )


def _read_hash(value: Any) -> str:
    """Return a hash in a file's JSON; raise an error if it is none."""
    if not isinstance(value, str):
        raise TypeError(f"a hash is {value!r}")
    return value
