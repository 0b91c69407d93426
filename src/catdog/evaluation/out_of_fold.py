"""Cross-validated class probabilities: each image by a classifier not trained on it."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catdog._utils.errors import InvalidValueError
from catdog.models.logits import log_softmax
from catdog.typing import Floats, Labels

SHRINKAGE = 0.1  # share of the mean variance in the covariance matrix
MAX_FEATURES = 4096  # of an image; the covariance matrix has that many rows and columns


def as_vectors(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a vector for each image, shape `(n, features)`, around 0.

    What still has height and width is averaged over them. Of very many features, random sums are
    taken, which keep the distances nearly as they are: W. B. Johnson and J. Lindenstrauss,
    "Extensions of Lipschitz Mappings into a Hilbert Space", Contemporary Mathematics 26 (1984).
    """
    vectors = features.mean(axis=tuple(range(1, features.ndim - 1)), dtype=np.float32)
    many = vectors.shape[1]
    if many > MAX_FEATURES:
        signs = np.random.default_rng(0).choice([-1, 1], (many, MAX_FEATURES))
        vectors = vectors @ (signs / math.sqrt(MAX_FEATURES)).astype(np.float32)
    if not np.isfinite(vectors).all():
        raise InvalidValueError(
            "The backbone of model returns values that are not finite",
            hint="Build it again, and load its weights again.",
        )
    centred: NDArray[np.float32] = vectors - vectors.mean(axis=0)
    return centred


def squared_distances(
    vectors: NDArray[np.float32], labels: Labels, folds: Sequence[NDArray[np.intp]]
) -> Floats:
    """Return how far each image is from each class, as the other folds show the classes.

    The squared Mahalanobis distance to the mean of the class; the classes share a covariance
    matrix, a tenth of which is that of features without correlation and of equal variance: there
    may be fewer images than features.

    Args:
        vectors: Shape `(n, features)`, with a mean of about 0.
        labels: Class of each image, shape `(n,)`.
        folds: Positions of the images in each fold.

    Returns:
        Shape `(n, classes)`.
    """
    classes = int(labels.max()) + 1
    products = [vectors[fold].T @ vectors[fold] for fold in folds]
    squares = np.empty((len(labels), classes))
    for fold, own in zip(folds, products, strict=True):
        seen = np.ones(len(labels), bool)
        seen[fold] = False
        one_hot = np.eye(classes, dtype=np.float32)[labels] * seen[:, np.newaxis]
        counts = one_hot.sum(axis=0)
        means = one_hot.T @ vectors / counts[:, np.newaxis]
        covariance = (sum(products) - own - (means.T * counts) @ means) / counts.sum()
        squares[fold] = _mahalanobis(vectors[fold], means, covariance)
    return squares


def _mahalanobis(
    vectors: NDArray[np.float32], means: NDArray[np.float32], covariance: NDArray[np.float32]
) -> Floats:
    """Return the squared distance of each vector to each mean, shape `(vectors, means)`."""
    size = len(covariance)
    variance = np.trace(covariance) / size or 1.0  # 0 if all images have the same features
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * variance * np.eye(size)
    root = np.linalg.inv(np.linalg.cholesky(shrunk)).T
    moved, centres = vectors @ root, means @ root
    gaps = [np.square(moved - centre).sum(axis=1) for centre in centres]
    return np.stack(gaps, axis=1)


def log_probabilities(squares: Floats, labels: Labels, features: int) -> Floats:
    """Return the logarithm of the probability of each class, shape `(n, classes)`.

    The features of a class are taken to follow a multivariate t distribution with one degree of
    freedom, whose density is proportional to `(1 + d**2) ** (-(1 + features) / 2)` at the distance
    d. With the normal distribution, an image far from all classes would get a probability near 1.
    """
    priors = np.log(np.bincount(labels) / len(labels))
    return log_softmax(priors - (1 + features) / 2 * np.log1p(squares))
