"""Split labelled images into parts so that no group of images is in two parts."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from catdog.typing import Floats, Labels


def grouped_split(
    labels: Labels,
    shares: Sequence[float],
    *,
    groups: Sequence[Hashable],
    contents: Sequence[Hashable],
    seed: int,
) -> tuple[NDArray[np.intp], ...]:
    """Split the positions `0 .. len(labels) - 1` into disjoint parts of whole groups.

    Groups go one after the other, those that hold most of one class first, to the part in which
    they bring the counts of all classes closest to their shares. scikit-learn's
    `StratifiedGroupKFold` does so for parts of equal size. Groups that share an image (equal
    content) stay together.

    Args:
        labels: Class of each image, shape `(n,)`, integers from 0.
        shares: Share of each part; they add up to 1.
        groups: Group of each image.
        contents: Content of each image, such as a hash.
        seed: The same arguments give the same parts; another seed gives other ones.

    Returns:
        One sorted array of positions for each share; together they hold every position once.

    Raises:
        ValueError: If the groups do not suffice for an image of each class in each part.
    """
    units = join(groups, contents)
    counts = np.zeros((units.max() + 1, labels.max() + 1))
    np.add.at(counts, (units, labels), 1)
    part_of_unit = _assign(counts, np.asarray(shares), np.random.default_rng(seed))
    part_of_unit = _fill_empty(part_of_unit, counts, np.asarray(shares))
    part_of_image = part_of_unit[units]
    return tuple(np.flatnonzero(part_of_image == part) for part in range(len(shares)))


def join(*keys: Sequence[Hashable]) -> NDArray[np.intp]:
    """Number images so that those with a key in common have the same number, and so on in chains.

    Args:
        keys: One key for each image, such as its group; `None` is in common with no image. All
            sequences have the same length.

    Returns:
        Numbers from 0 in the order of the images, shape `(n,)`.
    """
    parent: dict[Hashable, Hashable] = {}

    def find(item: Hashable) -> Hashable:
        while (above := parent.setdefault(item, item)) != item:
            parent[item] = item = parent.setdefault(above, above)
        return item

    for image, of_image in enumerate(zip(*keys, strict=True)):
        for kind, key in enumerate(of_image):
            if key is not None:
                parent[find((kind, key))] = find(("image", image))
    roots = [find(("image", image)) for image in range(len(keys[0]))]
    numbers = {root: number for number, root in enumerate(dict.fromkeys(roots))}
    return np.array([numbers[root] for root in roots], np.intp)


def _assign(counts: Floats, shares: Floats, rng: np.random.Generator) -> NDArray[np.intp]:
    """Assign each unit to the part in which it fits best, the most one-sided units first.

    Units that are about as one-sided, within a factor of 1.5, are in random order: otherwise the
    seed would make no difference to groups of different sizes.
    """
    shuffled = rng.permutation(len(counts))
    one_sided = np.log(np.maximum(counts[shuffled].std(axis=1), 1e-9)) / np.log(1.5)
    order = shuffled[np.argsort(-one_sided.round(), kind="stable")]
    target = shares[:, np.newaxis] * counts.sum(axis=0)
    filled = np.zeros_like(target)
    parts = np.empty(len(counts), np.intp)
    for unit in order:
        costs = [
            _cost_change(filled[part], target[part], counts[unit]) for part in range(len(shares))
        ]
        parts[unit] = np.argmin(costs)
        filled[parts[unit]] += counts[unit]
    return parts


def _cost_change(filled: Floats, target: Floats, added: Floats) -> float:
    """Return by how much the squared gap between counts and target grows, relative to the class."""
    return float(np.sum(((filled + added - target) ** 2 - (filled - target) ** 2) / target))


def _fill_empty(parts: NDArray[np.intp], counts: Floats, shares: Floats) -> NDArray[np.intp]:
    """Move units until each part has an image of each class.

    Raises:
        ValueError: If no unit can be moved without taking the last image of a class from a part.
    """
    target = shares[:, np.newaxis] * counts.sum(axis=0)
    filled = np.stack([counts[parts == part].sum(axis=0) for part in range(len(shares))])
    while (filled == 0).any():
        part, label = np.argwhere(filled == 0)[0]
        movable = [
            unit
            for unit in np.flatnonzero(counts[:, label])
            if ((filled[parts[unit]] > counts[unit]) | (counts[unit] == 0)).all()
        ]
        if not movable:
            raise ValueError(f"the groups of class {label} do not suffice for {len(shares)} parts")
        costs = [
            _cost_change(filled[part], target[part], counts[unit])
            + _cost_change(filled[parts[unit]], target[parts[unit]], -counts[unit])
            for unit in movable
        ]
        unit = movable[int(np.argmin(costs))]
        filled[parts[unit]] -= counts[unit]
        filled[part] += counts[unit]
        parts[unit] = part
    return parts
