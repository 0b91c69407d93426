from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import ArrayLike

from catdog import Datasets, evaluate, load_datasets
from tests.conftest import make_colour_model
from tests.evaluations import make_evaluation

SIZE = (24, 24)


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder, image_size=SIZE, batch_size=3)


def model_of(weights: ArrayLike, bias: ArrayLike = (0.0, 0.0)) -> keras.Model:
    """Return a model of the mean of each colour."""
    return make_colour_model(weights, bias, image_size=SIZE)


def test_printed_block(data: Datasets) -> None:
    result = evaluate(model_of(np.zeros((3, 2))), data, verbose=0)
    assert str(result).splitlines() == [
        "test set: 2 of 4 images right",
        "  accuracy      50.0%  (95 % confidence interval 15.0% to 85.0%)",
        "  baseline      50.0%  (majority class 'cats'): the interval is not above it",
        "  loss         0.6931",
        "  AUC          0.5000",
        "  calibration    0.0%  (expected calibration error)",
        "  class  precision  recall     F1  images",
        "  cats       50.0%  100.0%  66.7%       2",
        "  dogs        0.0%    0.0%   0.0%       2",
        "  true class  cats  dogs  (predicted)",
        "  cats           2     0",
        "  dogs           2     0",
        "  fewer than 10 images, too few for figures of a class: 'cats', 'dogs'",
        "  never predicted, so precision counts as 0: 'dogs'",
        "  test set evaluated 1 time",
    ]
    assert repr(result) == "<Evaluation: test set: 2 of 4 images right>"


def test_many_classes_do_not_fill_the_screen() -> None:
    logits = np.eye(120)[np.arange(119) // 2 * 2]  # every second one is predicted as its neighbour
    result = make_evaluation(range(119), logits, class_names=tuple(f"dog {i}" for i in range(120)))
    lines = str(result).splitlines()
    assert len(lines) < 35
    assert max(map(len, lines)) < 250
    assert "  10 of 120 classes, the lowest F1 first:" in lines
    assert "  dog 1        0.0%    0.0%  0.0%       1" in lines
    assert "  true class  predicted class  images" in lines
    assert "  dog 1                 dog 0       1" in lines
    assert lines[-2] == "  no images, so recall counts as 0: 'dog 119'"
    assert lines[-1].endswith("'dog 19', ... and 50 more")


def test_long_names_do_not_fill_the_screen() -> None:
    names = tuple(letter * 40 for letter in "abcdef")
    result = make_evaluation([0, 1], np.eye(6)[[0, 2]], class_names=names)
    assert max(map(len, str(result).splitlines()[:-2])) < 120


def test_a_notebook_shows_tables_of_escaped_names() -> None:
    names = ("<img src=x>", "a & b")
    html = make_evaluation(
        [0, 1], np.eye(2), class_names=names, test_evaluations=2, split="test"
    )._repr_html_()
    assert "<b>test set: 2 of 2 images right</b>" in html
    assert "<td>&lt;img src=x&gt;</td><td>100.0%</td>" in html
    assert "<th>a &amp; b</th>" in html
    assert "<p>test set evaluated 2 times</p>" in html
    assert "<img" not in html
