"""From which similarity on two images are near duplicates: it depends on the features."""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from catdog.evaluation.clusters import Vectors, unit_vectors
from catdog.evaluation.linear_probe import principal_components
from catdog.typing import Labels

# Of features whose mean is subtracted. Of MobileNetV2's, it finds neighbouring frames of a video,
# and hardly any two photos of different scenes.
NEAR_DUPLICATE = 0.8
MAX_LIMIT = 0.999
FALSE_PAIRS = 0.01  # expected for each image, by chance
MAX_SAMPLE = 2000  # images whose pairs are looked at
LOWER_QUANTILE = 0.2


def near_duplicate_limit(vectors: Vectors, labels: Labels) -> float:
    """Return the least similarity of near duplicates, so that hardly any pair has it by chance.

    Features that differ in few directions make many images similar. So two estimates tell how
    similar images are that do not belong together, and the limit is the highest of them and 0.8:

    - The distribution of the similarities of images of the same class, continued to the one pair
      in a hundred images that chance may give. After Fisher's transformation, `arctanh`, it is
      nearly normal. The median and the quantile below it describe it, because near duplicates are
      all above.
    - The similarities after the values of each principal component have been exchanged at random
      between the images of a class. No near duplicates are left then.

    Args:
        vectors: Feature vector of each image, shape `(n, features)`, with a mean of about 0.
        labels: Class of each image, shape `(n,)`.

    Returns:
        From 0.8 to 0.999, rounded up.

    Source: R. A. Fisher, "On the 'Probable Error' of a Coefficient of Correlation Deduced from a
    Small Sample", Metron 1 (1921); J. L. Horn, "A Rationale and Test for the Number of Factors in
    Factor Analysis", Psychometrika 30 (1965), for the comparison with exchanged values.
    """
    rng = np.random.default_rng(0)
    chosen = np.arange(len(labels))
    share = min(1.0, 2 * FALSE_PAIRS / max(len(labels) - 1, 1))  # of all pairs
    if len(chosen) > MAX_SAMPLE:
        chosen = np.sort(rng.choice(len(chosen), MAX_SAMPLE, replace=False))
    first, second = np.triu_indices(len(chosen), 1)
    own = labels[chosen]
    is_same = own[first] == own[second]
    if not is_same.any():
        return NEAR_DUPLICATE
    by_distribution = _continued(_similarities(vectors[chosen])[is_same], share)
    exchanged = _exchanged(principal_components(vectors[chosen]).scores[:, :-1], own, rng)
    by_exchange = float(np.quantile(_similarities(exchanged), 1 - share))
    return _rounded_up(max(NEAR_DUPLICATE, by_distribution, by_exchange))


def _similarities(vectors: Vectors) -> NDArray[np.float32]:
    """Return the cosine similarity of each pair, in the order of `numpy.triu_indices`."""
    units = unit_vectors(vectors)
    return (units @ units.T)[np.triu_indices(len(units), 1)]


def _continued(similarities: NDArray[np.float32], share: float) -> float:
    """Return the similarity that a share of unrelated pairs exceeds, from the lower quantiles."""
    below, median = np.arctanh(
        np.quantile(similarities, [LOWER_QUANTILE, 0.5]).clip(-MAX_LIMIT, MAX_LIMIT)
    )
    normal = NormalDist()
    deviation = (median - below) / -normal.inv_cdf(LOWER_QUANTILE)
    return math.tanh(median + deviation * normal.inv_cdf(1 - share))


def _exchanged(scores: Vectors, labels: Labels, rng: np.random.Generator) -> Vectors:
    """Return the scores with each column in random order, within each class."""
    exchanged = np.empty_like(scores)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        exchanged[rows] = rng.permuted(scores[rows], axis=0)
    return exchanged


def _rounded_up(limit: float) -> float:
    """Return a limit of two decimal places, or of three above 0.9."""
    places = 100 if limit <= 0.9 else 1000
    return min(math.ceil(places * limit - 1e-6) / places, MAX_LIMIT)
