from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier

from catdog import baseline_accuracy, load_datasets
from tests.conftest import MakeFolder

labels = st.lists(st.integers(0, 4) | st.integers(0, 2**62), min_size=1, max_size=100)


@given(labels)
def test_agrees_with_dummy_classifier_of_sklearn(values: list[int]) -> None:
    images = np.zeros((len(values), 1))
    dummy = DummyClassifier(strategy="most_frequent").fit(images, values)
    assert baseline_accuracy(values) == pytest.approx(dummy.score(images, values))


def test_the_majority_class_is_that_of_the_training_images(make_folder: MakeFolder) -> None:
    folder = make_folder(
        {
            "train/cats": 3,
            "train/dogs": 5,
            "validation/cats": 6,
            "validation/dogs": 2,
            "test/cats": 1,
            "test/dogs": 1,
        }
    )
    data = load_datasets(folder)
    assert baseline_accuracy(data, split="train") == 5 / 8
    assert baseline_accuracy(data, split="validation") == 2 / 8
    assert baseline_accuracy(data) == baseline_accuracy(data, split="test") == 1 / 2


def test_no_image_is_read(image_folder: Path) -> None:
    data = load_datasets(image_folder)
    for split in ("train", "validation", "test"):
        for path in data.paths(split):
            path.write_bytes(b"")
    assert baseline_accuracy(data) == 0.5


def test_of_equally_common_classes_the_first_counts(make_folder: MakeFolder) -> None:
    counts = {"train/a": 2, "train/b": 2, "validation/a": 3, "validation/b": 1}
    folder = make_folder({**counts, "test/a": 1, "test/b": 4})
    assert baseline_accuracy(load_datasets(folder)) == 1 / 5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "one-dimensional with at least one label"),
        ([[0, 1]], r"one-dimensional with at least one label, not of shape \(1, 2\)"),
        ([0.5, 1.0], "whole numbers from 0"),
        ([-1, 1], "whole numbers from 0.*-1"),
        (["cat", "dog"], "whole numbers from 0"),
    ],
)
def test_bad_labels(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        baseline_accuracy(values)


def test_unknown_split(image_folder: Path) -> None:
    with pytest.raises(ValueError, match="split='tests' is not known. Did you mean 'test'"):
        baseline_accuracy(load_datasets(image_folder), split="tests")  # type: ignore[arg-type]
