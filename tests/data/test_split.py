import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog._types import Labels
from catdog.data._split import stratified_split

label_lists = st.lists(st.integers(0, 3), min_size=3, max_size=200).map(
    lambda labels: np.array(labels * 3, np.int32)  # so that every class has at least three
)
three_shares = st.tuples(st.floats(0.05, 0.4), st.floats(0.05, 0.4)).map(
    lambda held_out: (1 - sum(held_out), *held_out)
)


@given(label_lists, three_shares, st.integers(0, 2**31 - 1))
def test_parts_hold_every_picture_once(
    labels: Labels, shares: tuple[float, ...], seed: int
) -> None:
    parts = stratified_split(labels, shares, seed=seed)
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))


@given(label_lists, three_shares, st.integers(0, 2**31 - 1))
def test_every_class_is_shared_out_to_within_one_picture(
    labels: Labels, shares: tuple[float, ...], seed: int
) -> None:
    parts = stratified_split(labels, shares, seed=seed)
    for label in np.unique(labels):
        count = np.sum(labels == label)
        sizes = [np.sum(labels[part] == label) for part in parts]
        assert min(sizes) >= 1
        if min(count * np.array(shares)) >= 1:
            assert np.abs(np.array(sizes) - count * np.array(shares)).max() <= 1 + 1e-6


@given(label_lists, three_shares, st.integers(0, 2**31 - 1))
def test_same_seed_same_parts(labels: Labels, shares: tuple[float, ...], seed: int) -> None:
    first = stratified_split(labels, shares, seed=seed)
    second = stratified_split(labels, shares, seed=seed)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_other_seed_other_parts() -> None:
    labels = np.repeat([0, 1], 100)
    first, second = (stratified_split(labels, (0.8, 0.2), seed=seed)[1] for seed in (0, 1))
    assert not np.array_equal(first, second)


@given(st.integers(1, 500), st.integers(1, 99))
def test_balanced_percentages_are_exact(hundreds: int, percent: int) -> None:
    labels = np.zeros(100 * hundreds, np.int32)
    _, part = stratified_split(labels, (1 - percent / 100, percent / 100), seed=0)
    assert len(part) == percent * hundreds


def test_the_caller_keeps_its_random_state_and_labels() -> None:
    np.random.seed(3)  # noqa: NPY002  # the legacy global state is what must stay untouched
    before = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    labels = np.repeat([0, 1], 5)
    stratified_split(labels, (0.5, 0.5), seed=0)
    after = np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002
    assert np.array_equal(after, before)
    assert labels.tolist() == [0] * 5 + [1] * 5


def test_too_few_pictures() -> None:
    with pytest.raises(ValueError, match="1 pictures cannot be divided into 2 parts"):
        stratified_split(np.array([0, 0, 1]), (0.5, 0.5), seed=0)
