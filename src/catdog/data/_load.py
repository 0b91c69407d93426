"""`load_datasets` and the record it returns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catdog import _checks
from catdog._types import SPLITS, ImageSize, Labels, Split
from catdog.data import _fetch
from catdog.data._scan import FolderIndex, Pictures, index_folder
from catdog.data._split import stratified_split

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from catdog.data._pipeline import PictureCache

DEFAULT_FRACTION = 0.2


@dataclass(frozen=True, eq=False)
class Datasets:
    """Training, validation and test pictures that share no file, with their class names.

    Made by [`load_datasets`][catdog.load_datasets]. Unpacks as `train, validation, test = data`.

    Attributes:
        class_names: Names of the classes, sorted; labels index into them.
        image_size: Height and width in pixels at which the pictures are served.
        batch_size: Pictures in a batch; the last batch of a pass may hold fewer.
        seed: What the split and the order of the training pictures were drawn from.
        cache_mib: Memory budget of the decoded pictures, in MiB.
    """

    class_names: tuple[str, ...]
    image_size: ImageSize
    batch_size: int
    seed: int
    cache_mib: int
    _pictures: Mapping[Split, Pictures] = field(repr=False)
    _sizes: dict[ImageSize, "Datasets"] = field(default_factory=dict, repr=False)  # shared

    @cached_property
    def train(self) -> "tf.data.Dataset":
        """Training batches of images and labels, reshuffled on every pass by the seed.

        Images are `float32` `(batch, height, width, 3)` in `[0, 255]`, labels `int32` `(batch,)`.
        """
        return training_batches(self)

    @cached_property
    def validation(self) -> "tf.data.Dataset":
        """Validation batches, always in the order of `paths("validation")`."""
        return self._serve("validation")

    @cached_property
    def test(self) -> "tf.data.Dataset":
        """Test batches, always in the order of `paths("test")`."""
        return self._serve("test")

    def __iter__(self) -> "Iterator[tf.data.Dataset]":
        return iter((self.train, self.validation, self.test))

    def paths(self, split: Split) -> tuple[Path, ...]:
        """Return the picture files of a split, ordered by class and name."""
        return self._pictures[_checks.check_split(split)].paths

    def labels(self, split: Split) -> Labels:
        """Return the label of each of `paths(split)`: shape `(n,)`, `int32`, no picture is read."""
        return self._pictures[_checks.check_split(split)].labels.copy()

    def label_counts(self, split: Split) -> dict[str, int]:
        """Return how many pictures of each class a split holds, such as `{"cats": 1000, ...}`."""
        counts = np.bincount(self.labels(split), minlength=len(self.class_names))
        return dict(zip(self.class_names, counts.tolist(), strict=True))

    def at(self, image_size: ImageSize) -> "Datasets":
        """Return the same split served at another size; asked again, it is the same object.

        Args:
            image_size: Height and width in pixels.
        """
        size = _checks.check_image_size(image_size)
        self._sizes.setdefault(self.image_size, self)
        if size not in self._sizes:
            self._sizes[size] = replace(self, image_size=size)
        return self._sizes[size]

    def __str__(self) -> str:
        lines = [f"{len(self.class_names)} classes, pictures of {_size_text(self.image_size)}"]
        for split in SPLITS:
            counts = self.label_counts(split)
            listed = ", ".join(f"{name} {count}" for name, count in counts.items())
            lines.append(f"  {split:<10} {sum(counts.values()):>6}  ({listed})")
        return "\n".join(lines)

    @cached_property
    def _cache(self) -> "PictureCache":
        """Decoded pictures of this size, shared by the three sets."""
        from catdog.data._pipeline import PictureCache

        return PictureCache(self.image_size, self.cache_mib)

    def _serve(self, split: Split, *, shuffle_seed: int | None = None) -> "tf.data.Dataset":
        from catdog.data._pipeline import serve

        return serve(
            self._pictures[split],
            self._cache,
            batch_size=self.batch_size,
            shuffle_seed=shuffle_seed,
        )


def load_datasets(
    source: "str | PathLike[str]" = "cats_and_dogs_filtered",
    *,
    image_size: ImageSize = (160, 160),
    batch_size: int = 32,
    seed: int = 0,
    validation_fraction: float | None = None,
    test_fraction: float | None = None,
    cache_mib: int = 1024,
) -> Datasets:
    """Load pictures as three sets that share no file, for ever.

    The files are divided once, before anything is read, class by class and by the seed. What is
    divided depends on the folder:

    | the folder holds | validation set | test set |
    |---|---|---|
    | one folder per class | `validation_fraction` (0.2) of all | `test_fraction` (0.2) of all |
    | `train/`, `validation/` | the rest of `validation/` | `test_fraction` (0.2) of `validation/` |
    | `train/`, `validation/`, `test/` | `validation/` | `test/` |

    (`training/`, `val/`, `valid/` and `testing/` mean the same, in small letters or capitals.)
    Pictures are JPEG, PNG, WebP, BMP and GIF files, found below each class folder by their suffix;
    hidden files are passed over.

    Args:
        source: A folder of pictures, or a known name: `"cats_and_dogs_filtered"` (3000 photos,
            downloaded once into Keras' cache, 68.6 MB) or `"synthetic"` (1800 drawn faces, no
            network needed).
        image_size: Height and width in pixels to which the pictures are stretched.
        batch_size: Pictures in a batch.
        seed: From 0 to 2**31 - 1. The same seed gives the same three sets and the same batches, in
            every process.
        validation_fraction: Share of the pictures for validation, between 0 and 1 (see the table).
        test_fraction: Share of the pictures for the test, between 0 and 1 (see the table).
        cache_mib: Memory budget in MiB. Decoded pictures are kept, at three bytes a pixel, until
            the budget is full; 3000 pictures at 160 x 160 take 220 MiB. The others are decoded
            again on every pass. The budget holds for each image size that is served; 0 keeps none.

    Returns:
        The three sets, whose batches are `float32` images in `[0, 255]` of shape
        `(batch, height, width, 3)` with `int32` labels.

    Raises:
        FileNotFoundError: If the folder does not exist.
        NotADirectoryError: If the source is a file.
        OSError: If the download fails.
        TypeError: If the source is neither a name nor a path.
        ValueError: If the folder's layout is not understood, a class is empty or too small to be
            divided, there are fewer than two classes, or an argument is out of its range.

    Example:
        ```python
        from catdog import load_datasets

        data = load_datasets("synthetic")
        train, validation, test = data
        print(data.class_names, data.label_counts("train"))
        ```
    """
    size = _checks.check_image_size(image_size)
    batch = _checks.check_positive_int("batch_size", batch_size)
    budget = _checks.check_positive_int("cache_mib", cache_mib, at_least=0)
    seed = _checks.check_seed(seed)
    given = {"validation_fraction": validation_fraction, "test_fraction": test_fraction}
    fractions = {
        argument: _checks.check_fraction(argument, value)
        for argument, value in given.items()
        if value is not None
    }
    index = index_folder(_find_source(source))
    pictures = _divide(index, fractions, seed)
    return Datasets(index.class_names, size, batch, seed, budget, pictures)


def serve_to(model: "keras.Model", data: Datasets) -> Datasets:
    """Return `data` at the model's input size, after checking that the model fits its classes.

    Raises:
        TypeError: If `data` is something else.
        ValueError: If the model does not take RGB pictures, or does not return logits for the
            classes of the data.
    """
    if not isinstance(data, Datasets):
        raise TypeError(f"data must be what load_datasets returns, not {type(data).__name__}.")
    shape = getattr(model, "input_shape", None) if getattr(model, "built", False) else None
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[-1] not in (3, None):
        raise ValueError(
            "model must be a Sequential or functional Keras model that takes one batch of RGB "
            f"pictures, (batch, height, width, 3), not {type(model).__name__} with input shape "
            f"{shape}. Build it with catdog.build_model, or begin it with keras.Input."
        )
    outputs = model.output_shape
    count = len(data.class_names)
    if outputs != (None, count):
        raise ValueError(
            f"model returns shape {outputs}, but the data has {count} classes "
            f"({', '.join(data.class_names)}). Build it with num_classes={count}, or end it with "
            f"keras.layers.Dense({count}), without activation."
        )
    activation = getattr(getattr(model.layers[-1], "activation", None), "__name__", None)
    if activation in ("sigmoid", "softmax"):
        raise ValueError(
            f"model ends in {activation}, but catdog needs logits. Take the activation off its "
            "last layer, and compile it with a loss that has from_logits=True."
        )
    height, width = shape[1:3]
    return data if height is None or width is None else data.at((height, width))


def training_batches(data: Datasets) -> "tf.data.Dataset":
    """Return the training batches as a new process sees them: the first pass comes first."""
    return data._serve("train", shuffle_seed=data.seed)


def in_order(data: Datasets, split: Split) -> "tf.data.Dataset":
    """Return the batches of a split in the order of `data.paths(split)`, the training set too."""
    return data._serve(split)


def _find_source(source: "str | PathLike[str]") -> Path:
    """Return the folder of a known data set or of the user's own."""
    if isinstance(source, str) and source in _fetch.KNOWN:
        return _fetch.KNOWN[source]()
    if not isinstance(source, str | PathLike) or not str(source):
        raise TypeError(f"source must be a folder or the name of a data set, not {source!r}.")
    folder = Path(source).expanduser().absolute()  # found again after a change of folder
    if not folder.exists():
        raise FileNotFoundError(
            f"source={str(source)!r} is neither a folder that exists nor a data set that catdog "
            f"knows. {_checks.suggest(source, _fetch.KNOWN)}"
        )
    return folder


def _divide(index: FolderIndex, fractions: Mapping[str, float], seed: int) -> dict[Split, Pictures]:
    """Make the three sets out of what the folder holds."""
    validation = fractions.get("validation_fraction", DEFAULT_FRACTION)
    test = fractions.get("test_fraction", DEFAULT_FRACTION)
    shares: dict[Split, float]
    if index.undivided:
        if validation + test >= 1:
            raise ValueError(
                f"validation_fraction={validation} and test_fraction={test} leave nothing to train "
                "on. Choose two that add up to less than 1."
            )
        shares = {"train": 1 - validation - test, "validation": validation, "test": test}
        return _split_pictures(index.undivided, shares, index.class_names, seed)
    if "test" in index.parts:
        _refuse(fractions, "the folder has its own validation/ and test/")
        return dict(index.parts)
    _refuse(fractions.keys() - {"test_fraction"}, "the folder has its own validation/")
    shares = {"validation": 1 - test, "test": test}
    held_out = _split_pictures(index.parts["validation"], shares, index.class_names, seed)
    return {"train": index.parts["train"], **held_out}


def _refuse(names: Iterable[str], reason: str) -> None:
    """Raise if a fraction was set that has nothing to divide."""
    if listed := " and ".join(sorted(names)):
        raise ValueError(f"{listed} would have no effect: {reason}. Leave it out.")


def _split_pictures(
    pictures: Pictures, shares: Mapping[Split, float], class_names: Sequence[str], seed: int
) -> dict[Split, Pictures]:
    """Divide pictures class by class into the named shares."""
    for name, count in zip(class_names, np.bincount(pictures.labels), strict=True):
        if count < len(shares):
            raise ValueError(
                f"The class {name!r} has {count} picture(s), too few to divide into "
                f"{', '.join(shares)}. Add pictures of it, or remove the class."
            )
    positions = stratified_split(pictures.labels, list(shares.values()), seed=seed)
    return {split: pictures.take(chosen) for split, chosen in zip(shares, positions, strict=True)}


def _size_text(image_size: ImageSize) -> str:
    return f"{image_size[0]} x {image_size[1]} pixels"
