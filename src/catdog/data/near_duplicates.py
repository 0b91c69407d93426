"""Near duplicates: images that are nearly the same, found by comparing tiny thumbnails."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.images.thumbnails import TINY_SIDE

# Chosen on 200 drawn faces and 200 photos that were saved again, resized, brightened and cropped by
# 3 % (of each change, 95 % and more are found), and on the 3000 photos of cats_and_dogs_filtered
# and the 1800 faces of synthetic (no pair of different images is found).
MIN_CORRELATION = 0.9
MIN_CONTRAST = 4.0  # standard deviation in grey levels; plain and black images have less
FREQUENCIES = 5  # in each direction; they hold most of what a thumbnail shows
BLOCK_ROWS = 64  # that are compared with all behind them at a time

Directions = NDArray[np.float32]


class NearBlock(NamedTuple):
    """Which of some images are near duplicates of which of those behind them.

    Attributes:
        rows: Positions of images, ascending.
        others: Positions of images, ascending.
        is_near: Whether one of `others` is behind one of `rows` and its near duplicate, shape
            `(rows, others)`.
    """

    rows: NDArray[np.intp]
    others: NDArray[np.intp]
    is_near: NDArray[np.bool_]


def find_near(whole: Directions, own: Directions) -> Iterator[NearBlock]:
    """Find the near duplicates of each image among those behind it.

    Two images are near duplicates if their thumbnails correlate by at least 0.9, and if they still
    do after what all thumbnails share is removed, such as the outline of a body in X-rays, or an
    object in the middle of white paper. A correlation does not depend on brightness and contrast.
    An image has no near duplicates if it has hardly any contrast.

    Images that hardly differ from what all share are compared as they are: most images of the
    folder are copies of one of them.

    Args:
        whole: The thumbnails, as `directions` returns them.
        own: What is left of them without what all share, as `directions` returns it.

    Yields:
        The near duplicates of some images after the other.
    """
    has_own = own.any(axis=1)
    low = _low_frequencies()
    for kinds, is_compared in (((own, whole), has_own), ((whole,), whole.any(axis=1) & ~has_own)):
        positions = np.flatnonzero(is_compared)
        for rows, others in _candidates((kinds[0] @ low)[positions]):
            yield from _compare(positions[rows], positions[others], kinds)


def _compare(
    rows: NDArray[np.intp], others: NDArray[np.intp], kinds: Sequence[Directions]
) -> Iterator[NearBlock]:
    """Yield the near duplicates of some images by each kind of vectors, if there are any."""
    is_near = others > rows[:, np.newaxis]
    for vectors in kinds:
        chosen = is_near.any(axis=1)
        rows, is_near = rows[chosen], is_near[chosen]
        is_near &= vectors[rows] @ vectors[others].T >= MIN_CORRELATION
    if is_near.any():
        yield NearBlock(rows, others, is_near)


def directions(thumbnails: Sequence[bytes]) -> tuple[Directions, Directions]:
    """Return thumbnails, and what is left without what all share, as vectors of length 1.

    The scalar product of two rows of an array is a correlation. The mean of each colour is
    subtracted first, so that only the pattern counts. What all share is the mean pattern, in the
    strength that the image has it.

    Args:
        thumbnails: What `tiny_thumbnail` returned for each image.

    Returns:
        Two arrays of shape `(n, 768)`. A row is zero if it has too little contrast.
    """
    if not thumbnails:
        nothing = np.zeros((0, 3 * TINY_SIDE**2), np.float32)
        return nothing, nothing
    values = np.frombuffer(b"".join(thumbnails), np.uint8).reshape(len(thumbnails), -1)
    patterns = values.astype(np.float32)
    is_colour = np.tile(np.eye(3, dtype=np.float32), TINY_SIDE**2)
    # As products of matrices, many times faster than means along an axis.
    patterns -= patterns @ is_colour.T / TINY_SIDE**2 @ is_colour
    shared = patterns.mean(axis=0)
    shared /= max(np.linalg.norm(shared), 1e-9)
    own = np.outer(patterns @ shared, shared)
    np.subtract(patterns, own, out=own)
    _to_unit_length(patterns)
    _to_unit_length(own)
    return patterns, own


def _to_unit_length(patterns: Directions) -> None:
    """Scale each row to length 1, in place; a row with too little contrast becomes zero."""
    length = np.sqrt(np.einsum("ij,ij->i", patterns, patterns))
    has_contrast = length >= MIN_CONTRAST * np.sqrt(patterns.shape[1])
    patterns *= np.where(has_contrast, 1 / np.maximum(length, 1e-9), 0)[:, np.newaxis]


def _candidates(low: Directions) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield some rows, and those from the first of them on that may correlate enough with one.

    The squared distance of two vectors of length 1 is `2 - 2 * correlation`. Their distance in some
    orthonormal coordinates is never larger, so a few coordinates exclude most pairs for certain.

    Args:
        low: The vectors in the coordinates of `_low_frequencies`.
    """
    farthest = 2 - 2 * MIN_CORRELATION + 1e-5  # the squared distance, with rounding errors
    half_squares = (low**2).sum(axis=1, keepdims=True) / 2
    ones = np.ones_like(half_squares)
    # Such rows have half of the negative squared distance as their product.
    left, right = np.hstack([low, -half_squares, -ones]), np.hstack([low, ones, half_squares])
    for start in range(0, len(low), BLOCK_ROWS):
        products = left[start : start + BLOCK_ROWS] @ right[start:].T
        near = np.flatnonzero(products.max(axis=0) >= -farthest / 2)
        yield np.arange(start, start + len(products)), start + near


def _low_frequencies() -> Directions:
    """Return the lowest frequencies of the discrete cosine transform, of each colour.

    Returns:
        Orthonormal columns, shape `(768, 72)`; the mean of a colour is left out.
    """
    pixel, frequency = np.meshgrid(np.arange(TINY_SIDE), np.arange(FREQUENCIES), indexing="ij")
    waves = np.cos(np.pi * (2 * pixel + 1) * frequency / (2 * TINY_SIDE))
    waves /= np.linalg.norm(waves, axis=0)
    of_one_colour = np.kron(waves, waves)[:, 1:]
    return np.kron(of_one_colour, np.eye(3)).astype(np.float32)
