"""Group images by content: images with equal content are duplicates."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

from catdog.data.report import Finding, ImageFile, Reason
from catdog.typing import SPLITS

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


def find_duplicates(images: Iterable[ImageFile], class_names: Sequence[str]) -> Iterator[Finding]:
    """Yield the findings about duplicates."""
    for group in group_by_content(images, lambda image: image.sha256):
        for image, reason, other in _compare_duplicates(group):
            class_name = class_names[image.label]
            yield Finding(image.path, reason, "", class_name, image.split, other.path)


def _compare_duplicates(
    duplicates: Sequence[ImageFile],
) -> Iterator[tuple[ImageFile, Reason, ImageFile]]:
    """Yield the files of a group of duplicates that have a finding: file, reason, other file.

    Duplicates with several labels cannot be used. Otherwise one file has no finding: the first one
    in the test set, else in the validation set, else in the training set. So no image to evaluate
    on is trained on.
    """
    if len({image.label for image in duplicates}) > 1:
        first = duplicates[0]
        other = next(image for image in duplicates if image.label != first.label)
        for image in duplicates:
            yield image, "conflicting_labels", other if image.label == first.label else first
        return
    kept = max(duplicates, key=_split_rank)
    for image in duplicates:
        if image.split != kept.split:
            yield image, "split_overlap", kept
        elif image is not kept:
            yield image, "duplicate", kept


def _split_rank(image: ImageFile) -> int:
    """Return the rank of the image's split: the test set is highest; 0 without split folders."""
    return SPLITS.index(image.split) if image.split else 0
