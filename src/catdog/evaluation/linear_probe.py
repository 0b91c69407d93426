"""A linear classifier on features, cross-validated: all folds are trained at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catdog.typing import Labels

EPOCHS, BATCH_SIZE, LEARNING_RATE = 20, 32, 1e-3  # as train_head trains "mobilenet_v2.linear"
FIRST_DECAY, SECOND_DECAY, EPSILON = 0.9, 0.999, 1e-7  # of Adam, as in Keras


def cross_validated_predictions(
    vectors: NDArray[np.float32], labels: Labels, folds: Sequence[NDArray[np.intp]], *, seed: int
) -> Labels:
    """Predict the class of each image by a linear classifier trained on the other folds.

    It is trained as `train_head` trains the head of `"mobilenet_v2.linear"`: softmax regression,
    Adam, batches of 32, 20 epochs. The classifiers of all folds take each step together, on the
    same batch of features. The images of its own fold have no weight in it.

    Args:
        vectors: Feature vector of each image, shape `(n, features)`. They are divided by their root
            mean square, so that the learning rate suits the features of any backbone.
        labels: Class of each image, shape `(n,)`.
        folds: Positions of the images in each fold; every image is in one.
        seed: Seed of the first weights and of the order of the images.

    Returns:
        Predicted class of each image, shape `(n,)`.

    Source: D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    """
    fold_of = np.empty(len(labels), np.intp)
    for number, fold in enumerate(folds):
        fold_of[fold] = number
    inputs = _with_bias(vectors)
    weights = _trained(inputs, labels, fold_of, np.random.default_rng(seed))
    scores = np.empty((len(labels), weights.shape[2]), np.float32)
    for number, fold in enumerate(folds):
        scores[fold] = inputs[fold] @ weights[:, number]
    predictions: Labels = scores.argmax(axis=1).astype(np.int32)
    return predictions


def _with_bias(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors with a root mean square of 1, and a 1 as the last feature of each."""
    scale = np.sqrt(np.square(vectors).mean()) or np.float32(1)  # 0 if all features are 0
    ones = np.ones((len(vectors), 1), np.float32)
    return np.concatenate([vectors / scale, ones], axis=1)


def _trained(
    inputs: NDArray[np.float32],
    labels: Labels,
    fold_of: NDArray[np.intp],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Return the weights of the classifier of each fold, shape `(features, folds, classes)`."""
    weights = _first_weights(inputs.shape[1], int(fold_of.max()) + 1, int(labels.max()) + 1, rng)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    step = 0
    for _ in range(EPOCHS):
        order = rng.permutation(len(labels))
        for begin in range(0, len(order), BATCH_SIZE):
            rows = order[begin : begin + BATCH_SIZE]
            gradient = _gradient(weights, inputs[rows], labels[rows], fold_of[rows])
            step += 1
            first += (1 - FIRST_DECAY) * (gradient - first)
            second += (1 - SECOND_DECAY) * (np.square(gradient) - second)
            rate = LEARNING_RATE * np.sqrt(1 - SECOND_DECAY**step) / (1 - FIRST_DECAY**step)
            weights -= np.float32(rate) * first / (np.sqrt(second) + np.float32(EPSILON))
    return weights


def _first_weights(
    features: int, folds: int, classes: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return Glorot's uniform weights, the same for each fold, with a bias of 0."""
    limit = np.sqrt(6 / (features - 1 + classes))
    weights = rng.uniform(-limit, limit, (features, 1, classes)).astype(np.float32)
    weights[-1] = 0
    return np.repeat(weights, folds, axis=1)


def _gradient(
    weights: NDArray[np.float32],
    inputs: NDArray[np.float32],
    labels: Labels,
    fold_of: NDArray[np.intp],
) -> NDArray[np.float32]:
    """Return the gradient of each classifier's cross-entropy, on the images of other folds."""
    features, folds, classes = weights.shape
    scores = (inputs @ weights.reshape(features, -1)).reshape(-1, folds, classes)
    errors = np.exp(scores - scores.max(axis=2, keepdims=True))
    errors /= errors.sum(axis=2, keepdims=True)
    errors[np.arange(len(labels)), :, labels] -= 1
    used = (fold_of[:, np.newaxis] != np.arange(folds)).astype(np.float32)
    used /= np.maximum(used.sum(axis=0), 1)  # a batch may hold no image of other folds
    errors *= used[:, :, np.newaxis]
    gradient: NDArray[np.float32] = inputs.T @ errors.reshape(len(labels), -1)
    return gradient.reshape(weights.shape)
