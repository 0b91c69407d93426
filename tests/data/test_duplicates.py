from hypothesis import given
from hypothesis import strategies as st

from catdog.data.duplicates import group_by_content


def test_groups_are_in_the_order_of_their_first_items() -> None:
    assert group_by_content("bAaBc", str.lower) == [["b", "B"], ["A", "a"], ["c"]]
    assert group_by_content([], str) == []


@given(st.lists(st.integers(0, 5)))
def test_every_item_is_in_the_group_of_its_content(contents: list[int]) -> None:
    groups = group_by_content(range(len(contents)), contents.__getitem__)
    assert sorted(position for group in groups for position in group) == list(range(len(contents)))
    assert [len({contents[position] for position in group}) for group in groups] == [1] * len(
        groups
    )
    assert len(groups) == len(set(contents))
