"""What a model knows beside its weights: its class names, its calibration, where it comes from."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any
from weakref import WeakKeyDictionary

import keras

from catdog import _checks
from catdog._text import printable, shorten
from catdog._types import SPLITS, ImageSize, Split
from catdog.data import Datasets
from catdog.data._datasets import content_hashes, serve_to
from catdog.models import list_models

FORMAT = "catdog model card"
VERSION = 1


@dataclass(frozen=True)
class SplitRecord:
    """Which pictures a model was trained on, in short.

    Attributes:
        seed: The seed of the data.
        counts: Number of pictures in each of the three sets.
        sha256: Hash of which picture, by its content, is in which set and class. Two splits are the
            same if their hashes are.
    """

    seed: int
    counts: Mapping[Split, int]
    sha256: str


@dataclass(frozen=True)
class ModelCard:
    """What a model knows beside its weights.

    Attributes:
        class_names: Names of the classes, in the order of the model's logits.
        image_size: Height and width in pixels of the pictures it was trained on, if known.
        recipe: Its name in the zoo; `None` for a model of one's own.
        temperature: What the logits are divided by before the softmax; 1 if not calibrated.
        split: The pictures it was trained on, if known.
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
            _checks.check_image_size(self.image_size)
        temperature = _checks.as_float(self.temperature)
        if temperature is None or not 0 < temperature < math.inf:
            raise ValueError(
                f"temperature must be a number above 0, not {self.temperature!r}. "
                "1 leaves the probabilities as they are."
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
_cards: WeakKeyDictionary[keras.Model, ModelCard] = WeakKeyDictionary()


def card_of(model: keras.Model) -> ModelCard | None:
    """Return what is known about a model; `None` if nothing, or if it has other classes now."""
    card = _cards.get(model)
    return card if card and len(card.class_names) == model.output_shape[-1] else None


def give_card(model: keras.Model, card: ModelCard) -> None:
    """Let a model know something, in place of what it knew.

    Raises:
        ValueError: If the card is that of a model of more or fewer classes.
    """
    if len(card.class_names) != model.output_shape[-1]:
        raise ValueError(
            f"The card names {len(card.class_names)} classes, but model returns shape "
            f"{model.output_shape}."
        )
    _cards[model] = card


def temperature_of(model: keras.Model) -> float:
    """Return what the model's logits are divided by before the softmax; 1 if not calibrated."""
    card = card_of(model)
    return card.temperature if card else 1.0


def remember(model: keras.Model, data: Datasets) -> None:
    """Let a model know what it is trained on; an earlier calibration is forgotten.

    Training functions call it when all is checked and before the first step, so that a run that
    is broken off, or whose callbacks save the model, has it too.
    """
    give_card(
        model,
        ModelCard(
            class_names=data.class_names,
            image_size=serve_to(model, data).image_size,
            recipe={name.replace(".", "_"): name for name in list_models()}.get(model.name),
            split=_record_split(data),
            versions={package: version(package) for package in ("catdog", "keras")},
        ),
    )


def _record_split(data: Datasets) -> SplitRecord:
    """Return which picture is in which set, in short."""
    lines = [
        f"{split} {label} {content}\n"
        for split in SPLITS
        for label, content in zip(data.labels(split), content_hashes(data, split), strict=True)
    ]
    digest = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    counts = {split: len(data.paths(split)) for split in SPLITS}
    return SplitRecord(data.seed, counts, digest)


def card_to_json(card: ModelCard) -> str:
    """Return a card as it is written into a file."""
    return json.dumps({"format": FORMAT, "version": VERSION, **asdict(card)}, indent=1)


def card_from_json(text: str | bytes) -> ModelCard:
    """Return the card that `card_to_json` wrote.

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
            f"of version {written}, but this catdog reads versions up to {VERSION}. "
            "Update catdog: pip install --upgrade catdog"
        )
    try:
        return _read_card(raw)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"damaged ({error!r})") from error


def _read_card(raw: Mapping[str, Any]) -> ModelCard:
    """Return the card that a file holds; raise anything if it does not hold together."""
    size, recipe, split = raw["image_size"], raw["recipe"], raw["split"]
    return ModelCard(
        class_names=check_class_names(raw["class_names"]),
        image_size=None if size is None else _checks.check_image_size(size),
        recipe=None if recipe is None else str(recipe),
        temperature=raw["temperature"],
        split=split and SplitRecord(**split),
        versions={str(name): str(value) for name, value in raw["versions"].items()},
    )
