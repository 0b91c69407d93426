from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from catdog.data.split import stratified_split
from catdog.typing import Labels
from tests.conftest import Golden


def split(labels: Labels, shares: Sequence[float], *, seed: int) -> tuple[NDArray[np.intp], ...]:
    """Split images that are all different."""
    return stratified_split(labels, shares, contents=range(len(labels)), seed=seed)


label_lists = st.lists(st.integers(0, 3), min_size=3, max_size=200).map(
    lambda labels: np.array(labels * 3, np.int32)  # so that every class has at least three
)
three_shares = st.tuples(st.floats(0.05, 0.4), st.floats(0.05, 0.4)).map(
    lambda held_out: (1 - sum(held_out), *held_out)
)


@given(label_lists, three_shares, st.integers(0, 2**31 - 1))
def test_parts_hold_every_image_once(labels: Labels, shares: tuple[float, ...], seed: int) -> None:
    parts = split(labels, shares, seed=seed)
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))


@given(label_lists, three_shares, st.integers(0, 2**31 - 1))
def test_every_part_gets_its_share_to_within_one_image(
    labels: Labels, shares: tuple[float, ...], seed: int
) -> None:
    parts = split(labels, shares, seed=seed)
    for label in np.unique(labels):
        count = np.sum(labels == label)
        sizes = [np.sum(labels[part] == label) for part in parts]
        assert min(sizes) >= 1
        if min(count * np.array(shares)) >= 1:
            assert np.abs(np.array(sizes) - count * np.array(shares)).max() <= 1 + 1e-6


@given(label_lists, three_shares, st.integers(0, 2**31 - 1))
def test_same_seed_same_parts(labels: Labels, shares: tuple[float, ...], seed: int) -> None:
    first = split(labels, shares, seed=seed)
    second = split(labels, shares, seed=seed)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_other_seed_other_parts() -> None:
    labels = np.repeat([0, 1], 100)
    first, second = (split(labels, (0.8, 0.2), seed=seed)[1] for seed in (0, 1))
    assert not np.array_equal(first, second)


@given(st.integers(1, 500), st.integers(1, 99))
def test_balanced_percentages_are_exact(hundreds: int, percent: int) -> None:
    labels = np.zeros(100 * hundreds, np.int32)
    _, part = split(labels, (1 - percent / 100, percent / 100), seed=0)
    assert len(part) == percent * hundreds


def test_the_caller_keeps_its_random_state_and_labels() -> None:
    np.random.seed(3)  # noqa: NPY002  # the legacy global state is what must stay untouched
    before = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    labels = np.repeat([0, 1], 5)
    split(labels, (0.5, 0.5), seed=0)
    after = np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002
    assert np.array_equal(after, before)
    assert labels.tolist() == [0] * 5 + [1] * 5


@st.composite
def with_duplicates(draw: st.DrawFn) -> tuple[Labels, list[int]]:
    """Labels and contents: in each class at least three different images, some with duplicates."""
    labels: list[int] = []
    contents: list[int] = []
    for label in range(draw(st.integers(1, 3))):
        for copies in draw(st.lists(st.integers(1, 6), min_size=3, max_size=40)):
            labels += [label] * copies
            contents += [len(contents)] * copies
    order = draw(st.permutations(range(len(labels))))
    return np.array(labels, np.int32)[order], [contents[i] for i in order]


@given(with_duplicates(), three_shares, st.integers(0, 2**31 - 1))
def test_duplicates_stay_together(
    images: tuple[Labels, list[int]], shares: tuple[float, ...], seed: int
) -> None:
    labels, contents = images
    parts = stratified_split(labels, shares, seed=seed, contents=contents)
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    seen = [{contents[i] for i in part} for part in parts]
    assert len(set.union(*seen)) == sum(map(len, seen))
    for label in np.unique(labels):
        assert all((labels[part] == label).any() for part in parts)


@given(st.integers(0, 30), st.lists(st.integers(2, 5), max_size=20), st.integers(0, 2**31 - 1))
def test_duplicates_that_fit_keep_the_shares(extra: int, copies: list[int], seed: int) -> None:
    singles = max(copies, default=2) * 3 + extra  # enough to fill every part up
    contents = list(range(singles))
    for size in copies:
        contents += [len(contents)] * size
    shares = (0.6, 0.2, 0.2)
    parts = stratified_split(
        np.zeros(len(contents), np.int32), shares, seed=seed, contents=contents
    )
    if min(share * len(contents) for share in shares) >= max(copies, default=1):
        sizes = np.array([len(part) for part in parts])
        assert np.abs(sizes - len(contents) * np.array(shares)).max() <= 1 + 1e-6


def test_duplicates_go_to_any_part() -> None:
    contents = [*range(40), *([100] * 2)]
    labels = np.zeros(42, np.int32)
    parts = [
        next(
            part
            for part, chosen in enumerate(
                stratified_split(labels, (0.5, 0.25, 0.25), contents=contents, seed=seed)
            )
            if 41 in chosen
        )
        for seed in range(200)
    ]
    assert np.abs(np.bincount(parts) / 200 - [0.5, 0.25, 0.25]).max() < 0.12  # 3.4 deviations


def test_duplicates_count_once() -> None:
    with pytest.raises(ValueError, match="2 images cannot be split into 3 parts"):
        stratified_split(
            np.zeros(6, np.int32), (0.6, 0.2, 0.2), seed=0, contents=[1, 1, 1, 1, 2, 2]
        )


def test_too_few_images() -> None:
    with pytest.raises(ValueError, match="1 images cannot be split into 2 parts"):
        split(np.array([0, 0, 1]), (0.5, 0.5), seed=0)


def test_the_split_of_seed_zero_never_changes(golden: Golden) -> None:
    labels = np.repeat(np.arange(3), [40, 25, 10]).astype(np.int32)
    contents = [str(position % 60) for position in range(75)]  # some duplicates
    parts = stratified_split(labels, [0.6, 0.2, 0.2], contents=contents, seed=0)
    found = [part.tolist() for part in parts]
    assert found == golden("split of 75 images, seed 0", found)
