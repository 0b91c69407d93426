"""Splits of whole groups."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from catdog.data.group_split import grouped_split

SHARES = (0.6, 0.2, 0.2)


@st.composite
def grouped_labels(draw: st.DrawFn) -> tuple[np.ndarray, list[int]]:
    """Draw the label and the group of each image; groups may span classes."""
    classes = draw(st.integers(2, 4))
    sizes = draw(st.lists(st.integers(1, 8), min_size=6 * classes, max_size=40))
    labels, groups = [], []
    for group, size in enumerate(sizes):
        own = group % classes
        others = draw(st.booleans())
        last = (own + 1) % classes if others and size > 1 else own
        labels += [own] * (size - 1) + [last]
        groups += [group] * size
    return np.array(labels, np.int32), groups


@given(grouped_labels(), st.integers(0, 5))
def test_no_group_is_in_two_parts(drawn: tuple[np.ndarray, list[int]], seed: int) -> None:
    labels, groups = drawn
    contents = list(range(len(labels)))
    parts = grouped_split(labels, SHARES, groups=groups, contents=contents, seed=seed)
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    inside = [{groups[position] for position in part} for part in parts]
    assert sum(map(len, inside)) == len(set(groups))
    assert all(set(labels[part]) == set(labels) for part in parts)
    again = grouped_split(labels, SHARES, groups=groups, contents=contents, seed=seed)
    assert all(np.array_equal(part, other) for part, other in zip(parts, again, strict=True))


def largest_gap(labels: np.ndarray, parts: list[np.ndarray]) -> float:
    """Return the largest gap between the share of a class in a part and the part's own share."""
    counts = np.bincount(labels)
    shares = [np.bincount(labels[part], minlength=len(counts)) / counts for part in parts]
    return float(np.abs(np.array(shares) - 1 / len(parts)).max())


@pytest.mark.filterwarnings("ignore:The least populated class")
@given(grouped_labels())
def test_parts_are_as_stratified_as_those_of_sklearn(
    drawn: tuple[np.ndarray, list[int]],
) -> None:
    labels, groups = drawn
    folds = StratifiedGroupKFold(n_splits=3).split(labels, labels, groups)
    theirs = largest_gap(labels, [test for _, test in folds])
    contents = list(range(len(labels)))
    ours = [
        largest_gap(
            labels,
            list(grouped_split(labels, [1 / 3] * 3, groups=groups, contents=contents, seed=seed)),
        )
        for seed in range(3)
    ]
    smallest = np.bincount(labels).min()
    assert min(ours) <= theirs + 8 / smallest + 1e-9  # a group has at most 8 images


def test_another_seed_gives_another_split() -> None:
    labels, groups = np.arange(200, dtype=np.int32) % 2, [number // 5 for number in range(200)]
    first, second = (
        grouped_split(labels, SHARES, groups=groups, contents=range(200), seed=seed)[2]
        for seed in (0, 1)
    )
    assert len(first) == len(second) == 40
    assert set(first) != set(second)


def test_another_seed_gives_another_split_of_groups_of_different_sizes() -> None:
    groups = np.repeat(np.arange(20), np.arange(10, 30))
    labels = (groups % 2).astype(np.int32)
    tests = {
        tuple(
            grouped_split(
                labels, SHARES, groups=groups.tolist(), contents=range(len(groups)), seed=seed
            )[2]
        )
        for seed in range(12)
    }
    assert len(tests) > 6


def test_groups_that_share_an_image_stay_together() -> None:
    labels = np.zeros(12, np.int32)
    groups = [number // 2 for number in range(12)]
    contents = [*range(11), 0]  # the last image is a duplicate of the first
    parts = grouped_split(labels, (0.5, 0.5), groups=groups, contents=contents, seed=0)
    assert any({0, 1, 10, 11} <= set(part.tolist()) for part in parts)


def test_the_last_group_of_a_class_is_moved() -> None:
    """Two large groups fill two parts; the third part still gets an image of each class."""
    labels = np.repeat([0, 0, 0, 1, 1, 1], [50, 40, 1, 50, 40, 1])
    groups = np.repeat([0, 1, 2, 3, 4, 5], [50, 40, 1, 50, 40, 1]).tolist()
    parts = grouped_split(labels, SHARES, groups=groups, contents=range(len(labels)), seed=0)
    assert all(set(labels[part]) == {0, 1} for part in parts)


def test_too_few_groups() -> None:
    labels = np.repeat([0, 1], 10)
    groups = [number // 5 for number in range(20)]
    with pytest.raises(ValueError, match="groups of class 0 do not suffice for 3 parts"):
        grouped_split(labels, SHARES, groups=groups, contents=range(20), seed=0)


def test_twenty_thousand_images() -> None:
    labels = np.arange(20_000, dtype=np.int32) % 100
    groups = (np.arange(20_000) // 4).tolist()
    parts = grouped_split(labels, SHARES, groups=groups, contents=range(20_000), seed=0)
    assert largest_gap(labels, [parts[1], parts[2]]) <= 0.5
    assert [len(part) for part in parts] == pytest.approx([12_000, 4_000, 4_000], abs=200)
