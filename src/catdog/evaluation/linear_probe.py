"""A linear classifier on features, cross-validated: the classifiers of all folds at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.typing import Floats, Labels

MAX_STEPS = 1000
TOLERANCE = 1e-2  # of the scores: no step of training changes them by more


class Components(NamedTuple):
    """The principal components of feature vectors, scaled to a root mean square of 1.

    Attributes:
        scores: Each image on each component, shape `(n, components)`, then a column of ones.
        curvatures: Upper limit of the curvature of the loss in each column's weights.
    """

    scores: NDArray[np.float32]
    curvatures: NDArray[np.float32]


def principal_components(vectors: NDArray[np.float32]) -> Components:
    """Turn feature vectors to their principal components; those of no variance are left out.

    Distances stay the same, and so does a classifier whose weights are kept small. The columns are
    uncorrelated, so that each weight can be trained with a step size of its own.

    Args:
        vectors: Feature vector of each image, shape `(n, features)`.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    centred /= np.sqrt(np.square(centred).mean()) or 1.0  # 0 if all images have the same features
    has_more_images = centred.shape[0] >= centred.shape[1]
    products = centred.T @ centred if has_more_images else centred @ centred.T
    variances, directions = np.linalg.eigh(products)
    used = variances > np.finfo(np.float32).eps * max(variances[-1], 1.0)
    variances, directions = variances[used], directions[:, used]
    scores = centred @ directions if has_more_images else directions * np.sqrt(variances)
    ones = np.ones((len(scores), 1))
    # The softmax has a curvature of 1/2 at most; the penalty of the weights adds 1.
    curvatures = np.append(variances / 2 + 1, len(scores) / 2)
    return Components(
        np.concatenate([scores, ones], axis=1).astype(np.float32), curvatures.astype(np.float32)
    )


def cross_validated_predictions(
    components: Components, labels: Labels, folds: Sequence[NDArray[np.intp]]
) -> Labels:
    """Predict the class of each image by a linear classifier trained on the other folds.

    It is the softmax regression of scikit-learn's `LogisticRegression`: the sum of the
    cross-entropies, and half the sum of the squared weights. It begins with zeros and is trained
    until the scores no longer change, so it depends on nothing but the images.

    Args:
        components: What `principal_components` returns for the feature vectors.
        labels: Class of each image, shape `(n,)`.
        folds: Positions of the images in each fold; every image is in one.

    Returns:
        Predicted class of each image, shape `(n,)`.
    """
    fold_of = np.empty(len(labels), np.intp)
    for number, fold in enumerate(folds):
        fold_of[fold] = number
    weights = _trained(components, labels, fold_of)
    scores = np.empty((len(labels), weights.shape[2]), np.float32)
    for number, fold in enumerate(folds):
        scores[fold] = components.scores[fold] @ weights[:, number]
    predictions: Labels = scores.argmax(axis=1).astype(np.int32)
    return predictions


def _trained(
    components: Components, labels: Labels, fold_of: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return the weights of the classifier of each fold, shape `(columns, folds, classes)`.

    Each step minimizes an upper limit of the loss, a quadratic function, and the next step begins a
    little further in the same direction. Where that leads upwards, the momentum is reset.

    Source: D. Böhning, "Multinomial Logistic Regression Algorithm", Annals of the Institute of
    Statistical Mathematics 44 (1992), for the upper limit; Y. Nesterov, "A Method of Solving a
    Convex Programming Problem with Convergence Rate O(1/k^2)", Soviet Mathematics Doklady 27
    (1983), and B. O'Donoghue and E. Candès, "Adaptive Restart for Accelerated Gradient Schemes",
    Foundations of Computational Mathematics 15 (2015), for the momentum.
    """
    shape = (components.scores.shape[1], int(fold_of.max()) + 1, int(labels.max()) + 1)
    curvatures = components.curvatures[:, np.newaxis, np.newaxis]
    sizes = np.sqrt(2 * curvatures / len(labels))  # root mean square of each column, or more
    weights = np.zeros(shape, np.float32)
    ahead = weights
    momentum: Floats = np.ones((1, shape[1], 1))
    for _ in range(MAX_STEPS):
        step = -_gradient(ahead, components.scores, labels, fold_of) / curvatures
        following = ahead + step
        moved = following - weights
        is_upwards = (step * moved).sum(axis=(0, 2), keepdims=True) < 0
        momentum = np.where(is_upwards, 1.0, momentum)
        grown = (1 + np.sqrt(1 + 4 * np.square(momentum))) / 2
        factor = ((momentum - 1) / grown).astype(np.float32)
        weights, ahead, momentum = following, following + factor * moved, grown
        if np.square(moved * sizes).sum(axis=0).max() < TOLERANCE**2:
            break
    return weights


def _gradient(
    weights: NDArray[np.float32],
    inputs: NDArray[np.float32],
    labels: Labels,
    fold_of: NDArray[np.intp],
) -> NDArray[np.float32]:
    """Return the gradient of each classifier's loss, on the images of other folds."""
    columns, folds, classes = weights.shape
    scores = (inputs @ weights.reshape(columns, -1)).reshape(-1, folds, classes)
    errors = np.exp(scores - scores.max(axis=2, keepdims=True))
    errors /= errors.sum(axis=2, keepdims=True)
    errors[np.arange(len(labels)), :, labels] -= 1
    errors[np.arange(len(labels)), fold_of] = 0
    gradient: NDArray[np.float32]
    gradient = (inputs.T @ errors.reshape(len(labels), -1)).reshape(weights.shape)
    gradient[:-1] += weights[:-1]  # the last column holds the intercepts: they are not kept small
    return gradient
