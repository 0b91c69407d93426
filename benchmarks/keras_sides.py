"""Run the side of Keras in a comparison of `run.py`, and print what its steps took as JSON.

    python benchmarks/keras_sides.py predict-keras FOLDER cnn

Keras is imported before catdog, as in programs without catdog, so that TensorFlow decides by itself
whether it uses oneDNN.
"""

from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf
from sides import IMAGE_SIZE, SPLITS, Sides, Steps, read, run_one

from catdog import build_model


def predict_with_keras(folder: str, name: str) -> Steps:
    """Predict on a folder with Keras, as its guides do."""
    model = build_model(name, weights=None, seed=0)

    def run() -> None:
        images = keras.utils.image_dataset_from_directory(
            folder, labels=None, shuffle=False, image_size=model.input_shape[1:3], verbose=False
        )
        model.predict(images, verbose=0)

    return {"cold": run, "warm": run}


def batches(folder: Path) -> tf.data.Dataset:
    """Load images as in the blog posts."""
    loaded = keras.utils.image_dataset_from_directory(
        folder, shuffle=True, batch_size=32, image_size=IMAGE_SIZE, verbose=False
    )
    return loaded.prefetch(tf.data.AUTOTUNE)


def train_with_posts(_: str, splits: str, name: str, epochs: str) -> Steps:
    """Load the images and train as the blog posts do: `prefetch`, and `fit`."""
    model = build_model(name, seed=0)

    def run() -> None:
        training, validation = (batches(Path(splits, split)) for split in SPLITS)
        model.fit(
            training,
            validation_data=validation,
            epochs=int(epochs),
            verbose=0,
            shuffle=False,  # the dataset shuffles; Keras warns if both do
        )

    return {"train": run}


def load_with_keras(folder: str, _: str) -> Steps:
    """List a folder and read its images at 160 pixels; then read them again."""
    loaded: list[tf.data.Dataset] = []

    def first() -> None:
        loaded.append(
            keras.utils.image_dataset_from_directory(folder, image_size=IMAGE_SIZE, verbose=False)
        )
        again()

    def again() -> None:
        read(loaded[0])

    return {"first": first, "again": again}


SIDES: Sides = {
    "predict-keras": predict_with_keras,
    "train-posts": train_with_posts,
    "load-keras": load_with_keras,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    run_one(SIDES, __doc__, arguments)


if __name__ == "__main__":
    main()
