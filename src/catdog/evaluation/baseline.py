"""The accuracy of the majority-class baseline, which always answers the most common class."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError
from catdog._utils.public import public
from catdog.data.datasets import Datasets
from catdog.typing import Split


@public
def baseline_accuracy(
    data_or_labels: Datasets | Sequence[int] | NDArray[np.integer], *, split: Split = "test"
) -> float:
    """Return the accuracy of the majority-class baseline.

    The baseline always answers the most common class of the training images. A model is useful
    only if its accuracy is higher. Only labels are counted; no image is read.

    Args:
        data_or_labels: The data; or labels alone, shape `(n,)`, integers. With labels alone, the
            class is chosen from them and evaluated on them.
        split: The split to evaluate on, if data are passed.

    Returns:
        The share, from 0 to 1, of the labels of the split that are of the most common training
        class. Of equally common classes, the first one is taken. The result is 0 if the split has
        no image of that class.

    Raises:
        ValueError: If there are no labels, they are not one-dimensional whole numbers, or the
            split is unknown.

    Example:
        ```python
        from catdog import baseline_accuracy

        print(baseline_accuracy([0, 0, 0, 1]))  # 0.75
        ```

    Source: `sklearn.dummy.DummyClassifier(strategy="most_frequent")`.
    """
    checks.check_split(split)
    train: NDArray[np.integer]
    evaluated: NDArray[np.integer]
    if isinstance(data_or_labels, Datasets):
        train, evaluated = data_or_labels.labels("train"), data_or_labels.labels(split)
    else:
        train = evaluated = _as_labels(data_or_labels)
    return float(np.mean(evaluated == majority_class(train)))


def majority_class(labels: NDArray[np.integer]) -> int:
    """Return the most common label, the smallest of equally common ones."""
    values, counts = np.unique(labels, return_counts=True)
    return int(values[np.argmax(counts)])


def _as_labels(labels: Sequence[int] | NDArray[np.integer]) -> NDArray[np.integer]:
    """Return labels as an array of shape `(n,)`, after checking them."""
    array = np.asarray(labels)
    if array.ndim != 1 or array.size == 0:
        raise InvalidValueError(
            f"must be one-dimensional with at least one label, not of shape {array.shape}",
            argument="data_or_labels",
        )
    if not np.issubdtype(array.dtype, np.integer) or array.min() < 0:
        raise InvalidValueError(
            "must be whole numbers from 0, the positions of the classes in class_names, "
            f"not {array[:5].tolist()}",
            argument="data_or_labels",
        )
    return array
