"""Labels and class folders that may say that there is no label, or name several classes."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from catdog import load_datasets
from catdog.data.label_doubts import doubts_about_labels, says_no_label
from catdog.data.name_doubts import doubts_about_class_names
from tests.data.test_tables import labels_of


@pytest.mark.parametrize(
    "name",
    ["?", "??", "-1", "no_label", "No Label", "not sure", "none", "unlabelled", "unknown", "n.a."],
)
def test_labels_that_may_say_that_there_is_none(name: str) -> None:
    (doubt,) = doubts_about_labels(["cat", "dog", name])
    assert f"The labels {name!r} are used as classes, although" in str(doubt)
    assert says_no_label(name)
    assert [*doubts_about_labels(["1", name])] == []  # as in "1" and "-1"


@pytest.mark.parametrize(
    "name",
    ["no_label", "not sure", "New folder", "New folder (2)", "Neuer Ordner", "untitled folder 2",
     "unknown", "train_log", "test-results", "unsure"],
)  # fmt: skip
def test_folders_that_may_hold_no_class(name: str) -> None:
    (doubt,) = doubts_about_class_names(["cat", "dog", name], grouped=False)
    assert f"classes {name!r} are used, although" in str(doubt)


@pytest.mark.parametrize(
    "names", [["1", "2", "10"], ["notes", "unicorn", "nana"], ["new bags", "old bags", "logs"]]
)
def test_other_names(names: Sequence[str]) -> None:
    assert [*doubts_about_labels(names), *doubts_about_class_names(names, grouped=False)] == []


@pytest.mark.parametrize(
    "name",
    ["cat|dog", "cat,dog", "dog; cat", "cat / dog", "cat+dog", "cat & dog", "cat dog", "Cat,DOG",
     "cat and dog", "['cat', 'dog']", "cat|big bird", "cat\ndog"],
)  # fmt: skip
def test_several_labels_in_one_cell(name: str) -> None:
    (doubt,) = doubts_about_labels(["big bird", "cat", "dog", name])
    assert "are used as classes of their own, although each consists of" in str(doubt)


@pytest.mark.parametrize(
    "names", [["cat|dog", "dog|bird", "cat|bird"], ["['cat', 'dog']", "['dog']"]]
)
def test_lists_of_labels(names: Sequence[str]) -> None:
    (doubt,) = doubts_about_labels(names)
    assert "or of parts of these" in str(doubt)


@pytest.mark.parametrize(
    "names",
    [["cat", "dog", "cat, big"], ["cat", "dog"], ["a", "ab", "a|"], ["x|y", "a|b", "c"]],
)
def test_labels_of_one_class(names: Sequence[str]) -> None:
    assert [*doubts_about_labels(names)] == []


def test_load_datasets_says_so(flat: Path) -> None:
    labels = labels_of(flat)
    for number, name in enumerate(labels):
        labels[name] = ("cat", "dog", "cat|dog", "?")[number % 4]
    with pytest.warns(UserWarning, match=r"'\?' are used|'cat\|dog' are used") as caught:
        load_datasets(flat, labels=labels)
    assert [warning.filename for warning in caught] == [__file__] * 2
