"""Train the student: the losses, one training step, and the checkpoint of a run."""

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
AVERAGING = 0.999  # momentum of the average of the weights, per step
TEMPERATURE = 2.0
LABEL_SHARE = 0.3  # of the loss; the rest is the loss by the teacher's log odds
SMOOTHING = 0.05  # of the labels
FEATURE_WEIGHT = 0.25  # of the loss by the teacher's features
FLOAT32_LAYERS = (keras.layers.Rescaling, keras.layers.GlobalAveragePooling2D, keras.layers.Dense)


class Batch(NamedTuple):
    """The input of one training step.

    Attributes:
        pixels: `uint8`, `(n, 128, 128, 3)`.
        changes: The augmentation parameters.
        labels: `int32`, `(n,)`.
        logits: The teacher's log odds for label 1, `(n,)`.
        features: The teacher's features, `(n, components)`.
    """

    pixels: Pixels
    changes: Changes
    labels: NDArray[np.int32]
    logits: Floats
    features: Floats


class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Batch normalisation by the fused operation of TensorFlow, which trains faster.

    Keras computes the same in several operations, except for the moving variance: that of a batch
    of n numbers is n / (n - 1) times as large here. The weights are the same, in the same order.
    """

    def call(
        self, inputs: Any, training: bool | None = None, mask: None = None
    ) -> keras.KerasTensor:
        """Normalise; in training by the statistics of the batch, which update the averages."""
        statistics: dict[str, Any] = (
            {} if training else {"mean": self.moving_mean, "variance": self.moving_variance}
        )
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            self.gamma,
            self.beta,
            **statistics,
            epsilon=self.epsilon,
            is_training=bool(training),
        )
        if training:
            for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving * self.momentum + value * (1 - self.momentum))
        return outputs


def _fast(layer: keras.Layer) -> keras.Layer:
    """Return a copy of a layer that trains faster, in bfloat16 if it is safe for the layer."""
    config = layer.get_config()
    if not isinstance(layer, FLOAT32_LAYERS):
        config["dtype"] = "mixed_bfloat16"
    is_normalization = isinstance(layer, keras.layers.BatchNormalization)
    return (FusedBatchNormalization if is_normalization else type(layer)).from_config(config)


class Student:
    """A network, its optimizer, and the moving average of its weights.

    Attributes:
        network: The network to bundle; `use_averaged` sets its weights.
    """

    def __init__(self, network: keras.Model, *, components: int) -> None:
        """Prepare to train a network with two classes.

        Args:
            network: Ends with global average pooling and a linear layer.
            components: Number of features of the teacher that it learns to predict.
        """
        self.network = network
        trained_copy = keras.models.clone_model(network, clone_function=_fast)
        trained_copy.set_weights(network.get_weights())
        predicted = keras.layers.Dense(components, kernel_initializer="zeros")(
            trained_copy.layers[-2].output
        )
        self._trained = keras.Model(trained_copy.input, [trained_copy.output, predicted])
        self._weights = trained_copy.weights
        self._averaged = [
            tf.Variable(weight.value, trainable=False) for weight in trained_copy.weights
        ]
        self._optimizer = keras.optimizers.AdamW(weight_decay=WEIGHT_DECAY)
        self._optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
        self._optimizer.build(self._trained.trainable_variables)
        self._step = tf.function(self._take_step, reduce_retracing=True)

    def learn(self, batch: Batch, learning_rate: float) -> Floats:
        """Run one training step.

        Returns:
            The losses by the labels, by the teacher's log odds and by its features, and the
            accuracy on the batch.
        """
        self._optimizer.learning_rate = learning_rate
        figures: Floats = self._step(batch).numpy()
        return figures

    def _take_step(self, batch: Batch) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits, features = self._trained(change(batch.pixels, batch.changes), training=True)
            by_labels, by_logits, by_features = losses = _losses(logits, features, batch)
            loss = (
                LABEL_SHARE * by_labels
                + (1 - LABEL_SHARE) * by_logits
                + FEATURE_WEIGHT * by_features
            )
        variables = self._trained.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        self._optimizer.apply(gradients, variables)
        steps = tf.cast(self._optimizer.iterations, tf.float32)
        rate = tf.maximum(1 - AVERAGING, 9 / (9 + steps))  # a shorter average at first
        for mean, weight in zip(self._averaged, self._weights, strict=True):
            mean.assign_add(rate * (weight.value - mean))
        correct = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), batch.labels)
        return tf.stack([*losses, tf.reduce_mean(tf.cast(correct, tf.float32))])

    def use_averaged(self) -> keras.Model:
        """Return the network to bundle, with the averaged weights."""
        self.network.set_weights([mean.numpy() for mean in self._averaged])
        return self.network

    def _state(self) -> Iterator[tuple[str, Any]]:
        variables = [*self._trained.variables, *self._optimizer.variables, *self._averaged]
        for number, variable in enumerate(variables):
            yield f"variable_{number}", variable

    def save(self, path: Path, **facts: object) -> None:
        """Write the state of the run and facts of the caller, atomically."""
        content = {**dict(self._state()), **facts}
        arrays: dict[str, Any] = {name: np.asarray(value) for name, value in content.items()}

        def write(scratch: Path) -> None:
            with scratch.open("wb") as file:
                np.savez(file, **arrays)

        atomic_write(path, write)

    def load(self, path: Path) -> Mapping[str, NDArray[Any]]:
        """Restore the state that `save` wrote, and return the facts of the caller."""
        with np.load(path) as arrays:
            content = dict(arrays)
        for name, variable in self._state():
            variable.assign(content.pop(name))
        return content


def _losses(logits: tf.Tensor, features: tf.Tensor, batch: Batch) -> list[tf.Tensor]:
    """Return three losses, each the mean over the batch.

    By the teacher's log odds: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015,
    https://arxiv.org/abs/1503.02531, equation 4, times the squared temperature.
    """
    odds = logits[:, 1] - logits[:, 0]
    hard = tf.cast(batch.labels, tf.float32) * (1 - SMOOTHING) + SMOOTHING / 2
    soft = tf.sigmoid(batch.logits / TEMPERATURE)
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits
    by_logits = cross_entropy(soft, odds / TEMPERATURE) * TEMPERATURE**2
    by_features = tf.reduce_sum(tf.square(features - batch.features), axis=1)
    each = [cross_entropy(hard, odds), by_logits, by_features]
    return [tf.reduce_mean(loss) for loss in each]
