"""The network in training: what it learns by, one step, and all that a resumed run must know."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from compact_augment import Changes, Floats, change
from compact_data import Pixels
from numpy.typing import NDArray

from catdog._utils.files import atomic_write

WEIGHT_DECAY = 0.05
AVERAGING = 0.999  # of the weights, a step
TEMPERATURE = 2.0
HARD = 0.3  # share of the loss by the labels; the rest is by the teacher's log odds
SMOOTHING = 0.05  # of the labels
SEEN = 0.25  # weight of the loss by the teacher's features
FLOAT32_LAYERS = (keras.layers.Rescaling, keras.layers.GlobalAveragePooling2D, keras.layers.Dense)


class Batch(NamedTuple):
    """What one step learns from.

    Attributes:
        pixels: `uint8`, `(n, 128, 128, 3)`.
        changes: How they are augmented.
        labels: `int32`, `(n,)`.
        logits: The teacher's log odds for label 1, `(n,)`.
        features: What the teacher sees, `(n, components)`.
    """

    pixels: Pixels
    changes: Changes
    labels: NDArray[np.int32]
    logits: Floats
    features: Floats


class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Batch normalisation by TensorFlow's one operation for it, which trains faster.

    Keras computes the same in several, but for the moving variance: that of a batch of n numbers is
    n / (n - 1) times as large here. The weights are the same, and in the same order.
    """

    def call(
        self, inputs: Any, training: bool | None = None, mask: None = None
    ) -> keras.KerasTensor:
        """Normalise; in training by the batch, whose statistics are averaged as Keras does."""
        kept: dict[str, Any] = (
            {} if training else {"mean": self.moving_mean, "variance": self.moving_variance}
        )
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, **kept, epsilon=self.epsilon, is_training=bool(training)
        )
        if training:
            for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving * self.momentum + value * (1 - self.momentum))
        return outputs


def _fast(layer: keras.Layer) -> keras.Layer:
    """Return a copy of a layer that trains faster: in bfloat16, where that does no harm."""
    config = layer.get_config()
    if not isinstance(layer, FLOAT32_LAYERS):
        config["dtype"] = "mixed_bfloat16"
    normalises = isinstance(layer, keras.layers.BatchNormalization)
    return (FusedBatchNormalization if normalises else type(layer)).from_config(config)


class Student:
    """A network, its optimizer, and the running average of its weights.

    Attributes:
        network: The network as it is shipped; `use_averaged` fills it.
    """

    def __init__(self, network: keras.Model, *, components: int) -> None:
        """Prepare to train a network with two classes.

        Args:
            network: Ends with global average pooling and a linear layer.
            components: How many features of the teacher it learns to tell.
        """
        self.network = network
        twin = keras.models.clone_model(network, clone_function=_fast)
        twin.set_weights(network.get_weights())
        seen = keras.layers.Dense(components, kernel_initializer="zeros")(twin.layers[-2].output)
        self._trained = keras.Model(twin.input, [twin.output, seen])
        self._weights = twin.weights
        self._averaged = [tf.Variable(weight.value, trainable=False) for weight in twin.weights]
        self._optimizer = keras.optimizers.AdamW(weight_decay=WEIGHT_DECAY)
        self._optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
        self._optimizer.build(self._trained.trainable_variables)
        self._step = tf.function(self._take_step, reduce_retracing=True)

    def learn(self, batch: Batch, learning_rate: float) -> Floats:
        """Take one step.

        Returns:
            The losses by the labels, by the teacher's log odds and by its features, and the share
            of the labels that were told.
        """
        self._optimizer.learning_rate = learning_rate
        told: Floats = self._step(batch).numpy()
        return told

    def _take_step(self, batch: Batch) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits, seen = self._trained(change(batch.pixels, batch.changes), training=True)
            by_labels, by_logits, by_features = losses = _losses(logits, seen, batch)
            loss = HARD * by_labels + (1 - HARD) * by_logits + SEEN * by_features
        variables = self._trained.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        self._optimizer.apply(gradients, variables)
        done = tf.cast(self._optimizer.iterations, tf.float32)
        rate = tf.maximum(1 - AVERAGING, 9 / (9 + done))  # follows closely at first
        for mean, weight in zip(self._averaged, self._weights, strict=True):
            mean.assign_add(rate * (weight.value - mean))
        right = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), batch.labels)
        return tf.stack([*losses, tf.reduce_mean(tf.cast(right, tf.float32))])

    def use_averaged(self) -> keras.Model:
        """Return the shipped network with the averaged weights."""
        self.network.set_weights([mean.numpy() for mean in self._averaged])
        return self.network

    def _state(self) -> Iterator[tuple[str, Any]]:
        variables = [*self._trained.variables, *self._optimizer.variables, *self._averaged]
        for number, variable in enumerate(variables):
            yield f"variable_{number}", variable

    def save(self, path: Path, **facts: object) -> None:
        """Write all that a resumed run must know, whole or not at all, and facts of the caller."""
        content = {**dict(self._state()), **facts}
        arrays: dict[str, Any] = {name: np.asarray(value) for name, value in content.items()}

        def write(scratch: Path) -> None:
            with scratch.open("wb") as file:
                np.savez(file, **arrays)

        atomic_write(path, write)

    def load(self, path: Path) -> Mapping[str, NDArray[Any]]:
        """Read what `save` wrote, and return the caller's facts."""
        with np.load(path) as arrays:
            content = dict(arrays)
        for name, variable in self._state():
            variable.assign(content.pop(name))
        return content


def _losses(logits: tf.Tensor, seen: tf.Tensor, batch: Batch) -> list[tf.Tensor]:
    """Return three losses, each the mean over the batch.

    By the teacher's log odds: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015,
    https://arxiv.org/abs/1503.02531, equation 4, times the squared temperature.
    """
    odds = logits[:, 1] - logits[:, 0]
    hard = tf.cast(batch.labels, tf.float32) * (1 - SMOOTHING) + SMOOTHING / 2
    soft = tf.sigmoid(batch.logits / TEMPERATURE)
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits
    by_logits = cross_entropy(soft, odds / TEMPERATURE) * TEMPERATURE**2
    by_features = tf.reduce_sum(tf.square(seen - batch.features), axis=1)
    each = [cross_entropy(hard, odds), by_logits, by_features]
    return [tf.reduce_mean(loss) for loss in each]
