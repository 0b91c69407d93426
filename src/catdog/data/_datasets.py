"""The record that `load_datasets` returns, and how its pictures are served."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catdog import _checks
from catdog._logits import check_classifier
from catdog._seeding import shuffled
from catdog._text import count_line, counted
from catdog._types import SPLITS, ImageSize, Labels, Split
from catdog.data._report import Picture, ScanReport
from catdog.data._split_file import write_split

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from catdog.data._pipeline import PictureCache


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
        report: What the scan of the folder found, including the files that were left out.
    """

    class_names: tuple[str, ...]
    image_size: ImageSize
    batch_size: int
    seed: int
    cache_mib: int
    report: ScanReport = field(repr=False)
    _pictures: Mapping[Split, Sequence[Picture]] = field(repr=False)
    # All sizes of a split share these two.
    _sizes: dict[ImageSize, "Datasets"] = field(default_factory=dict, repr=False)
    _looks: Counter[Split] = field(default_factory=Counter, repr=False)

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
        return tuple(picture.path for picture in self._pictures[_checks.check_split(split)])

    def labels(self, split: Split) -> Labels:
        """Return the label of each of `paths(split)`: shape `(n,)`, `int32`, no picture is read."""
        pictures = self._pictures[_checks.check_split(split)]
        return np.array([picture.label for picture in pictures], np.int32)

    def label_counts(self, split: Split) -> dict[str, int]:
        """Return how many pictures of each class a split holds, such as `{"cats": 1000, ...}`."""
        counts = np.bincount(self.labels(split), minlength=len(self.class_names))
        return dict(zip(self.class_names, counts.tolist(), strict=True))

    @property
    def looks(self) -> int:
        """How often `evaluate` has judged a model on the test set, at whatever image size.

        A copy goes on counting from there on its own. Data that is loaded again begins at 0.
        """
        return self._looks["test"]

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

    def save_split(self, path: "str | PathLike[str]") -> None:
        """Write down which picture is in which set, so that others can load the same three sets.

        `load_datasets(folder, split_file=path)` reads it, on another machine too. The file is JSON:
        path below the folder, class, length and SHA-256 hash of every picture, and the seed. It
        holds no pictures.

        Args:
            path: The file to write, such as `"split.json"`. Nothing is overwritten.

        Raises:
            FileExistsError: If something else than this very split is there.
            FileNotFoundError: If its folder does not exist.
        """
        write_split(_checks.expand_home(path), self._pictures, self.report, self.seed)

    def __getstate__(self) -> dict[str, Any]:
        """Return what can be copied and pickled: the record, without TensorFlow's objects."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    def __str__(self) -> str:
        height, width = self.image_size
        lines = [f"{len(self.class_names)} classes, pictures of {height} x {width} pixels"]
        lines += [count_line(split, self.label_counts(split)) for split in SPLITS]
        used = {path for split in SPLITS for path in self.paths(split)}
        if unused := {finding.path for finding in self.report.bad} - used:
            files = counted(len(unused), "file")
            lines.append(f"  {files} cannot be used: print(data.report)")
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


def serve_to(model: "keras.Model", data: Datasets) -> Datasets:
    """Return `data` at the model's input size, after checking that the model fits its classes.

    Raises:
        TypeError: If `data` is something else.
        ValueError: If the model does not take RGB pictures, or does not return logits for the
            classes of the data.
    """
    if not isinstance(data, Datasets):
        raise TypeError(f"data must be what load_datasets returns, not {type(data).__name__}.")
    size, count = check_classifier(model)
    if count != len(data.class_names):
        raise ValueError(
            f"model returns {count} logits, but the data has {len(data.class_names)} classes "
            f"({', '.join(data.class_names)}). Build it with num_classes={len(data.class_names)}, "
            f"or end it with keras.layers.Dense({len(data.class_names)}), without activation."
        )
    return data.at(size) if size else data


def training_batches(data: Datasets) -> "tf.data.Dataset":
    """Return the training batches as a new process sees them: the first pass comes first."""
    return data._serve("train", shuffle_seed=data.seed)


def in_order(data: Datasets, split: Split) -> "tf.data.Dataset":
    """Return the batches of a split in the order of `data.paths(split)`, the training set too."""
    return data._serve(split)


def count_look(data: Datasets, split: Split) -> int | None:
    """Count a look at the test set and return how many there were; `None` for other sets."""
    if split != "test":
        return None
    data._looks[split] += 1
    return data.looks


def content_hashes(data: Datasets, split: Split) -> list[str]:
    """Return the SHA-256 hash of each of `data.paths(split)`, as it was when it was looked at."""
    return [picture.sha256 for picture in data._pictures[split]]


def training_order(data: Datasets, epoch: int) -> NDArray[np.int64]:
    """Return where the pictures of `training_batches` lie in `data.paths("train")`.

    Args:
        data: The pictures.
        epoch: Which pass over them, counted from 0.
    """
    return shuffled(len(data._pictures["train"]), data.seed, epoch)


@contextmanager
def naming_broken_pictures(served: Datasets) -> Iterator[None]:
    """Raise what is wrong with a picture as it is, not as a page of TensorFlow's."""
    served._cache.failure = None
    try:
        yield
    except Exception:
        if served._cache.failure:
            raise served._cache.failure from None
        raise
