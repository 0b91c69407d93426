"""Findings about files that hold the same image, or nearly the same, or have the same name."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catdog._utils.components import connect
from catdog._utils.text import composed
from catdog.data.duplicates import group_by_content
from catdog.data.findings import Finding, ImageFile, Reason
from catdog.data.layout import Layout
from catdog.data.near_duplicates import Directions, NearBlock, find_near
from catdog.typing import SPLITS


def find_duplicates(images: Iterable[ImageFile], layout: Layout) -> Iterator[Finding]:
    """Yield the findings about duplicates."""
    for group in group_by_content(images, lambda image: image.sha256):
        for image, reason, other in _compare_duplicates(group):
            yield _finding(image, reason, other, layout)


def mark_near_duplicates(
    images: Sequence[ImageFile],
    whole: Directions,
    own: Directions,
    layout: Layout,
    *,
    left_out: Collection[str] = (),
) -> tuple[list[ImageFile], list[Finding]]:
    """Number the clusters of near duplicates, and return the images with them, and the findings.

    Images that are connected by near duplicates are in one cluster. Of duplicates, only the one
    that is used has a finding here, and what is left out is compared with no image.

    Args:
        images: The images.
        whole: Their thumbnails, as `directions` returns them.
        own: What is left of these without what all share.
        layout: The layout of the folder.
        left_out: The hashes of the images that corrections leave out.
    """
    kept: dict[str, int] = {}
    for position, image in enumerate(images):
        known = kept.setdefault(image.sha256, position)
        if _split_rank(image) > _split_rank(images[known]):
            kept[image.sha256] = position
    positions = list(kept.values())
    different = [images[position] for position in positions]
    if len(positions) < len(images):
        whole, own = whole[positions], own[positions]
    is_used = np.array([image.sha256 not in left_out for image in different], np.bool_)
    clusters, noted = _connect_near(different, is_used, find_near(whole, own))
    findings = [_finding(*about, layout) for about in noted]
    sizes = np.bincount(clusters, minlength=len(different))
    cluster_of = {
        content: int(number)
        for content, number in zip(kept, clusters, strict=True)
        if sizes[number] > 1
    }
    marked = [
        replace(image, cluster=cluster_of[image.sha256]) if image.sha256 in cluster_of else image
        for image in images
    ]
    return marked, findings


def find_confusable_names(images: Iterable[ImageFile], layout: Layout) -> Iterator[Finding]:
    """Yield a finding for each file whose name looks the same as that of a file before it."""
    first: dict[str, ImageFile] = {}
    for image in images:
        other = first.setdefault(composed(str(image.path)), image)
        if other is not image:
            class_name = layout.class_names[image.label]
            detail = f"looks the same as the name of {other.path.name!a}"
            yield Finding(image.path, "confusable_name", detail, class_name, image.split)


def _finding(image: ImageFile, reason: Reason, other: ImageFile, layout: Layout) -> Finding:
    """Return a finding about two files."""
    class_name = layout.class_names[image.label]
    return Finding(image.path, reason, "", class_name, image.split, other.path)


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


def _connect_near(
    images: Sequence[ImageFile], is_used: NDArray[np.bool_], blocks: Iterable[NearBlock]
) -> tuple[NDArray[np.intp], list[tuple[ImageFile, Reason, ImageFile]]]:
    """Number the clusters of near duplicates, and compare each image with its near duplicates.

    Args:
        images: The images.
        is_used: Whether each is used; what is not is in a cluster, but has no finding.
        blocks: Their near duplicates.

    Returns:
        The cluster of each image, and for each that has a finding: the image, the most serious
        reason and the first other image that it holds for. The first image of several in one class
        and split has none.
    """
    count = len(images)
    clusters = np.arange(count)
    labels = np.array([image.label for image in images])
    splits = np.array([_split_rank(image) for image in images])
    # Position of the first near duplicate of another class, in another split, and of any.
    first = np.full((3, count), count)
    for rows, others, is_near in blocks:
        for row, near in zip(rows, is_near, strict=True):
            connect(clusters, np.append(others[near], row))
        is_near &= is_used[rows][:, np.newaxis] & is_used[others]
        of_label = is_near & (labels[rows][:, np.newaxis] != labels[others])
        of_split = is_near & (splits[rows][:, np.newaxis] != splits[others])
        for positions, of_kind in zip(first, (of_label, of_split, is_near), strict=True):
            _keep_first(positions, rows, others, of_kind)
            _keep_first(positions, others, rows, of_kind.T)
    return clusters, [
        (image, reason, images[other])
        for row, (image, others) in enumerate(zip(images, first.T.tolist(), strict=True))
        for reason, other in _most_serious(row, others, count)
    ]


def _keep_first(
    first: NDArray[np.intp],
    items: NDArray[np.intp],
    others: NDArray[np.intp],
    is_found: NDArray[np.bool_],
) -> None:
    """Keep the position of the first of some others that are found for each item, in place."""
    has_any = is_found.any(axis=1)
    found = others[is_found[has_any].argmax(axis=1)]
    first[items[has_any]] = np.minimum(first[items[has_any]], found)


def _most_serious(row: int, first: Sequence[int], count: int) -> Iterator[tuple[Reason, int]]:
    """Yield the most serious finding about an image: the reason and the position of the other."""
    of_label, of_split, of_any = first
    if of_label < count:
        yield "near_duplicate_labels", of_label
    elif of_split < count:
        yield "near_duplicate_splits", of_split
    elif of_any < row:
        yield "near_duplicate", of_any
