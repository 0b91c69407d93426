"""Cross-validated accuracy if whole groups or clusters of similar images are held out."""

from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from catdog._utils.errors import InvalidValueError
from catdog.data.group_split import grouped_split, join
from catdog.evaluation.clusters import Vectors, average_linkage, cut, unit_vectors
from catdog.evaluation.leak_report import HeldOutLevel
from catdog.evaluation.linear_probe import cross_validated_predictions
from catdog.evaluation.similar_pairs import NEAR_DUPLICATE
from catdog.typing import Labels

LEVELS = (NEAR_DUPLICATE, 0.7, 0.6, 0.5, 0.4)  # mean cosine similarity within a cluster
FOLDS = 5


def held_out_levels(
    vectors: Vectors,
    labels: Labels,
    contents: Sequence[Hashable],
    together: Mapping[str, Sequence[Hashable]],
    *,
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
        seed: Seed of the folds and of the classifier.

    Raises:
        ValueError: If a class has fewer different images than there are folds.
    """
    files = join(contents)
    correct = _correct(vectors, labels, files, contents, seed)
    if correct is None:
        raise InvalidValueError(
            f"check_leaks makes {FOLDS} folds, and a class has fewer different images",
            hint="Add images to the smallest classes.",
        )
    base, base_units = correct, files
    yield _level("files", files, correct, base, base_units)
    if together:
        kept = join(contents, *together.values())
        correct = _correct(vectors, labels, kept, contents, seed)
        if correct is not None:
            base, base_units = correct, kept
        yield _level([*together][-1], kept, correct, base, base_units)
    units = unit_vectors(vectors)
    merges = average_linkage(units @ units.T, min(LEVELS))
    for similarity in LEVELS:
        of_images = cut(len(labels), merges, similarity).tolist()
        clusters = join(contents, of_images, *together.values())
        correct = None
        if _fit_in_folds(clusters, labels):
            correct = _correct(vectors, labels, clusters, contents, seed)
        yield _level("clusters", clusters, correct, base, base_units, similarity)


def _fit_in_folds(clusters: NDArray[np.intp], labels: Labels) -> bool:
    """Return whether no cluster has more images of a class than a fold should have."""
    counts = np.zeros((clusters.max() + 1, labels.max() + 1), np.int64)
    np.add.at(counts, (clusters, labels), 1)
    return bool((counts * FOLDS <= counts.sum(axis=0)).all())


def _correct(
    vectors: Vectors,
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
    correct: NDArray[np.bool_] = (
        cross_validated_predictions(vectors, labels, folds, seed=seed) == labels
    )
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
        worse=int((by_unit < 0).sum()),
        better=int((by_unit > 0).sum()),
    )
