"""Near duplicates: images that are nearly the same, found by comparing tiny thumbnails."""

from collections.abc import Iterator, Sequence

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


def find_neighbours(whole: Directions, own: Directions) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Find the near duplicates of each image among those behind it.

    Two images are near duplicates if their thumbnails correlate by at least 0.9, and if they still
    do after what all thumbnails share is removed, such as the outline of a body in X-rays, or an
    object in the middle of white paper. A correlation does not depend on brightness and contrast.
    An image has no near duplicates if it has hardly any contrast, as it is or without what all
    share.

    Args:
        whole: The thumbnails, as `directions` returns them.
        own: What is left of them without what all share, as `directions` returns it.

    Yields:
        The position of each image that has near duplicates behind it, in order, and the positions
        of these.
    """
    positions = np.flatnonzero(own.any(axis=1))
    for rows, others in _candidates((own @ _low_frequencies())[positions]):
        first, second = positions[rows], positions[others]
        is_near = own[first] @ own[second].T >= MIN_CORRELATION
        is_near &= second > first[:, np.newaxis]
        chosen = np.flatnonzero(is_near.any(axis=1))
        is_near = is_near[chosen] & (whole[first[chosen]] @ whole[second].T >= MIN_CORRELATION)
        for position, near in zip(first[chosen], is_near, strict=True):
            if near.any():
                yield int(position), second[near]


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
    values = np.frombuffer(b"".join(thumbnails), np.uint8).astype(np.float32)
    pixels = values.reshape(len(thumbnails), TINY_SIDE**2, 3)
    pixels -= pixels.mean(axis=1, keepdims=True)
    patterns = pixels.reshape(len(thumbnails), -1)
    shared = patterns.mean(axis=0)
    shared /= max(np.linalg.norm(shared), 1e-9)
    own = patterns - np.outer(patterns @ shared, shared)
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
