"""What a model knows beside its weights: its class names, its calibration, where it comes from."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import keras

from catdog._utils import checks
from catdog._utils.text import printable, shorten
from catdog.typing import SPLITS, ImageSize, Split

FORMAT = "catdog model card"
VERSION = 1
MAX_TEMPERATURE = 100.0  # its inverse is the smallest


@dataclass(frozen=True)
class SplitRecord:
    """Which images a model was trained on, in short.

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
    """What a model knows beside its weights.

    Attributes:
        class_names: Names of the classes, in the order of the model's logits.
        image_size: Height and width in pixels of the images it was trained on, if known.
        recipe: Its name in the zoo, with its backbone; `None` for a model of one's own.
        temperature: What the logits are divided by before the softmax; 1 if not calibrated.
        split: The images it was trained on, if known.
        versions: Versions of catdog and Keras with which it was trained.
    """

    class_names: tuple[str, ...]
    image_size: ImageSize | None = None
    recipe: str | None = None
    temperature: float = 1.0
    split: SplitRecord | None = field(default=None, repr=False)
    versions: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse what would make every answer wrong; a card may come from anybody's file."""
        check_class_names(self.class_names)
        if self.image_size is not None:
            checks.check_image_size(self.image_size)
        temperature = checks.as_float(self.temperature)
        if temperature is None or not 1 / MAX_TEMPERATURE <= temperature <= MAX_TEMPERATURE:
            raise ValueError(
                f"temperature must be a number from {1 / MAX_TEMPERATURE} to {MAX_TEMPERATURE}, "
                f"not {self.temperature!r}. 1 leaves the probabilities as they are."
            )


def check_class_names(value: Any) -> tuple[str, ...]:
    """Return `value` as a tuple of class names: at least two, all different."""
    names = tuple(value) if isinstance(value, tuple | list) else ()
    if len(names) < 2 or not all(isinstance(name, str) and name for name in names):
        raise ValueError(
            f'class_names must be a list of at least two names, such as ["cats", "dogs"], not '
            f"{value!r}. data.class_names is one."
        )
    if len(set(names)) < len(names):
        listed = ", ".join(shorten([printable(name) for name in names]))
        raise ValueError(f"class_names must all be different, not {listed}.")
    return names


# Beside the models, not on them: nothing that Keras saves, copies or pickles is touched.
_metadata: WeakKeyDictionary[keras.Model, ModelMetadata] = WeakKeyDictionary()
_model_names: WeakKeyDictionary[keras.Model, str] = WeakKeyDictionary()


def set_model_name(model: keras.Model, recipe: str) -> None:
    """Let a model know how it was built, before there is more to know."""
    _model_names[model] = recipe


def get_model_name(model: keras.Model) -> str | None:
    """Return a model's name in the zoo, with its backbone; `None` for a model of one's own."""
    card = _metadata.get(model)
    return card.recipe if card else _model_names.get(model)


def get_metadata(model: keras.Model) -> ModelMetadata | None:
    """Return what is known about a model; `None` if nothing, or if it has other classes now."""
    card = _metadata.get(model)
    return card if card and len(card.class_names) == model.output_shape[-1] else None


def attach_metadata(model: keras.Model, card: ModelMetadata) -> None:
    """Let a model know something, in place of what it knew.

    Raises:
        ValueError: If the card is that of a model of more or fewer classes.
    """
    if len(card.class_names) != model.output_shape[-1]:
        raise ValueError(
            f"The card names {len(card.class_names)} classes, but model returns shape "
            f"{model.output_shape}."
        )
    _metadata[model] = card


def get_temperature(model: keras.Model) -> float:
    """Return what the model's logits are divided by before the softmax; 1 if not calibrated."""
    card = get_metadata(model)
    return card.temperature if card else 1.0


def resolve_class_names(given: Any, card: ModelMetadata | None, classes: int) -> tuple[str, ...]:
    """Return the names that were passed, else those that the model knows."""
    if given is None and card is None:
        raise ValueError(
            f"model does not know what its {classes} classes are called: it was not trained by "
            'catdog, or was saved by Keras alone. Pass class_names=["cats", "dogs"], say, in the '
            "order of the labels; data.class_names is in that order."
        )
    names = card.class_names if given is None and card else check_class_names(given)
    if len(names) != classes:
        listed = ", ".join(shorten([printable(name) for name in names]))
        raise ValueError(
            f"class_names holds {len(names)} names ({listed}), but model returns {classes} logits. "
            "Pass one name for each."
        )
    return names


def check_same_classes(model: keras.Model, class_names: tuple[str, ...], way_out: str) -> None:
    """Raise if a model knows other classes than those of some data."""
    card = get_metadata(model)
    if card and card.class_names != class_names:
        known, given = (
            ", ".join(shorten([printable(name) for name in names]))
            for names in (card.class_names, class_names)
        )
        raise ValueError(f"model knows the classes {known}, but the data has {given}. {way_out}")


def get_trained_size(card: ModelMetadata | None) -> ImageSize:
    """Return the size of the images that a model which takes any was trained on."""
    if card is None or card.image_size is None:
        raise ValueError(
            "model takes images of any size, and does not know which it was trained on. Train it "
            "with catdog, or begin it with keras.Input((height, width, 3))."
        )
    return card.image_size


def metadata_to_json(card: ModelMetadata) -> str:
    """Return a card as it is written into a file."""
    return json.dumps({"format": FORMAT, "version": VERSION, **asdict(card)}, indent=1)


def metadata_from_json(text: str | bytes) -> ModelMetadata:
    """Return the card that `metadata_to_json` wrote.

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
    """Return the card that a file holds; raise anything if it does not hold together."""
    size, recipe, split = raw["image_size"], raw["recipe"], raw["split"]
    return ModelMetadata(
        class_names=check_class_names(raw["class_names"]),
        image_size=None if size is None else checks.check_image_size(size),
        recipe=None if recipe is None else str(recipe),
        temperature=raw["temperature"],
        split=None if split is None else _read_split(**split),
        versions={str(name): str(value) for name, value in raw["versions"].items()},
    )


def _read_split(*, seed: Any, counts: Mapping[Any, Any], sha256: Any) -> SplitRecord:
    """Return the record of a split that a file holds; raise anything if it is none."""
    if not isinstance(sha256, str):
        raise TypeError(f"sha256 is {sha256!r}")
    return SplitRecord(
        seed=checks.check_seed(seed),
        counts={name: checks.check_positive_int(name, counts[name], at_least=0) for name in SPLITS},
        sha256=sha256,
    )
