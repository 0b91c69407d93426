"""Images whose label is probably wrong, or that show nothing clearly."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError
from catdog._utils.public import public
from catdog._utils.tables import Table, escape, html_table, text_lines
from catdog._utils.text import counted, percent, printable
from catdog.data.datasets import Datasets, content_hashes
from catdog.data.report import relative_name
from catdog.data.split import stratified_split
from catdog.evaluation.out_of_fold import as_vectors, log_probabilities, squared_distances
from catdog.matching import resize_to_model
from catdog.models.graph import ModelParts, split_model
from catdog.training.features import FeatureExtractor
from catdog.typing import SPLITS, Floats, Labels, Split, Verbose

Doubt = Literal["another class", "no class"]
ROWS_PRINTED = 10


@public
@dataclass(frozen=True, slots=True)
class LabelIssue:
    """An image, and what is odd about its label in the eyes of a classifier that had not seen it.

    Attributes:
        path: The file.
        split: The set it is in.
        label: Name of the class it was given.
        suggested: Name of the class that the classifier finds likeliest; may be the same.
        probability: That class's probability, from 0 to 1; the classifier is too sure of itself.
        label_probability: The probability of `label`.
        distance: How far the image is from the nearest class; 1 is usual.
        reason: `"another class"` if it is more remarkable how improbable the label is, `"no class"`
            if it is more remarkable how unlike all classes the image is.
    """

    path: Path
    split: Split
    label: str
    suggested: str
    probability: float
    label_probability: float
    distance: float
    reason: Doubt


@public
@dataclass(frozen=True, eq=False, repr=False)
class LabelIssues:
    """Images by how suspicious their labels are.

    Made by [`find_label_issues`][catdog.find_label_issues]. Print it for the first ten; a notebook
    shows them as a table.

    Attributes:
        images: All images, the most suspicious first.
        folder: The folder that they were loaded from.
    """

    images: tuple[LabelIssue, ...]
    folder: Path

    def rows(self) -> list[dict[str, Any]]:
        """Return a plain row for each image, ready for `json.dump` or `pandas.DataFrame`."""
        return [{**asdict(one), "path": str(one.path)} for one in self.images]

    def __repr__(self) -> str:
        return f"<LabelIssues: {_headline(self)}>"

    def __str__(self) -> str:
        return "\n".join([_headline(self), *text_lines(_table(self))])

    def _repr_html_(self) -> str:
        """Return the first ten as a table, for notebooks."""
        return f"<p><b>{escape(_headline(self))}</b></p>\n{html_table(_table(self))}"


@public
def find_label_issues(
    model: keras.Model,
    data: Datasets,
    *,
    splits: Sequence[Split] = ("train", "validation"),
    folds: int = 5,
    seed: int = 0,
    cache_dir: "str | PathLike[str] | None" = None,
    verbose: Verbose = "auto",
) -> LabelIssues:
    """Find images whose label is probably wrong. Look at them; nothing is changed.

    The backbone of the model is run once over the images. Then they are dealt into folds, and
    each fold is evaluated on a classifier that was fitted to the features of the others: no image
    has a say about its own label. Copies of an image are in the same fold.

    A label can be wrong in two ways. The image shows another class: then the label is improbable.
    Or it shows none: then it is far from all classes, whatever the probabilities. The images are
    ranked in both ways, and each comes as far in front as its better rank says. Expect good
    images among the first, too: rare poses, drawings, and animals behind bars look as odd.

    Args:
        model: Begins with a backbone that has learned from other images, such as
            `"mobilenet_v2.linear"` or `"transfer"` do. What lies behind it is not used, so it need
            not be trained; it is not changed either.
        data: The images and their labels.
        splits: The sets to look at, together. To mend the test set as well, name `"test"`, but
            before any model was evaluated on it.
        folds: Number of folds; more take longer, and leave more to learn from.
        seed: How the folds are drawn, from 0 to 2**31 - 1.
        cache_dir: Keep the features in this folder, as [`train_head`][catdog.train_head] does.
        verbose: 0 shows no progress bar; else there is one if it takes long.

    Returns:
        All images, the most suspicious first.

    Raises:
        ValueError: If the model does not begin with a backbone, or does not fit the data, a
            class has fewer different images than there are folds, an argument is out of its
            range, or an image was changed or removed after it was loaded.

    Example:
        ```python
        from catdog import build_model, find_label_issues, load_datasets

        data = load_datasets("synthetic")
        model = build_model("mobilenet_v2.linear", image_size=(96, 96), weights=None, seed=0)
        print(find_label_issues(model, data, splits=["validation"]))
        ```

    Source: C. G. Northcutt, L. Jiang and I. L. Chuang, "Confident Learning: Estimating Uncertainty
    in Dataset Labels", JAIR 70 (2021), for ranking by the probability of the given label out of
    fold; K. Lee and others, "A Simple Unified Framework for Detecting Out-of-Distribution Samples
    and Adversarial Attacks", NeurIPS 2018, for the distance to the nearest class.
    """
    chosen = _check_splits(splits)
    folds = checks.check_positive_int("folds", folds, at_least=2)
    seed = checks.check_seed(seed)
    resized = resize_to_model(model, data)
    labels = np.concatenate([data.labels(split) for split in chosen])
    contents = [content for split in chosen for content in content_hashes(data, split)]
    _check_enough(labels, contents, folds, data.class_names)
    count = len(labels)
    frozen = FeatureExtractor(_parts_of(model), resized, count, cache_dir, verbose != 0)
    features = np.concatenate([frozen.features(split)[0] for split in chosen])
    parts = stratified_split(labels, [1 / folds] * folds, contents=contents, seed=seed)
    vectors = as_vectors(features)
    squares = squared_distances(vectors, labels, parts)
    probabilities = np.exp(log_probabilities(squares, labels, vectors.shape[1]))
    return LabelIssues(
        tuple(_in_order(data, chosen, probabilities, np.sqrt(squares.min(axis=1)))),
        data.report.folder,
    )


def _check_splits(splits: Any) -> list[Split]:
    """Return the sets to look at, in their usual order."""
    given = list(splits) if isinstance(splits, list | tuple | set) else [splits]
    named = {checks.check_split(split) for split in given}
    if not named:
        raise InvalidValueError(
            f'must name at least one of {", ".join(SPLITS)}, such as ["train"]',
            argument="splits",
        )
    return [split for split in SPLITS if split in named]


def _check_enough(
    labels: Labels, contents: Sequence[str], folds: int, class_names: Sequence[str]
) -> None:
    """Raise if a class has too few images for every fold to get one."""
    for label, name in enumerate(class_names):
        different = {contents[position] for position in np.flatnonzero(labels == label).tolist()}
        if len(different) < folds:
            raise InvalidValueError(
                f"folds={folds} needs {folds} images of each class, duplicates not counted, "
                f"but {printable(name)} has {len(different)}",
                hint="Pass fewer folds, at least 2, or name more splits.",
            )


def _parts_of(model: keras.Model) -> ModelParts:
    """Cut the backbone off a model, or say which models have one."""
    try:
        return split_model(model)
    except ValueError as error:
        raise InvalidValueError(
            "find_label_issues needs a model that begins with a backbone, which has "
            "learned from other images, and ends in layers that train",
            hint=(
                'Pass build_model("mobilenet_v2.linear") or build_model("transfer"), say, or a '
                "model of your own whose front has trainable = False."
            ),
        ) from error


def rank(doubts: Floats, distances: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Put images in order by the better of two ranks.

    Args:
        doubts: How improbable each label is, shape `(n,)`.
        distances: How far each image is from all classes.

    Returns:
        Positions of the images, the most suspicious first; and whether the rank by distance is
        the better one, for each image.
    """
    by_doubt, by_distance = _places(doubts), _places(distances)
    order = np.lexsort((by_doubt, np.minimum(by_doubt, by_distance)))
    return order, by_distance < by_doubt


def _places(values: Floats) -> NDArray[np.intp]:
    """Return at which place each value comes, the largest at 0."""
    return np.argsort(np.argsort(-values, kind="stable"), kind="stable")


def _in_order(
    data: Datasets, splits: Sequence[Split], probabilities: Floats, distances: Floats
) -> Iterator[LabelIssue]:
    """Yield the images, the most suspicious first."""
    files = [(split, path) for split in splits for path in data.paths(split)]
    labels = np.concatenate([data.labels(split) for split in splits])
    given = probabilities[np.arange(len(labels)), labels]
    order, unlike_all = rank(-given, distances)
    usual = float(np.median(distances)) or 1.0  # 0 if all images have the same features
    for position in order.tolist():
        split, path = files[position]
        suggested = int(probabilities[position].argmax())
        yield LabelIssue(
            path=path,
            split=split,
            label=data.class_names[labels[position]],
            suggested=data.class_names[suggested],
            probability=float(probabilities[position, suggested]),
            label_probability=float(given[position]),
            distance=float(distances[position]) / usual,
            reason="no class" if unlike_all[position] else "another class",
        )


def _headline(of: LabelIssues) -> str:
    splits = [split for split in SPLITS if any(one.split == split for one in of.images)]
    return f"{counted(len(of.images), 'image')} ({', '.join(splits)}), suspicious labels first"


def _table(of: LabelIssues) -> Table:
    """Return the first images as a table."""
    first = of.images[:ROWS_PRINTED]
    return Table(
        head=("image", "label", "looks like", "probability", "distance"),
        rows=[
            (
                relative_name(one.path, of.folder),
                one.label,
                one.suggested if one.reason == "another class" else "none",
                percent(one.probability) if one.reason == "another class" else "",
                f"{one.distance:.1f}",
            )
            for one in first
        ],
    )
