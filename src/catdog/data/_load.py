"""`load_datasets`: from a name or a folder to three sets that share no file."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from catdog import _checks
from catdog._types import ImageSize, Split
from catdog.data import _fetch
from catdog.data._datasets import Datasets
from catdog.data._scan import FolderIndex, Pictures, index_folder
from catdog.data._split import stratified_split

DEFAULT_FRACTION = 0.2


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
