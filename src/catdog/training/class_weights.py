"""Class weights: how much the images of each class count in the loss."""

from collections.abc import Mapping
from typing import Any

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError
from catdog._utils.text import composed, list_names
from catdog.data.datasets import Datasets
from catdog.typing import ClassWeight

MAX_WEIGHT = 1e6  # losses with much larger weights overflow


def label_weights(class_weight: ClassWeight | None, data: Datasets) -> dict[int, float] | None:
    """Return a weight for each label, in the form that Keras takes.

    Args:
        class_weight: `"balanced"`, or a weight for each class name. `"balanced"` gives each class
            the weight n / (classes * images of the class), as scikit-learn does. The mean weight of
            a training image is then 1.
        data: Gives the class names, and the counts of the training images.

    Returns:
        A weight for each label; `None` without class weights.

    Raises:
        ValueError: If the weights do not fit the classes, or one is out of its range.

    Source: G. King and L. Zeng, "Logistic Regression in Rare Events Data", Political Analysis 9
    (2001).
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str) and class_weight == "balanced":
        counts = list(data.label_counts("train").values())
        return {label: sum(counts) / (len(counts) * count) for label, count in enumerate(counts)}
    weights = _by_composed_name(class_weight)
    if set(weights) != set(data.class_names):
        raise InvalidValueError(
            f'must be "balanced" or a weight for each class ({list_names(data.class_names)}), not '
            f"{class_weight!r}",
            argument="class_weight",
        )
    for name, weight in weights.items():
        number = checks.as_float(weight)
        if number is None or not 0 <= number <= MAX_WEIGHT:
            raise InvalidValueError(
                f"class_weight[{name!r}] must be a number from 0 to {MAX_WEIGHT:g}, not {weight!r}"
            )
    if not any(weights.values()):
        raise InvalidValueError(
            "leaves no images to train on", argument="class_weight", value=class_weight
        )
    return {label: float(weights[name]) for label, name in enumerate(data.class_names)}


def _by_composed_name(class_weight: Any) -> dict[Any, Any]:
    """Return the weights by the names as `Datasets.class_names` has them; empty if no mapping."""
    if not isinstance(class_weight, Mapping):
        return {}
    return {
        composed(name) if isinstance(name, str) else name: weight
        for name, weight in class_weight.items()
    }
