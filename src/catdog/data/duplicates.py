"""Group images by content: images with equal content are duplicates."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


def group_by_content(
    items: Iterable[Item], content: Callable[[Item], Hashable]
) -> list[list[Item]]:
    """Group items by content; groups of more than one item are duplicates.

    Args:
        items: Images, or positions of images.
        content: Returns the content of an item, such as the SHA-256 hash of its file.

    Returns:
        The groups, ordered by their first items; the items of a group keep their order.

    Example:
        ```python
        group_by_content([0, 1, 2], ["a", "b", "a"].__getitem__)  # [[0, 2], [1]]
        ```
    """
    groups: dict[Hashable, list[Item]] = {}
    for item in items:
        groups.setdefault(content(item), []).append(item)
    return list(groups.values())
