"""Find near duplicates: pairs of images whose features are almost the same."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError
from catdog._utils.public import public
from catdog._utils.tables import Table, escape, html_table, text_lines
from catdog._utils.text import counted
from catdog.data.datasets import Datasets
from catdog.data.findings import relative_name
from catdog.evaluation.backbone_features import extract_splits
from catdog.evaluation.out_of_fold import as_vectors
from catdog.evaluation.similar_pairs import SimilarPairs, find_similar_pairs
from catdog.evaluation.similarity_limit import near_duplicate_limit
from catdog.matching import resize_as_predicted
from catdog.training.frozen import split_frozen
from catdog.typing import SPLITS, Split, Verbose

MAX_ROWS_PRINTED = 10


@public
@dataclass(frozen=True, slots=True)
class NearDuplicatePair:
    """Two images of `NearDuplicateReport`: their classes, sets and similarity.

    Attributes:
        paths: The two files.
        labels: Name of the class of each.
        splits: The split that each is in.
        similarity: Cosine similarity of their centred features, up to 1.
        cluster: Position of their cluster in `clusters` of the report.
    """

    paths: tuple[Path, Path]
    labels: tuple[str, str]
    splits: tuple[Split, Split]
    similarity: float
    cluster: int

    @property
    def in_two_classes(self) -> bool:
        """Whether the two images are labelled as two classes."""
        return self.labels[0] != self.labels[1]

    @property
    def in_two_splits(self) -> bool:
        """Whether one image is in one split and the other in another."""
        return self.splits[0] != self.splits[1]


@public
@dataclass(frozen=True, eq=False, repr=False)
class NearDuplicateReport:
    """Pairs of images that are near duplicates; those in two classes or two sets come first.

    Made by [`find_near_duplicates`][catdog.find_near_duplicates]. Print it for the first ten
    pairs; a notebook shows them as a table.

    Attributes:
        pairs: The pairs, at most 100,000: first those in two classes or two sets, the most similar
            first, then the others.
        clusters: The files of each cluster: images that are near duplicates of each other, or
            connected by further near duplicates. First those in two classes or two sets, the
            largest first.
        similarity: Images of at least this similarity are near duplicates.
        n: Number of images that were compared.
        n_pairs: Number of pairs; may be larger than the number of `pairs`.
        n_in_two_classes: Number of pairs in two classes.
        n_in_two_splits: Number of pairs in two sets.
        folder: The folder that the images were loaded from.
    """

    pairs: tuple[NearDuplicatePair, ...]
    clusters: tuple[tuple[Path, ...], ...]
    similarity: float
    n: int
    n_pairs: int
    n_in_two_classes: int
    n_in_two_splits: int
    folder: Path

    def rows(self) -> list[dict[str, Any]]:
        """Return a plain row for each pair, ready for `csv` or `pandas.DataFrame`.

        The keys are `first` and `second` (paths relative to the folder), `first_label`,
        `second_label`, `first_split`, `second_split`, `similarity` and `cluster`.
        """
        return [
            {
                "first": relative_name(pair.paths[0], self.folder),
                "second": relative_name(pair.paths[1], self.folder),
                "first_label": pair.labels[0],
                "second_label": pair.labels[1],
                "first_split": pair.splits[0],
                "second_split": pair.splits[1],
                "similarity": pair.similarity,
                "cluster": pair.cluster,
            }
            for pair in self.pairs
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return counts, pairs and clusters, ready for `json.dump`."""
        return {
            "folder": str(self.folder),
            "similarity": self.similarity,
            "n": self.n,
            "n_pairs": self.n_pairs,
            "n_in_two_classes": self.n_in_two_classes,
            "n_in_two_splits": self.n_in_two_splits,
            "pairs": self.rows(),
            "clusters": [
                [relative_name(path, self.folder) for path in cluster] for cluster in self.clusters
            ],
        }

    def __repr__(self) -> str:
        return f"<NearDuplicateReport: {_headline(self)}>"

    def __str__(self) -> str:
        lines = [_headline(self)]
        if self.pairs:
            lines += [f"  {_problems(self)}", *text_lines(_table(self))]
        return "\n".join([*lines, *[f"  {line}" for line in _rest(self)]])

    def _repr_html_(self) -> str:
        """Return the first ten pairs as a table, for notebooks."""
        parts = [f"<p><b>{escape(_headline(self))}</b></p>"]
        if self.pairs:
            parts += [f"<p>{escape(_problems(self))}</p>", html_table(_table(self))]
        return "\n".join([*parts, *[f"<p>{escape(line)}</p>" for line in _rest(self)]])


@public
def find_near_duplicates(
    model: keras.Model,
    data: Datasets,
    *,
    similarity: float | None = None,
    cache_dir: str | PathLike[str] | None = None,
    verbose: Verbose = "auto",
) -> NearDuplicateReport:
    """Find images that are almost the same, by the features of a pretrained backbone.

    The backbone extracts the features of every image of all three sets once. Two images are near
    duplicates if the cosine similarity of their features is at least `similarity`: an image that
    was resized, saved again or brightened, or two frames of one video. The mean of all images is
    subtracted from the features first, so that what all images share does not count. Near
    duplicates in two sets make the accuracy too high; those in two classes may have a wrong label.

    No file and no split is changed. What is not found may still belong together: frames of one
    video can differ more than this. If you know what belongs together, pass it to
    [`load_datasets`][catdog.load_datasets] as `group_by`.

    Args:
        model: A model with a frozen backbone that was pretrained on other images, such as
            `"mobilenet_v2.linear"` or `"transfer"`. Its head is not used and may be untrained. The
            model is not changed.
        data: The images. The labels and the test set are not used to train anything, and this is
            no test evaluation.
        similarity: Least cosine similarity of near duplicates, above 0 and below 1. The default is
            0.8, or more if the backbone makes many images similar: so much that at most about one
            image in a hundred has a partner by chance.
        cache_dir: Keep the features in this folder, as [`train_head`][catdog.train_head] does.
        verbose: 0 shows no progress bar; any other value shows one if it takes long.

    Returns:
        The pairs and their clusters; those in two classes or two sets come first.

    Raises:
        ValueError: If the model does not begin with a frozen backbone, has a `call` of its own, or
            does not fit the data; `similarity` is out of its range; or an image was
            changed or removed after it was loaded.

    Example:
        ```python
        from catdog import build_model, find_near_duplicates, load_datasets

        data = load_datasets("synthetic")
        model = build_model("mobilenet_v2.linear", image_size=(96, 96), weights=None, seed=0)
        print(find_near_duplicates(model, data, similarity=0.9999))
        ```
    """
    given = None if similarity is None else _check_similarity(similarity)
    resized = resize_as_predicted(model, data)
    parts = split_frozen(model, "find_near_duplicates")
    features = extract_splits(parts, resized, SPLITS, cache_dir=cache_dir, verbose=verbose)
    vectors = as_vectors(np.concatenate(features))
    labels = np.concatenate([data.labels(split) for split in SPLITS])
    least = given or near_duplicate_limit(vectors, labels)
    split_of = np.repeat(range(len(SPLITS)), [len(data.paths(split)) for split in SPLITS])
    return _report(data, find_similar_pairs(vectors, least, [labels, split_of]), least)


def _check_similarity(similarity: Any) -> float:
    """Return the least similarity of near duplicates."""
    number = checks.as_float(similarity)
    if number is None or not 0 < number < 1:
        raise InvalidValueError(
            f"must be a number above 0 and below 1, such as 0.8, not {similarity!r}",
            argument="similarity",
        )
    return number


def _report(data: Datasets, found: SimilarPairs, similarity: float) -> NearDuplicateReport:
    """Return the pairs with the names of their files, classes and sets."""
    files = [(path, split) for split in SPLITS for path in data.paths(split)]
    labels = [data.class_names[label] for split in SPLITS for label in data.labels(split)]
    number = {item: place for place, cluster in enumerate(found.clusters) for item in cluster}
    pairs = [
        NearDuplicatePair(
            paths=(files[first][0], files[second][0]),
            labels=(labels[first], labels[second]),
            splits=(files[first][1], files[second][1]),
            similarity=min(value, 1.0),  # 1.0000001 by rounding
            cluster=number[first],
        )
        for first, second, value in zip(
            found.first.tolist(), found.second.tolist(), found.similarity.tolist(), strict=True
        )
    ]
    return NearDuplicateReport(
        pairs=tuple(pairs),
        clusters=tuple(tuple(files[item][0] for item in each) for each in found.clusters),
        similarity=similarity,
        n=len(files),
        n_pairs=found.count,
        n_in_two_classes=found.different[0],
        n_in_two_splits=found.different[1],
        folder=data.report.folder,
    )


def _headline(report: NearDuplicateReport) -> str:
    """Return the numbers of pairs, clusters and images."""
    rule = f"similarity {report.similarity:g} or more"
    images = counted(report.n, "image")
    if not report.n_pairs:
        return f"No near duplicates among {images} ({rule})"
    pairs, clusters = (
        counted(report.n_pairs, "pair"),
        counted(len(report.clusters), "cluster"),
    )
    return f"{pairs} of near duplicates, in {clusters}, among {images} ({rule})"


def _problems(report: NearDuplicateReport) -> str:
    """Return how many pairs are in two classes or two sets."""
    return f"{report.n_in_two_classes} in two classes, {report.n_in_two_splits} in two sets"


def _table(report: NearDuplicateReport) -> Table:
    """Return the first pairs as a table."""
    return Table(
        head=("image", "near duplicate", "classes", "sets", "similarity"),
        rows=[
            (
                *(relative_name(path, report.folder) for path in pair.paths),
                " / ".join(dict.fromkeys(pair.labels)),
                " / ".join(dict.fromkeys(pair.splits)),
                f"{pair.similarity:.3f}",
            )
            for pair in report.pairs[:MAX_ROWS_PRINTED]
        ],
    )


def _rest(report: NearDuplicateReport) -> list[str]:
    """Return a line with the number of pairs that are not printed, if there are any."""
    rest = report.n_pairs - MAX_ROWS_PRINTED
    return [f"... and {counted(rest, 'more pair')}"] if rest > 0 else []
