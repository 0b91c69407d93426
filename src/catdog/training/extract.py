"""Extract the features of images, and keep them with labels, paths and hashes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np

from catdog._utils import checks
from catdog._utils.errors import InvalidTypeError, InvalidValueError, UsageWarning
from catdog._utils.progress import progress
from catdog._utils.public import public
from catdog._utils.text import counted, printable, with_lines
from catdog.data.datasets import Datasets, content_hashes
from catdog.data.features import DEFAULT_BATCH_SIZE, Features
from catdog.data.layout import find_layout
from catdog.images.inputs import ImageSource, iter_images
from catdog.images.notes import Note, warn_of_notes
from catdog.inference.classify import raise_unreadable
from catdog.models.graph import ModelParts
from catdog.models.logits import check_classifier
from catdog.models.metadata import get_metadata, get_trained_size
from catdog.training.features import FeatureExtractor
from catdog.training.frozen import backbone_hash, split_frozen
from catdog.training.run_backbone import Extracted, compute_features, run_backbone
from catdog.typing import SPLITS, ImageSize, OnBadImage, Verbose


@public
def extract_features(
    model: keras.Model,
    images: Datasets | str | PathLike[str] | Iterable[Any],
    *,
    on_bad_image: OnBadImage = "raise",
    verbose: Verbose = "auto",
) -> Features:
    """Run the frozen backbone of a model once over images, and return what it computes.

    Extraction is the costly part of training a head. Its result can be saved, moved to another
    machine, and used again by [`train_head`][catdog.train_head] and
    [`find_label_issues`][catdog.find_label_issues]. Nothing is augmented.

    Args:
        model: A model with a frozen backbone, such as `"mobilenet_v2.linear"` or `"transfer"`. Its
            head is not used. The model is not changed.
        images: What `load_datasets` returns: its splits, labels and seed are kept. Or a folder, an
            image file, or an iterable of image files and of the bytes of such files: these are not
            split yet, see `Features.split`. If each image of a folder is in a class folder, as for
            `load_datasets`, it has that label; otherwise the images have no labels.
        on_bad_image: What to do if an image cannot be read: `"raise"` an error, or `"skip"` it with
            a warning; `Features.errors` then has the reason.
        verbose: 0 shows no progress bar; any other value shows one if it takes long.

    Returns:
        The features of all images, in their order.

    Raises:
        FileNotFoundError: If an image file does not exist.
        TypeError: If `images` is none of these.
        ValueError: If the model does not begin with a frozen backbone, or has a `call` of its own;
            an image cannot be read; or a folder holds no images, or folders for training and test.

    Example:
        ```python
        from catdog import build_model, extract_features, load_datasets, train_head

        data = load_datasets("synthetic")
        model = build_model("mobilenet_v2", image_size=(96, 96), weights=None, seed=0)
        features = extract_features(model, data)
        features.save("features.npz")
        history = train_head(model, features, epochs=5)
        ```
    """
    skip = checks.check_choice("on_bad_image", on_bad_image, ("raise", "skip")) == "skip"
    shown = checks.check_verbose(verbose) != 0
    size, _ = check_classifier(model)
    parts = split_frozen(model, "extract_features")
    if isinstance(images, Datasets):
        return _extract_data(parts, images.at(size) if size else images, shown)
    size = size or get_trained_size(get_metadata(model))
    sources, class_of = _list_sources(images)
    notes: list[Note] = []
    features = _extract_sources(parts, sources, size, notes, skip=skip, shown=shown)
    _warn_skipped(features)
    warn_of_notes(notes, stacklevel=2)
    return with_labels(features, class_of)


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that features depend on."""
    return {package: version(package) for package in ("catdog", "keras")}


def _extract_data(parts: ModelParts, data: Datasets, shown: bool) -> Features:
    """Return the features of all splits."""
    count = sum(len(data.paths(split)) for split in SPLITS)
    extractor = FeatureExtractor(parts, data, count, None, shown)
    return Features(
        values=np.concatenate([extractor.features(split)[0] for split in SPLITS]),
        paths=tuple(str(path) for split in SPLITS for path in data.paths(split)),
        sha256=tuple(content for split in SPLITS for content in content_hashes(data, split)),
        labels=np.concatenate([data.labels(split) for split in SPLITS]),
        class_names=data.class_names,
        splits=tuple(split for split in SPLITS for _ in data.paths(split)),
        errors={},
        backbone=backbone_hash(parts),
        image_size=data.image_size,
        seed=data.seed,
        batch_size=data.batch_size,
        versions=package_versions(),
    )


def _extract_sources(
    parts: ModelParts,
    sources: list[ImageSource],
    size: ImageSize,
    notes: list[Note],
    *,
    skip: bool,
    shown: bool,
) -> Features:
    """Return the features of image files and bytes, without labels."""
    compute = compute_features(parts, size, len(sources))
    rows: list[Extracted] = []
    with progress("Extracting features", len(sources), shown=shown) as advance:
        for batch in run_backbone(compute, sources, size, DEFAULT_BATCH_SIZE, notes):
            for row in batch:
                if row.error and not skip:
                    raise_unreadable(row.error)
            rows += batch
            advance(len(batch))
    return features_of(rows, parts, size)


def features_of(rows: list[Extracted], parts: ModelParts, size: ImageSize) -> Features:
    """Return the rows of images that could be read as features, without labels."""
    good = [row for row in rows if row.error is None]
    shape = parts.backbone.output_shape[1:]
    return Features(
        values=np.array([row.values for row in good], np.float32).reshape(-1, *shape),
        paths=tuple(row.name for row in good),
        sha256=tuple(row.sha256 for row in good),
        labels=None,
        class_names=(),
        splits=None,
        errors={row.name: str(row.error) for row in rows if row.error},
        backbone=backbone_hash(parts),
        image_size=size,
        versions=package_versions(),
    )


def _list_sources(images: Any) -> tuple[list[ImageSource], dict[str, str]]:
    """Return the image files and bytes, and the class name of each file in a class folder."""
    is_folder = isinstance(images, str | PathLike) and checks.expand_home(images).is_dir()
    class_names = _class_folders(checks.expand_home(images)) if is_folder else {}
    sources = list(iter_images(images))
    for source in sources:
        if not isinstance(source.content, Path | bytes):
            raise InvalidTypeError(
                "must be image files or the bytes of such files, whose content is hashed, not "
                f"{type(source.content).__name__}",
                argument=source.name,
                hint="Save the image to a file first.",
            )
    return sources, class_names


def _class_folders(folder: Path) -> dict[str, str]:
    """Return the class name of each file in a class folder; empty if there are no such folders."""
    try:
        layout = find_layout(folder)
    except ValueError:
        return {}
    if layout.splits:
        raise InvalidValueError(
            f"has folders for {' and '.join(layout.splits)}",
            argument="images",
            value=str(folder),
            hint="Pass catdog.load_datasets(folder), which keeps them apart.",
        )
    return {str(file.path): layout.class_names[file.label] for file in layout.files}


def with_labels(features: Features, class_of: Mapping[str, str | None]) -> Features:
    """Return features with the labels of their images, if the class of each is known.

    Args:
        features: Features without labels.
        class_of: Name of the class of each image, by its path; also of images without features.
    """
    found = [class_of.get(path) for path in features.paths]
    class_names = tuple(sorted({name for name in class_of.values() if name is not None}))
    if not found or None in found:
        return features
    position = {name: label for label, name in enumerate(class_names)}
    labels = np.array([position[name] for name in found if name is not None], np.int32)
    return replace(features, labels=labels, class_names=class_names)


def _warn_skipped(features: Features) -> None:
    """Warn about the images that could not be read."""
    if features.errors:
        count = counted(len(features.errors), "image")
        lines = [printable(error) for error in features.errors.values()]
        warnings.warn(UsageWarning(with_lines(f"{count} cannot be read", lines)), stacklevel=3)
