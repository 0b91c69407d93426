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
      between the images of a class. Of images that are near duplicates by the first estimate, only
      one takes part: a few films would differ in few directions, whatever the features.

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
    own, sample = labels[chosen], vectors[chosen]
    units = unit_vectors(sample)
    similarities = units @ units.T
    is_first = np.triu(np.ones_like(similarities, np.bool_), 1)
    is_same = is_first & (own[:, np.newaxis] == own)
    if not is_same.any():
        return NEAR_DUPLICATE
    limit = max(NEAR_DUPLICATE, _continued(similarities[is_same], share))
    alone = ~(is_first & (similarities >= limit)).any(axis=0)  # no image before it is similar
    return _rounded_up(max(limit, _by_exchange(sample[alone], own[alone], share, rng)))


def _continued(similarities: NDArray[np.float32], share: float) -> float:
    """Return the similarity that a share of unrelated pairs exceeds, from the lower quantiles."""
    below, median = np.arctanh(
        np.quantile(similarities, [LOWER_QUANTILE, 0.5]).clip(-MAX_LIMIT, MAX_LIMIT)
    )
    normal = NormalDist()
    deviation = (median - below) / -normal.inv_cdf(LOWER_QUANTILE)
    return math.tanh(median + deviation * normal.inv_cdf(1 - share))


def _by_exchange(vectors: Vectors, labels: Labels, share: float, rng: np.random.Generator) -> float:
    """Return the similarity that a share of pairs exceeds after values have been exchanged."""
    scores = principal_components(vectors).scores[:, :-1]
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        scores[rows] = rng.permuted(scores[rows], axis=0)
    units = unit_vectors(scores)
    pairs = np.triu_indices(len(units), 1)
    return float(np.quantile((units @ units.T)[pairs], 1 - share)) if len(units) > 1 else 0.0


def _rounded_up(limit: float) -> float:
    """Return a limit of two decimal places, or of three above 0.9."""
    places = 100 if limit <= 0.9 else 1000
    return min(math.ceil(places * limit - 1e-6) / places, MAX_LIMIT)
