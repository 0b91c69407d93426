"""Cross-validated class probabilities: each image is scored by a classifier not trained on it."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catdog._utils.errors import InvalidValueError
from catdog.models.logits import log_softmax
from catdog.typing import Floats, Labels

SHRINKAGE = 0.1  # weight of the diagonal matrix that the covariance matrix is shrunk towards
ROUNDING = 1e-6  # of values that are the same, as a share of the largest
MAX_FEATURES = 4096  # features per image; the covariance matrix has as many rows and columns


def as_vectors(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a centred feature vector for each image, shape `(n, features)`.

    Features with height and width are averaged over them. More than `MAX_FEATURES` features are
    reduced to that many by a random projection, which changes distances little.

    Args:
        features: Shape `(n, ..., features)`.

    Raises:
        ValueError: If a feature is not finite, or all images have the same features.

    Source: W. B. Johnson and J. Lindenstrauss, "Extensions of Lipschitz Mappings into a Hilbert
    Space", Contemporary Mathematics 26 (1984).
    """
    vectors = features.mean(axis=tuple(range(1, features.ndim - 1)), dtype=np.float32)
    count = vectors.shape[1]
    if count > MAX_FEATURES:
        signs = np.random.default_rng(0).choice([-1, 1], (count, MAX_FEATURES))
        vectors = vectors @ (signs / math.sqrt(MAX_FEATURES)).astype(np.float32)
    if not np.isfinite(vectors).all():
        raise InvalidValueError(
            "The backbone of model returns values that are not finite",
            hint="Build the model and load its weights again.",
        )
    if np.abs(vectors - vectors[0]).max() <= ROUNDING * np.abs(vectors).max():
        raise InvalidValueError(
            "The backbone of model returns the same values for every image",
            hint="Build the model and load its weights again, or pass another pretrained model.",
        )
    centred: NDArray[np.float32] = vectors - vectors.mean(axis=0)
    return centred


def squared_distances(
    vectors: NDArray[np.float32], labels: Labels, folds: Sequence[NDArray[np.intp]]
) -> Floats:
    """Compute the squared Mahalanobis distance of each image to each class, by cross-validation.

    The means of the classes and their common covariance matrix are estimated from the other folds.
    There may be fewer images than features, so the covariance matrix is shrunk by a tenth towards
    that of uncorrelated features of equal variance.

    Args:
        vectors: Shape `(n, features)`, with a mean of about 0.
        labels: Class of each image, shape `(n,)`.
        folds: Positions of the images in each fold.

    Returns:
        Shape `(n, classes)`.
    """
    classes = int(labels.max()) + 1
    counts = np.array([np.bincount(labels[fold], minlength=classes) for fold in folds])
    exact = vectors.astype(np.float64)  # the covariance is a difference of large numbers
    sums = np.array([np.eye(classes)[labels[fold]].T @ exact[fold] for fold in folds])
    all_sums, all_products = sums.sum(axis=0), exact.T @ exact
    squares = np.empty((len(labels), classes))
    for position, fold in enumerate(folds):
        others = counts.sum(axis=0) - counts[position]
        means = (all_sums - sums[position]) / others[:, np.newaxis]
        members = exact[fold]
        covariance = all_products - members.T @ members - (means.T * others) @ means
        squares[fold] = _mahalanobis(vectors[fold], means, covariance / others.sum())
    return squares


def _mahalanobis(vectors: NDArray[np.float32], means: Floats, covariance: Floats) -> Floats:
    """Return the squared distance of each vector to each mean, shape `(vectors, means)`.

    The covariance matrix is shrunk first.
    """
    size = len(covariance)
    variance = np.trace(covariance) / size or 1.0  # 0 if all images have the same features
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * variance * np.eye(size)
    whitening = np.linalg.inv(np.linalg.cholesky(shrunk)).T
    whitened, centres = vectors @ whitening, means @ whitening
    squares = [np.square(whitened - centre).sum(axis=1) for centre in centres]
    return np.stack(squares, axis=1)


def log_posteriors(squares: Floats, labels: Labels, features: int) -> Floats:
    """Compute the logarithm of the probability of each class, shape `(n, classes)`.

    The features of a class are modelled by a multivariate t distribution with one degree of
    freedom. At the distance d its density is proportional to `(1 + d**2) ** (-(1 + features) / 2)`.
    With a normal distribution, an image far from all classes would get a probability near 1.

    Args:
        squares: Squared distance of each image to each class, shape `(n, classes)`.
        labels: Class of each image, shape `(n,)`, which gives the prior probabilities.
        features: Number of features.
    """
    priors = np.log(np.bincount(labels) / len(labels))
    return log_softmax(priors - (1 + features) / 2 * np.log1p(squares))
