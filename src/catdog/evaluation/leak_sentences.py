"""Show a leak report: headline, tables, and the warnings in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catdog._utils.tables import Table
from catdog._utils.text import counted
from catdog.evaluation.comparison import SIGNIFICANCE_LEVEL, format_p_value
from catdog.evaluation.metrics import wilson_interval

if TYPE_CHECKING:
    from catdog.evaluation.leak_report import HeldOutLevel, LeakReport, SimilarityBin

NAME_GROUPS = (
    "If the folder holds frames of one video, or several images of one person, animal or object, "
    "name these groups: load_datasets(folder, group_by=...)."
)
CHECK_GROUPS = (
    "The groups of group_by do not keep these images together: check whether they are too small."
)
NO_PROOF = (
    "This is no proof of a leak, and not the true accuracy: images can be alike without belonging "
    "together."
)
NOT_SEEN = (
    "No warning. That is no proof: groups whose images differ, such as those of one patient or "
    "camera, are not seen. If you know them, pass group_by to load_datasets."
)


def headline(report: LeakReport) -> str:
    """Return how many images have a near duplicate in the training set."""
    (_, near), (_, others) = report.near_duplicates, report.others
    have = "has" if near == 1 else "have"
    return (
        f"{near} of {counted(near + others, f'{report.split} image')} {have} a near duplicate "
        "among the training images"
    )


def tables(report: LeakReport) -> list[Table]:
    """Return the accuracy by similarity, and by what is held out."""
    return [
        Table(
            ("similarity", "images", "right", "accuracy", "interval"),
            [_bin_cells(each) for each in report.bins],
            f"{report.split} images by similarity to the nearest training image",
        ),
        Table(
            ("held out", "number", "largest", "accuracy", "interval", "difference"),
            [_level_cells(each) for each in report.levels],
            f"{_sample(report)}, cross-validated with whole clusters held out",
        ),
    ]


def remarks(report: LeakReport) -> list[str]:
    """Return the warnings, or what the absence of warnings does not prove."""
    return [*report.warnings] or [NOT_SEEN]


def warnings_of(report: LeakReport) -> tuple[str, ...]:
    """Return what speaks against the accuracy, in sentences."""
    found = (_unlike_warning(report), _drop_warning(report), _size_warning(report))
    return tuple(filter(None, found))


def level_name(level: HeldOutLevel) -> str:
    """Return what is held out, such as `files` or `0.80`, the similarity within clusters."""
    return level.held_out if level.similarity is None else _two_places(level.similarity)


def _two_places(similarity: float) -> str:
    """Return a similarity with two decimal places, or more if it has more."""
    return max(f"{similarity:.2f}", f"{similarity:g}", key=len)


def _bin_cells(each: SimilarityBin) -> tuple[object, ...]:
    """Return the cells of one bin."""
    edges = f"below {each.high:g}" if each.low < 0 else f"{each.low:g} to {each.high:g}"
    return edges, each.n, each.right, f"{each.accuracy:.1%}", _span(each.interval)


def _level_cells(level: HeldOutLevel) -> tuple[object, ...]:
    """Return the cells of one level."""
    if level.accuracy is None or level.interval is None or level.difference is None:
        reason = "clusters do not fit in folds" if level.similarity else "too few for the folds"
        figures = ("left out", reason, "")
    else:
        figures = (
            f"{level.accuracy:.1%}",
            _span(level.interval),
            f"{100 * level.difference:+.1f}" if level.similarity else "",
        )
    return level_name(level), level.clusters, level.largest, *figures


def _sample(report: LeakReport) -> str:
    """Return the number of images that were cross-validated, and of how many they are a sample."""
    n = report.levels[0].n
    if n == report.n_available:
        return counted(n, "image")
    return f"a random sample of {n:,} of {report.n_available:,} images"


def _span(interval: tuple[float, float]) -> str:
    """Return a confidence interval such as `83.0% to 91.9%`."""
    return f"{interval[0]:.1%} to {interval[1]:.1%}"


def _unlike_warning(report: LeakReport) -> str:
    """Return a warning if images without a near duplicate are detectably worse, else nothing."""
    (near_right, near), (right, n) = report.near_duplicates, report.others
    if not near or not n or right / n >= near_right / near:
        return ""
    if report.p_value >= SIGNIFICANCE_LEVEL:
        return ""
    return (
        f"{near_right} of the {counted(near, 'image')} with a near duplicate in the training set "
        f"are right ({near_right / near:.1%}), but only {right} of the other {n}: {right / n:.1%} "
        f"({_span(wilson_interval(right, n))}; {format_p_value(report.p_value)} in Fisher's exact "
        f"test). Trust the second figure. {_advice(report)}"
    )


def _drop_warning(report: LeakReport) -> str:
    """Return a warning if the accuracy drops when clusters are held out, else nothing."""
    level = report.drop
    if level is None or level.accuracy is None or level.interval is None or level.p_value is None:
        return ""
    base = _base(report)
    is_files = base.held_out == "files"
    test = "McNemar's test" if is_files else f"a sign test over the {base.held_out}"
    return (
        f"With {base.held_out} held out, {base.accuracy:.1%} are right; with whole clusters "
        f"of similar images (similarity {level.similarity:g}), {level.accuracy:.1%} "
        f"({_span(level.interval)}; {format_p_value(level.p_value)} in {test}). The "
        f"accuracy on new images may be lower than it looks. {NO_PROOF} {_advice(report)}"
    )


def _base(report: LeakReport) -> HeldOutLevel:
    """Return the level that the others are compared with: what the split keeps together."""
    return [level for level in report.levels if not level.similarity and level.right is not None][
        -1
    ]


def _advice(report: LeakReport) -> str:
    """Return what to do about a warning."""
    has_groups = any(level.held_out == "groups" for level in report.levels)
    return CHECK_GROUPS if has_groups else NAME_GROUPS


def _size_warning(report: LeakReport) -> str:
    """Return a warning if a cluster of near duplicates is too large to be held out."""
    closest = next(each for each in report.levels if each.similarity)
    if closest.right is not None or any(level.held_out == "groups" for level in report.levels):
        return ""
    return (
        f"One cluster of near duplicates has {counted(closest.largest, 'image')}: more than a "
        "fifth of a class. Too few different images are left to say how the accuracy depends on "
        f"them. {_advice(report)}"
    )
