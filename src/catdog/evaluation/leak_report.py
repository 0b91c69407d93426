"""`LeakReport`, the result of `check_leaks`, and how it is printed."""

from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from catdog._utils.public import public
from catdog._utils.tables import escape, html_table, text_lines
from catdog.evaluation.comparison import SIGNIFICANCE_LEVEL
from catdog.evaluation.leak_sentences import headline, remarks, tables, warnings_of
from catdog.evaluation.metrics import (
    fisher_p_value,
    mcnemar_p_value,
    wilson_interval,
)
from catdog.typing import Split

# With thousands of images, drops are detectable that matter to nobody: images without similar ones
# are a little harder.
MIN_DROP = 0.01


@public
@dataclass(frozen=True, slots=True)
class SimilarityBin:
    """The evaluated images whose nearest training image is about equally similar.

    Attributes:
        low: Least cosine similarity of the bin; -1 in the lowest bin.
        high: Upper end, which belongs to the next bin; 1 in the highest bin.
        n: Number of images.
        right: Number of these that the model classifies correctly.
    """

    low: float
    high: float
    n: int
    right: int

    @property
    def accuracy(self) -> float:
        """Share of the images that is classified correctly, from 0 to 1."""
        return self.right / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the 95 % confidence interval of the accuracy (Wilson score)."""
        return wilson_interval(self.right, self.n)


@public
@dataclass(frozen=True, slots=True)
class HeldOutLevel:
    """The cross-validated accuracy if whole clusters of images are held out together.

    Attributes:
        held_out: What is held out: `"files"` (single files; duplicates together), `"groups"` (those
            of `group_by`), `"near duplicates"` (those that the split keeps together, if there are
            no groups), or `"clusters"`.
        similarity: Least mean cosine similarity of two clusters that are one; `None` unless
            `held_out` is `"clusters"`.
        n: Number of images.
        clusters: Number of files, groups or clusters.
        largest: Number of images of the largest.
        right: Number of images that are classified correctly; `None` if the level was left out,
            because one cluster is larger than a fold, or there are too few groups.
        difference: Accuracy minus that of the base, from -1 to 1. The base is what the split keeps
            together: groups or near duplicates if there are any, else the files. `None` if the
            level was left out.
        effective_n: How many independent images these are worth, if all images of a file, group or
            cluster are right or wrong together; `None` if the level was left out.
        worse: Number of the base's files or groups of which fewer images are right here than
            there; `None` if the level was left out.
        better: Number of those of which more images are right; `None` if the level was left out.
    """

    held_out: str
    similarity: float | None
    n: int
    clusters: int
    largest: int
    right: int | None = None
    difference: float | None = None
    effective_n: float | None = None
    worse: int | None = None
    better: int | None = None

    @property
    def accuracy(self) -> float | None:
        """Share of the images that is classified correctly, from 0 to 1; `None` if left out."""
        return None if self.right is None else self.right / self.n

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % confidence interval of the accuracy; `None` if the level was left out.

        It is Wilson's score interval of `effective_n` images: images of a cluster are alike.
        """
        if self.accuracy is None or self.effective_n is None:
            return None
        return wilson_interval(self.accuracy * self.effective_n, self.effective_n)

    @property
    def p_value(self) -> float | None:
        """Two-sided p-value of the sign test of `worse` against `better`; `None` if left out.

        For files it is McNemar's exact test. With groups, all images of one often change together;
        so groups are counted, not images.
        """
        if self.worse is None or self.better is None:
            return None
        return mcnemar_p_value(self.worse, self.better)

    def to_dict(self) -> dict[str, Any]:
        """Return every figure, ready for `json.dump`."""
        interval = self.interval
        return {
            "held_out": self.held_out,
            "similarity": self.similarity,
            "n": self.n,
            "clusters": self.clusters,
            "largest": self.largest,
            "right": self.right,
            "accuracy": self.accuracy,
            "interval": list(interval) if interval else None,
            "difference": self.difference,
            "effective_n": self.effective_n,
            "worse": self.worse,
            "better": self.better,
            "p_value": self.p_value,
        }


@public
@dataclass(frozen=True, eq=False, repr=False)
class LeakReport:
    """Whether an accuracy depends on images that are like those of the training.

    Made by [`check_leaks`][catdog.check_leaks]. Print it for two tables and the warnings;
    [`plot_similarity`][catdog.plot_similarity] draws both.

    Attributes:
        split: The split that was evaluated.
        bins: Its images by the similarity to the nearest training image, the least similar first;
            empty bins are left out.
        levels: The cross-validated accuracy by what is held out: files, what the split keeps
            together (groups or near duplicates), and clusters of less and less similar images.
        n_available: Number of images that could have been used for `levels`. If there are more
            than 5,000, a random sample is used.
        similarity: Images of at least this similarity are near duplicates: 0.8, or more if the
            features make many images similar.
    """

    split: Split
    bins: tuple[SimilarityBin, ...]
    levels: tuple[HeldOutLevel, ...]
    n_available: int
    similarity: float

    @property
    def near_duplicates(self) -> tuple[int, int]:
        """Images with a near duplicate in the training set: how many are right, and how many."""
        return _total([each for each in self.bins if each.low >= self.similarity])

    @property
    def others(self) -> tuple[int, int]:
        """Images without a near duplicate in the training set: how many are right, and how many."""
        return _total([each for each in self.bins if each.low < self.similarity])

    @property
    def p_value(self) -> float:
        """Two-sided p-value of Fisher's exact test: near duplicates against the other images."""
        return fisher_p_value(*self.near_duplicates, *self.others)

    @property
    def drop(self) -> HeldOutLevel | None:
        """The first level of clusters with a detectable drop of a point or more, else `None`.

        A drop is detectable if its p-value, multiplied by the number of levels of clusters that
        were not left out (Bonferroni), is below 0.05.
        """
        compared = [each for each in self.levels if each.similarity and each.p_value is not None]
        limit = SIGNIFICANCE_LEVEL / max(len(compared), 1)
        return next((each for each in compared if _is_worse(each, limit)), None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against the accuracy, in sentences; empty if nothing was detected."""
        return warnings_of(self)

    def to_dict(self) -> dict[str, Any]:
        """Return every figure and the warnings, ready for `json.dump`."""
        bins = [
            {
                "low": each.low,
                "high": each.high,
                "n": each.n,
                "right": each.right,
                "accuracy": each.accuracy,
                "interval": list(each.interval),
            }
            for each in self.bins
        ]
        return {
            "split": self.split,
            "bins": bins,
            "near_duplicates": list(self.near_duplicates),
            "others": list(self.others),
            "p_value": self.p_value,
            "levels": [level.to_dict() for level in self.levels],
            "n_available": self.n_available,
            "similarity": self.similarity,
            "warnings": list(self.warnings),
        }

    def __repr__(self) -> str:
        return f"<LeakReport: {headline(self)}>"

    def __str__(self) -> str:
        lines = [headline(self)]
        for table in tables(self):
            lines += text_lines(table)
        for sentence in remarks(self):
            lines += wrap(sentence, 98, initial_indent="  ", subsequent_indent="  ")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return both tables and the warnings, for notebooks."""
        parts = [f"<p><b>{escape(headline(self))}</b></p>", *map(html_table, tables(self))]
        return "\n".join(parts + [f"<p>{escape(each)}</p>" for each in remarks(self)])


def _total(bins: list[SimilarityBin]) -> tuple[int, int]:
    """Return how many images of some bins are right, and how many there are."""
    return sum(each.right for each in bins), sum(each.n for each in bins)


def _is_worse(level: HeldOutLevel, limit: float) -> bool:
    """Return whether the accuracy is a point lower than that of the base, and detectably so."""
    is_lower = level.difference is not None and level.difference <= -MIN_DROP
    return is_lower and level.p_value is not None and level.p_value < limit
