"""Cross-validated accuracy if whole groups or clusters of similar images are held out."""

from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from catdog._utils.errors import InvalidValueError
from catdog.data.group_split import grouped_split, join
from catdog.evaluation.clusters import Vectors, average_linkage, cut, unit_vectors
from catdog.evaluation.leak_report import HeldOutLevel
from catdog.evaluation.linear_probe import (
    Components,
    cross_validated_predictions,
    principal_components,
)
from catdog.evaluation.metrics import effective_number
from catdog.typing import Labels

WIDTHS = (1, 1.5, 2, 2.5, 3)  # of the clusters, as multiples of that of near duplicates
FOLDS = 5


def similarity_levels(limit: float) -> tuple[float, ...]:
    """Return less and less mean similarities within a cluster, from that of near duplicates on.

    For a limit of 0.8 these are 0.8, 0.7, 0.6, 0.5 and 0.4.
    """
    return tuple(round(1 - width * (1 - limit), 4) for width in WIDTHS)


def held_out_levels(
    vectors: Vectors,
    labels: Labels,
    contents: Sequence[Hashable],
    together: Mapping[str, Sequence[Hashable]],
    *,
    limit: float,
    seed: int,
) -> Iterator[HeldOutLevel]:
    """Yield the accuracy with files, groups, and clusters of less and less similar images held out.

    A cluster is joined to everything that is kept together and shares an image with it.

    Args:
        vectors: Feature vector of each image, shape `(n, features)`, with a mean of about 0.
        labels: Class of each image, shape `(n,)`.
        contents: Content of each image, such as a hash; duplicates stay together.
        together: What the split keeps together, such as groups: by name, the key of each image,
            `None` for an image on its own. They are all held out together, and the level is named
            after the last of them.
        limit: Least similarity of near duplicates.
        seed: Seed of the folds.

    Raises:
        ValueError: If a class has fewer different images than there are folds.
    """
    files = join(contents)
    components = principal_components(vectors)
    correct = _correct(components, labels, files, contents, seed)
    if correct is None:
        raise InvalidValueError(
            f"check_leaks makes {FOLDS} folds, and a class has fewer different images",
            hint="Add images to the smallest classes.",
        )
    base, base_units = correct, files
    yield _level("files", files, correct, base, base_units)
    if together:
        kept = join(contents, *together.values())
        correct = _correct(components, labels, kept, contents, seed)
        if correct is not None:
            base, base_units = correct, kept
        yield _level([*together][-1], kept, correct, base, base_units)
    units = unit_vectors(vectors)
    similarities = similarity_levels(limit)
    merges = average_linkage(units @ units.T, min(similarities))
    for similarity in similarities:
        of_images = cut(len(labels), merges, similarity).tolist()
        clusters = join(contents, of_images, *together.values())
        correct = None
        if _fit_in_folds(clusters, labels):
            correct = _correct(components, labels, clusters, contents, seed)
        yield _level("clusters", clusters, correct, base, base_units, similarity)


def _fit_in_folds(clusters: NDArray[np.intp], labels: Labels) -> bool:
    """Return whether no cluster has more images of a class than a fold should have."""
    counts = np.zeros((clusters.max() + 1, labels.max() + 1), np.int64)
    np.add.at(counts, (clusters, labels), 1)
    return bool((counts * FOLDS <= counts.sum(axis=0)).all())


def _correct(
    components: Components,
    labels: Labels,
    clusters: NDArray[np.intp],
    contents: Sequence[Hashable],
    seed: int,
) -> NDArray[np.bool_] | None:
    """Return which images are classified correctly; `None` if there are too few clusters."""
    shares = [1 / FOLDS] * FOLDS
    try:
        folds = grouped_split(
            labels, shares, groups=clusters.tolist(), contents=contents, seed=seed
        )
    except ValueError:
        return None
    correct: NDArray[np.bool_] = cross_validated_predictions(components, labels, folds) == labels
    return correct


def _level(
    held_out: str,
    clusters: NDArray[np.intp],
    correct: NDArray[np.bool_] | None,
    base: NDArray[np.bool_],
    base_units: NDArray[np.intp],
    similarity: float | None = None,
) -> HeldOutLevel:
    """Return a level, compared with the base; its units are the files or groups held out there."""
    sizes = np.bincount(clusters)
    level = (held_out, similarity, len(clusters), len(sizes), int(sizes.max()))
    if correct is None:
        return HeldOutLevel(*level)
    changes = correct.astype(np.int64) - base
    by_unit = np.zeros(base_units.max() + 1, np.int64)
    np.add.at(by_unit, base_units, changes)
    return HeldOutLevel(
        *level,
        right=int(correct.sum()),
        difference=float(changes.mean()),
        effective_n=effective_number(sizes),
        worse=int((by_unit < 0).sum()),
        better=int((by_unit > 0).sum()),
    )
