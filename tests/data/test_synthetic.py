import itertools
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from catdog import load_datasets
from catdog.data import synthetic
from catdog.typing import SPLITS


@pytest.mark.parametrize("kind", ["cat", "dog"])
def test_faces_follow_the_generator(kind: Literal["cat", "dog"]) -> None:
    first, second, other = (
        np.asarray(synthetic.draw_face(kind, np.random.default_rng(seed), size=64))
        for seed in (0, 0, 1)
    )
    assert first.shape == (64, 64, 3)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_smaller_sets_are_the_beginning_of_larger_ones(tmp_path: Path) -> None:
    for name, counts in (("small", {"train": 1, "test": 1}), ("large", {"train": 2, "test": 2})):
        synthetic.write_images(tmp_path / name, counts=counts)
    small = sorted(path for path in (tmp_path / "small").rglob("*.jpg"))
    assert len(small) == 4
    for path in small:
        other = tmp_path / "large" / path.relative_to(tmp_path / "small")
        assert path.read_bytes() == other.read_bytes()


def test_no_two_images_are_alike(tmp_path: Path) -> None:
    synthetic.write_images(tmp_path, counts=dict.fromkeys(SPLITS, 3))
    contents = [path.read_bytes() for path in tmp_path.rglob("*.jpg")]
    assert len(contents) == 18
    assert all(a != b for a, b in itertools.combinations(contents, 2))


def test_the_built_in_set() -> None:
    data = load_datasets("synthetic")
    assert data.class_names == ("cats", "dogs")
    assert [data.label_counts(split) for split in SPLITS] == [
        {"cats": n, "dogs": n} for n in (500, 200, 200)
    ]


def test_colour_alone_does_not_separate_the_classes() -> None:
    from sklearn.linear_model import LogisticRegression

    data = load_datasets("synthetic", image_size=(8, 8))
    means = {
        split: np.concatenate([images.numpy().mean(axis=(1, 2)) for images, _ in dataset])
        for split, dataset in (("validation", data.validation), ("test", data.test))
    }
    model = LogisticRegression().fit(means["validation"], data.labels("validation"))
    assert model.score(means["test"], data.labels("test")) < 0.6
