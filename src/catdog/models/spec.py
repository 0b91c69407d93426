"""The record of a model: name, layers, source, parameter counts, accuracies, builder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import keras

from catdog._utils.public import public
from catdog.typing import ImageSize


@public
@dataclass(frozen=True)
class ReportedAccuracy:
    """The accuracies that a blog post reports for a model.

    The blog posts evaluated on batches that were drawn again in every epoch. They gave no
    confidence intervals and no seeds. These are the figures that they report, not reliable ones.

    Attributes:
        validation: Lowest and highest validation accuracy at which training settled, according to
            the text.
        final_validation: Validation accuracy printed after the last of 20 epochs.
        test: Accuracy on the test images, if the model was evaluated there.
        n: Number of validation images: 26 batches of 32, with 8 in the last.
        test_n: Number of test images.
    """

    validation: tuple[float, float]
    final_validation: float
    test: float | None = None
    n: int = 808
    test_n: int = 192


@dataclass(frozen=True)
class MeasuredAccuracy:
    """An accuracy that catdog measured on images that the model was not trained on.

    Attributes:
        accuracy: Share of the images that are classified correctly.
        interval: Lower and upper bound of the 95 % confidence interval.
        n: Number of images.
        baseline: Accuracy of the majority-class baseline on them.
        data: Name of the images.
        seed: The seed of the split and of the model.
        command: The command that measured it.
    """

    accuracy: float
    interval: tuple[float, float]
    n: int
    baseline: float
    data: str
    seed: int
    command: str


@dataclass(frozen=True)
class PretrainedWeights:
    """Bundled weights, which catdog trained.

    Attributes:
        name: Name of the model.
        sha256: Checksum of their file.
        class_names: Names of the classes, in the order of the model's logits.
        image_size: Height and width in pixels of the images they were trained on.
        temperature: Logits are divided by it before the softmax.
        measured: The accuracy on images that were not used for training or any choice.
        versions: Versions of the packages with which they were trained.
    """

    name: str
    sha256: str
    class_names: tuple[str, ...]
    image_size: ImageSize
    temperature: float
    measured: MeasuredAccuracy
    versions: Mapping[str, str] = field(repr=False)


@public
@dataclass(frozen=True)
class ModelSpec:
    """A model of the zoo.

    Attributes:
        name: `architecture.variant`.
        summary: The layers after the input, in order.
        source: Where the variant was published, or a note that it is catdog's own.
        image_size: Default height and width in pixels.
        min_image_size: Smallest height and width in pixels that the layers allow.
        num_params: Number of weights at the default size with two classes.
        num_trainable_params: Number of weights that are trained.
        weights: What `weights="default"` loads, in words.
        build: Builds the model for an image size and a number of classes, with initial weights.
        load_default_weights: Loads the weights of `weights="default"`, if there are any.
        reported: The accuracies that a blog post reports, if it published the variant.
        read_measured: Reads `measured`, if there is one.
        read_pretrained: Reads `pretrained`, if there are any. Their record is a file of the
            package. It is read on use, so that nothing is read at import.
    """

    name: str
    summary: str
    source: str
    image_size: ImageSize
    min_image_size: int
    num_params: int
    num_trainable_params: int
    weights: str
    # Functions are not compared, so that a copy is equal to the original.
    build: Callable[[ImageSize, int], keras.Model] = field(repr=False, compare=False)
    load_default_weights: Callable[[keras.Model], None] | None = field(
        default=None, repr=False, compare=False
    )
    reported: ReportedAccuracy | None = None
    read_measured: Callable[[], MeasuredAccuracy] | None = field(
        default=None, repr=False, compare=False
    )
    read_pretrained: Callable[[], PretrainedWeights] | None = field(
        default=None, repr=False, compare=False
    )

    @property
    def measured(self) -> MeasuredAccuracy | None:
        """The accuracy on cats and dogs that catdog measured, if it did.

        The model has its bundled default weights, or was trained on the 2000 training photos of
        `cats_and_dogs_filtered`.

        Raises:
            OSError: If the record is missing or damaged.
        """
        return self.read_measured() if self.read_measured else None

    @property
    def pretrained(self) -> PretrainedWeights | None:
        """The bundled weights, if there are any: `weights="cats_vs_dogs"` loads them.

        Raises:
            OSError: If their record is missing or damaged.
        """
        return self.read_pretrained() if self.read_pretrained else None
