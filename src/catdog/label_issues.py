"""Pictures whose label is probably wrong, or that show nothing clearly."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from catdog import _checks
from catdog._features import FrozenPass, Parts, cut_model
from catdog._figures import contact_sheet, plain
from catdog._pictures import Source
from catdog._statistics import log_softmax
from catdog._tables import Table, escape, html_table, text_lines
from catdog._text import counted, percent, printable
from catdog._thumbnails import thumbnail
from catdog._types import SPLITS, Floats, Labels, Split, Verbose
from catdog.data import Datasets
from catdog.data._datasets import content_hashes, naming_broken_pictures, serve_to
from catdog.data._report import relative_name
from catdog.data._split import stratified_split

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Doubt = Literal["another class", "no class"]
ROWS_PRINTED = 10
SHRINKAGE = 0.1  # share of the mean variance in the covariance matrix
MOST_FEATURES = 4096  # of a picture; the covariance matrix has that many rows and columns


@dataclass(frozen=True, slots=True)
class LabelIssue:
    """A picture, and what is odd about its label in the eyes of a classifier that had not seen it.

    Attributes:
        path: The file.
        split: The set it is in.
        label: Name of the class it was given.
        suggested: Name of the class that the classifier finds likeliest; may be the same.
        probability: That class's probability, from 0 to 1; the classifier is too sure of itself.
        label_probability: The probability of `label`.
        distance: How far the picture is from the nearest class; 1 is usual.
        reason: `"another class"` if it is more remarkable how improbable the label is, `"no class"`
            if it is more remarkable how unlike all classes the picture is.
    """

    path: Path
    split: Split
    label: str
    suggested: str
    probability: float
    label_probability: float
    distance: float
    reason: Doubt


@dataclass(frozen=True, eq=False, repr=False)
class LabelIssues:
    """Pictures by how suspicious their labels are.

    Made by [`find_label_issues`][catdog.find_label_issues]. Print it for the first ten; a notebook
    shows them as a table.

    Attributes:
        pictures: All pictures, the most suspicious first.
        folder: The folder that they were loaded from.
    """

    pictures: tuple[LabelIssue, ...]
    folder: Path

    def rows(self) -> list[dict[str, Any]]:
        """Return a plain row for each picture, ready for `json.dump` or `pandas.DataFrame`."""
        return [{**asdict(one), "path": str(one.path)} for one in self.pictures]

    def __repr__(self) -> str:
        return f"<LabelIssues: {_headline(self)}>"

    def __str__(self) -> str:
        return "\n".join([_headline(self), *text_lines(_table(self))])

    def _repr_html_(self) -> str:
        """Return the first ten as a table, for notebooks."""
        return f"<p><b>{escape(_headline(self))}</b></p>\n{html_table(_table(self))}"


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
    """Find pictures whose label is probably wrong. Look at them; nothing is changed.

    The frozen part of the model is run once over the pictures. Then they are dealt into folds, and
    each fold is judged by a classifier that was fitted to the features of the others: no picture
    has a say about its own label. Copies of a picture are in the same fold.

    A label can be wrong in two ways. The picture shows another class: then the label is improbable.
    Or it shows none: then it is far from all classes, whatever the probabilities. The pictures are
    ranked in both ways, and each comes as far in front as its better rank says. Expect good
    pictures among the first, too: rare poses, drawings, and animals behind bars look as odd.

    Args:
        model: Begins with a frozen part that has learned from other pictures, such as
            `"mobilenet_v2.linear"` or `"transfer"` do. What lies behind it is not used, so it need
            not be trained; it is not changed either.
        data: The pictures and their labels.
        splits: The sets to look at, together. To mend the test set as well, name `"test"`, but
            before any model was judged on it.
        folds: Number of folds; more take longer, and leave more to learn from.
        seed: How the folds are drawn, from 0 to 2**31 - 1.
        cache_dir: Keep the features in this folder, as [`train_head`][catdog.train_head] does.
        verbose: 0 shows no progress bar; else there is one if it takes long.

    Returns:
        All pictures, the most suspicious first.

    Raises:
        ValueError: If the model does not begin with a frozen part, or does not fit the data, a
            class has fewer different pictures than there are folds, an argument is out of its
            range, or a picture was changed or removed after it was loaded.

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
    folds = _checks.check_positive_int("folds", folds, at_least=2)
    seed = _checks.check_seed(seed)
    served = serve_to(model, data)
    labels = np.concatenate([data.labels(split) for split in chosen])
    contents = [content for split in chosen for content in content_hashes(data, split)]
    _check_enough(labels, contents, folds, data.class_names)
    count = len(labels)
    frozen = FrozenPass(_parts_of(model), served, count, cache_dir, verbose != 0)
    with naming_broken_pictures(served):
        features = np.concatenate([frozen.features(split)[0] for split in chosen])
    parts = stratified_split(labels, [1 / folds] * folds, contents=contents, seed=seed)
    vectors = _as_vectors(features)
    squares = squared_distances(vectors, labels, parts)
    probabilities = np.exp(log_probabilities(squares, labels, vectors.shape[1]))
    return LabelIssues(
        tuple(_in_order(data, chosen, probabilities, np.sqrt(squares.min(axis=1)))),
        data.report.folder,
    )


def plot_label_issues(issues: LabelIssues, *, k: int = 12) -> "Figure":
    """Show the pictures with the most suspicious labels, to judge them by eye.

    Args:
        issues: What `find_label_issues` returned.
        k: How many pictures.

    Returns:
        A figure. In a notebook, end the line with `;` lest it shows twice.

    Raises:
        FileNotFoundError: If a picture has gone since.
        TypeError: If `issues` is something else.
        ValueError: If a picture can no longer be read, or `k` is not at least 1.
    """
    _checks.check_made_by("issues", issues, LabelIssues, "find_label_issues")
    shown = issues.pictures[: _checks.check_positive_int("k", k)]
    pictures = [thumbnail(Source(one.path, str(one.path))) for one in shown]
    return contact_sheet(pictures, map(_title, shown), height=2.9, fontsize="small")


def _title(one: LabelIssue) -> str:
    is_another = one.reason == "another class"
    looks = f"{plain(one.suggested)}, {percent(one.probability)}" if is_another else "none"
    return f"{plain(one.path.name)}\nlabel {plain(one.label)}\nlooks like {looks}"


def _check_splits(splits: Any) -> list[Split]:
    """Return the sets to look at, in their usual order."""
    given = list(splits) if isinstance(splits, list | tuple | set) else [splits]
    named = {_checks.check_split(split) for split in given}
    if not named:
        raise ValueError(
            f'splits must name at least one of {", ".join(SPLITS)}, such as ["train"].'
        )
    return [split for split in SPLITS if split in named]


def _check_enough(
    labels: Labels, contents: Sequence[str], folds: int, class_names: Sequence[str]
) -> None:
    """Raise if a class has too few pictures for every fold to get one."""
    for label, name in enumerate(class_names):
        different = {contents[position] for position in np.flatnonzero(labels == label).tolist()}
        if len(different) < folds:
            raise ValueError(
                f"folds={folds} needs {folds} pictures of each class, copies not counted, but "
                f"{printable(name)} has {len(different)}. Pass fewer folds, at least 2, or name "
                "more splits."
            )


def _parts_of(model: keras.Model) -> Parts:
    """Cut the frozen part off a model, or say which models have one."""
    try:
        return cut_model(model)
    except ValueError as error:
        raise ValueError(
            "find_label_issues needs a model that begins with a frozen part, which has learned "
            "from other pictures, and ends in layers that train. Pass "
            'build_model("mobilenet_v2.linear") or build_model("transfer"), say, or a model of '
            "your own whose front has trainable = False."
        ) from error


def _as_vectors(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a vector for each picture, shape `(n, features)`, around 0.

    What still has height and width is averaged over them. Of very many features, random sums are
    taken, which keep the distances nearly as they are: W. B. Johnson and J. Lindenstrauss,
    "Extensions of Lipschitz Mappings into a Hilbert Space", Contemporary Mathematics 26 (1984).
    """
    vectors = features.mean(axis=tuple(range(1, features.ndim - 1)), dtype=np.float32)
    many = vectors.shape[1]
    if many > MOST_FEATURES:
        signs = np.random.default_rng(0).choice([-1, 1], (many, MOST_FEATURES))
        vectors = vectors @ (signs / math.sqrt(MOST_FEATURES)).astype(np.float32)
    if not np.isfinite(vectors).all():
        raise ValueError(
            "The frozen part of model returns values that are not finite. Build it anew, and load "
            "its weights again."
        )
    centred: NDArray[np.float32] = vectors - vectors.mean(axis=0)
    return centred


def squared_distances(
    vectors: NDArray[np.float32], labels: Labels, folds: Sequence[NDArray[np.intp]]
) -> Floats:
    """Return how far each picture is from each class, as the other folds show the classes.

    The squared Mahalanobis distance to the mean of the class; the classes share a covariance
    matrix, a tenth of which is that of features without correlation and of equal variance: there
    may be fewer pictures than features.

    Args:
        vectors: Shape `(n, features)`, with a mean of about 0.
        labels: Class of each picture, shape `(n,)`.
        folds: Positions of the pictures in each fold.

    Returns:
        Shape `(n, classes)`.
    """
    classes = int(labels.max()) + 1
    products = [vectors[fold].T @ vectors[fold] for fold in folds]
    squares = np.empty((len(labels), classes))
    for fold, own in zip(folds, products, strict=True):
        seen = np.ones(len(labels), bool)
        seen[fold] = False
        one_hot = np.eye(classes, dtype=np.float32)[labels] * seen[:, np.newaxis]
        counts = one_hot.sum(axis=0)
        means = one_hot.T @ vectors / counts[:, np.newaxis]
        covariance = (sum(products) - own - (means.T * counts) @ means) / counts.sum()
        squares[fold] = _mahalanobis(vectors[fold], means, covariance)
    return squares


def _mahalanobis(
    vectors: NDArray[np.float32], means: NDArray[np.float32], covariance: NDArray[np.float32]
) -> Floats:
    """Return the squared distance of each vector to each mean, shape `(vectors, means)`."""
    size = len(covariance)
    variance = np.trace(covariance) / size or 1.0  # 0 if all pictures have the same features
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * variance * np.eye(size)
    root = np.linalg.inv(np.linalg.cholesky(shrunk)).T
    moved, centres = vectors @ root, means @ root
    gaps = [np.square(moved - centre).sum(axis=1) for centre in centres]
    return np.stack(gaps, axis=1)


def log_probabilities(squares: Floats, labels: Labels, features: int) -> Floats:
    """Return the logarithm of the probability of each class, shape `(n, classes)`.

    The features of a class are taken to follow a multivariate t distribution with one degree of
    freedom, whose density is proportional to `(1 + d**2) ** (-(1 + features) / 2)` at the distance
    d. With the normal distribution, a picture far from all classes would get a probability near 1.
    """
    priors = np.log(np.bincount(labels) / len(labels))
    return log_softmax(priors - (1 + features) / 2 * np.log1p(squares))


def rank(doubts: Floats, distances: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Put pictures in order by the better of two ranks.

    Args:
        doubts: How improbable each label is, shape `(n,)`.
        distances: How far each picture is from all classes.

    Returns:
        Positions of the pictures, the most suspicious first; and whether the rank by distance is
        the better one, for each picture.
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
    """Yield the pictures, the most suspicious first."""
    files = [(split, path) for split in splits for path in data.paths(split)]
    labels = np.concatenate([data.labels(split) for split in splits])
    given = probabilities[np.arange(len(labels)), labels]
    order, unlike_all = rank(-given, distances)
    usual = float(np.median(distances)) or 1.0  # 0 if all pictures have the same features
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
    splits = [split for split in SPLITS if any(one.split == split for one in of.pictures)]
    return f"{counted(len(of.pictures), 'picture')} ({', '.join(splits)}), suspicious labels first"


def _table(of: LabelIssues) -> Table:
    """Return the first pictures as a table."""
    first = of.pictures[:ROWS_PRINTED]
    return Table(
        head=("picture", "label", "looks like", "probability", "distance"),
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
