"""`Datasets`, the result of `load_datasets`, and its batches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks, late
from catdog._utils.forks import check_not_forked
from catdog._utils.public import public
from catdog._utils.quiet import quiet_first_import
from catdog._utils.seeding import shuffled
from catdog._utils.tables import escape
from catdog._utils.text import count_line, counted, printable
from catdog.data.corrections import count_corrections
from catdog.data.findings import ImageFile
from catdog.data.preview import counts_table, examples
from catdog.data.report import ScanReport
from catdog.data.session import ReadErrors, Session
from catdog.data.split_file import write_split
from catdog.typing import SPLITS, ImageSize, Labels, Split


@public
@dataclass(frozen=True, eq=False)
class Datasets:
    """Training, validation and test images that share no image, with their class names.

    Made by [`load_datasets`][catdog.load_datasets]. Unpacks as `train, validation, test = data`.
    `print` shows the counts; a notebook shows a few images too.
    The attributes never change. Only two things do, for all image sizes together: the cache of
    decoded images, and the number of test evaluations.

    Attributes:
        class_names: Names of the classes, sorted; labels index into them.
        image_size: Height and width in pixels to which the images are resized.
        batch_size: Number of images in a batch; the last batch of a pass may hold fewer.
        seed: Seed of the split and of the order of the training images.
        cache_mib: Cache limit of the decoded images in memory, in MiB.
        cache_dir: Folder that decoded images are cached in; `None` for memory only.
        report: The result of the scan of the folder, with the files that were left out.
    """

    class_names: tuple[str, ...]
    image_size: ImageSize
    batch_size: int
    seed: int
    cache_mib: int
    cache_dir: Path | None
    report: ScanReport = field(repr=False)
    _images: Mapping[Split, Sequence[ImageFile]] = field(repr=False)
    _session: Session = field(default_factory=Session, repr=False)

    @property
    def train(self) -> "late.tf.data.Dataset":
        """Training batches of images and labels, reshuffled on every pass by the seed.

        Images are `float32` `(batch, height, width, 3)` in `[0, 255]`, labels `int32` `(batch,)`.
        """
        return self._own_batches("train")

    @property
    def validation(self) -> "late.tf.data.Dataset":
        """Validation batches, always in the order of `paths("validation")`."""
        return self._own_batches("validation")

    @property
    def test(self) -> "late.tf.data.Dataset":
        """Test batches, always in the order of `paths("test")`."""
        return self._own_batches("test")

    def __iter__(self) -> "Iterator[late.tf.data.Dataset]":
        return iter((self.train, self.validation, self.test))

    def paths(self, split: Split) -> tuple[Path, ...]:
        """Return the image files of a split, ordered by class and name."""
        return tuple(image.path for image in self._images[checks.check_split(split)])

    def labels(self, split: Split) -> Labels:
        """Return the label of each of `paths(split)`: shape `(n,)`, `int32`, no image is read."""
        images = self._images[checks.check_split(split)]
        return np.array([image.label for image in images], np.int32)

    def groups(self, split: Split) -> tuple[str, ...] | None:
        """Return the group of each of `paths(split)`; `None` if an image of the split has none."""
        found = [image.group for image in self._images[checks.check_split(split)]]
        return None if None in found else tuple(str(group) for group in found)

    def label_counts(self, split: Split) -> dict[str, int]:
        """Return how many images of each class a split holds, such as `{"cats": 1000, ...}`."""
        counts = np.bincount(self.labels(split), minlength=len(self.class_names))
        return dict(zip(self.class_names, counts.tolist(), strict=True))

    @property
    def test_evaluations(self) -> int:
        """How often `evaluate` was called on the test set, at any image size.

        A copy continues from this count on its own. Data that is loaded again begins at 0.
        """
        return self._session.test_evaluations

    def at(self, image_size: ImageSize) -> "Datasets":
        """Return the same split at another image size; for the same size, the same object.

        Args:
            image_size: Height and width in pixels.
        """
        size = checks.check_image_size(image_size)
        known, rest = self._session.resized, (self.batch_size, self.seed)
        known.setdefault((self.image_size, *rest), self)
        return known.setdefault((size, *rest), replace(self, image_size=size))

    def save_split(self, path: "str | PathLike[str]") -> None:
        """Save the split to a file: which image is in which set.

        `load_datasets(folder, split_file=path)` reads it, on another machine too. The file is JSON:
        relative path, class, length and SHA-256 hash of every image, its group if there are groups,
        the seed, and corrections if there are any. It contains no images.

        Args:
            path: The file to write, such as `"split.json"`. No file is overwritten.

        Raises:
            FileExistsError: If there is a file with other content.
            FileNotFoundError: If the folder of the file does not exist.
            TypeError: If `path` is not a path.
        """
        target = checks.check_path("path", path, example="split.json")
        write_split(target, self._images, self.report, self.seed)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for copies and pickles: the fields, without objects of TensorFlow."""
        state = {part.name: getattr(self, part.name) for part in fields(self)}
        return state | {"_session": self._session.copy()}

    def __str__(self) -> str:
        return summary(self, report_hint="print(data.report)")

    def _repr_html_(self) -> str:
        """Return the counts and a few training images of each class, for notebooks."""
        paths: dict[str, list[Path]] = {name: [] for name in self.class_names}
        for image in self._images["train"]:
            paths[self.class_names[image.label]].append(image.path)
        counts = {split: self.label_counts(split) for split in SPLITS}
        more = summary(self, report_hint="print(data.report)").splitlines()[1 + len(SPLITS) :]
        notes = [f"<p>{escape(line.strip())}</p>" for line in more]
        return "\n".join([counts_table(counts), *notes, examples(paths)])

    def _own_batches(self, split: Split) -> "late.tf.data.Dataset":
        """Return the batches that are an attribute: always the same object, which counts passes."""
        check_not_forked()
        seed = self.seed if split == "train" else None
        known, key = self._session.batches, (split, self.image_size, self.batch_size, seed)
        if key not in known:
            known.setdefault(key, self._batches(split, shuffle_seed=seed))
        return known[key]

    def _batches(
        self,
        split: Split,
        *,
        shuffle_seed: int | None = None,
        epochs: Iterator[int] | None = None,
        errors: ReadErrors | None = None,
    ) -> "late.tf.data.Dataset":
        with quiet_first_import():
            from catdog.data.pipeline import ImageCache, make_batches

        caches = self._session.caches
        if self.image_size not in caches:
            cache = ImageCache(self.image_size, self.cache_mib, self.cache_dir, self._session.early)
            caches.setdefault(self.image_size, cache)
        return make_batches(
            self._images[split],
            caches[self.image_size],
            batch_size=self.batch_size,
            shuffle_seed=shuffle_seed,
            epochs=epochs,
            errors=[] if errors is None else errors,
        )


def summary(data: Datasets, *, report_hint: str, model_size: ImageSize | None = None) -> str:
    """Return classes, image size and counts as lines of text, as `print(data)` shows them.

    Args:
        data: The images.
        report_hint: How to see the files that cannot be used, if there are any.
        model_size: Height and width at which a model receives the images, if it is known.
            `data.image_size` need not be that: functions that take a model resize the images to it.
    """
    size = f", images of {model_size[0]} x {model_size[1]} pixels" if model_size else ""
    lines = [f"{len(data.class_names)} classes{size}"]
    lines += [count_line(split, data.label_counts(split)) for split in SPLITS]
    if counts := count_corrections(data.report):
        listed = ", ".join(f"{counted(count, 'file')} {kind}" for kind, count in counts.items())
        lines.append(f"  corrections: {listed.replace('_', ' ')}")
    if data.cache_dir:
        lines.append(f"  decoded images are cached in {printable(data.cache_dir)}")
    used = {path for split in SPLITS for path in data.paths(split)}
    if left_out := {finding.path for finding in data.report.bad} - used:
        lines.append(f"  {counted(len(left_out), 'file')} cannot be used: {report_hint}")
    if others := [item for item in data.report.findings if item.reason == "other_file"]:
        lines.append(f"  {counted(len(others), 'file')} of another kind, ignored: {report_hint}")
    return "\n".join(lines)


def training_batches(
    data: Datasets, errors: ReadErrors | None = None, *, epochs: Iterator[int] | None = None
) -> "late.tf.data.Dataset":
    """Return new training batches.

    Args:
        data: The images.
        errors: Receives the errors of images that cannot be read; from `raise_read_errors`.
        epochs: The epoch, counted from 0, whose order each pass has; by default 0, 1, 2 and so on.
    """
    return data._batches("train", shuffle_seed=data.seed, epochs=epochs, errors=errors)


def ordered_batches(
    data: Datasets, split: Split, errors: ReadErrors | None = None
) -> "late.tf.data.Dataset":
    """Return the batches of a split in the order of `data.paths(split)`, the training set too.

    Args:
        data: The images.
        split: The split.
        errors: Receives the errors of images that cannot be read; from `raise_read_errors`.
    """
    return data._batches(split, errors=errors)


def count_test_evaluation(data: Datasets, split: Split) -> int | None:
    """Count an evaluation on the test split; return the count, `None` for other splits."""
    return data._session.count_test_evaluation() if split == "test" else None


def content_hashes(data: Datasets, split: Split) -> list[str]:
    """Return the SHA-256 hash of each of `data.paths(split)`, at the time of the scan."""
    return [image.sha256 for image in data._images[split]]


def near_training(data: Datasets, split: Split) -> NDArray[np.bool_]:
    """Return for each of `data.paths(split)` whether a training image is nearly the same.

    Shape `(n,)`; the training images themselves count as unlike all others.
    """
    trained = {image.cluster for image in data._images["train"]} - {None}
    near = [split != "train" and image.cluster in trained for image in data._images[split]]
    return np.array(near, np.bool_)


def near_contents(data: Datasets, split: Split) -> list[str]:
    """Return a text for each of `data.paths(split)`, equal for near duplicates and duplicates."""
    return [
        image.sha256 if image.cluster is None else f"cluster {image.cluster}"
        for image in data._images[split]
    ]


def training_order(data: Datasets, epoch: int) -> NDArray[np.int64]:
    """Return the order of one pass of `training_batches`: positions in `data.paths("train")`.

    Args:
        data: The images.
        epoch: Number of the pass, from 0.
    """
    return shuffled(len(data._images["train"]), data.seed, epoch)


def near_duplicate_clusters(data: Datasets, split: Split) -> list[int | None]:
    """Return the cluster of near duplicates of each of `data.paths(split)`, `None` if it is alone.

    They are those that the scan found by thumbnails; the split need not keep them together.
    """
    return [image.cluster for image in data._images[split]]
