"""`Shortcuts`, the result of `find_shortcuts`, and how it is printed."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from catdog._utils.public import public
from catdog._utils.tables import Table, escape, html_table, text_lines
from catdog._utils.text import counted, shorten
from catdog.typing import Labels, Split

Cue = Literal[
    "image_size",
    "aspect_ratio",
    "file_format",
    "file_size",
    "jpeg_quality",
    "brightness",
    "colour_cast",
    "border",
    "camera",
]
CUES: tuple[Cue, ...] = get_args(Cue)
SPLITS_USED: tuple[Split, ...] = ("train", "validation")
MAX_CLASSES_NAMED = 5


class CueKind(NamedTuple):
    """How a cue is called, whether its numbers are compared by ratios, and how they are shown."""

    name: str
    ratios: bool
    shown: str  # format of the medians of the numbers; empty for categories


CUE_KINDS: Mapping[Cue, CueKind] = {
    "image_size": CueKind("image size", True, "{:.0f} x {:.0f}"),
    "aspect_ratio": CueKind("aspect ratio", True, "{:.2f}"),
    "file_format": CueKind("file format", False, ""),
    "file_size": CueKind("file size", True, "{:.0f} bytes"),
    "jpeg_quality": CueKind("JPEG quality", False, ""),
    "brightness": CueKind("mean brightness", False, "{:.0f}"),
    "colour_cast": CueKind("colour cast", False, "red {:+.0f}, blue {:+.0f} against green"),
    "border": CueKind("border", False, "red {:.0f}, green {:.0f}, blue {:.0f}"),
    "camera": CueKind("camera", False, ""),
}


@public
@dataclass(frozen=True, slots=True)
class Shortcut:
    """How well one cue alone predicts the class.

    Attributes:
        cue: The cue, such as `"image_size"`.
        accuracy: Share of the images whose class is predicted correctly, by cross-validation.
        interval: Its 95 % confidence interval.
        flagged: Whether the cue predicts the class detectably better than the baseline.
        typical: What is typical of each class: the medians, or the most common category with its
            count. So `{"cats": "500 x 375", "dogs": "320 x 240"}` for the image size.
    """

    cue: Cue
    accuracy: float
    interval: tuple[float, float]
    flagged: bool
    typical: dict[str, str]


@public
@dataclass(frozen=True, eq=False, repr=False)
class Shortcuts:
    """How well each cue alone predicts the class, the best one first.

    Made by [`find_shortcuts`][catdog.find_shortcuts]. `print` shows it as text; a notebook shows it
    as a table.

    Attributes:
        cues: The cues that differ between images, the highest accuracy first.
        constant: The cues that are the same in all images.
        baseline: The accuracy of the majority-class baseline on the same images.
        n: Number of images.
        n_units: Number of groups if the data have groups, else of images without their near
            duplicates. The confidence intervals count these, and fewer if their sizes are uneven.
        folds: Number of folds of the cross-validation.
    """

    cues: tuple[Shortcut, ...]
    constant: tuple[Cue, ...]
    baseline: float
    n: int
    n_units: int
    folds: int

    @property
    def flagged(self) -> tuple[Shortcut, ...]:
        """The cues that predict the class detectably better than the baseline."""
        return tuple(shortcut for shortcut in self.cues if shortcut.flagged)

    def rows(self) -> list[dict[str, Any]]:
        """Return a plain row for each cue, ready for `json.dump` or `pandas.DataFrame`."""
        return [{**asdict(shortcut), "interval": list(shortcut.interval)} for shortcut in self.cues]

    def to_dict(self) -> dict[str, Any]:
        """Return all figures, ready for `json.dump`."""
        return {
            "n": self.n,
            "n_units": self.n_units,
            "splits": list(SPLITS_USED),
            "folds": self.folds,
            "baseline": self.baseline,
            "cues": self.rows(),
            "constant": list(self.constant),
        }

    def __repr__(self) -> str:
        return f"<Shortcuts: {_headline(self)}>"

    def __str__(self) -> str:
        return "\n".join([_headline(self), *text_lines(_table(self)), *_remarks(self)])

    def _repr_html_(self) -> str:
        """Return the report as a table, for notebooks."""
        remarks = [f"<p>{escape(remark)}</p>" for remark in _remarks(self)]
        headline = f"<p><b>{escape(_headline(self))}</b></p>"
        return "\n".join([headline, html_table(_table(self)), *remarks])


def typical_values(
    cue: Cue, values: Sequence[Any], labels: Labels, class_names: Sequence[str]
) -> dict[str, str]:
    """Return for each class the medians of a cue, or its most common category with its count."""
    shown, by_class = CUE_KINDS[cue].shown, {}
    for label in np.unique(labels):
        own = [values[position] for position in np.flatnonzero(labels == label).tolist()]
        if shown:
            text = shown.format(*np.median(np.array(own), axis=0))
        else:
            category, count = Counter(own).most_common(1)[0]
            text = f"{category or 'none'} ({count} of {len(own)})"
        by_class[class_names[label]] = text
    return by_class


def _headline(report: Shortcuts) -> str:
    images = f"{counted(report.n, 'image')} ({', '.join(SPLITS_USED)})"
    return f"{images}, classes predicted from one cue alone"


def _table(report: Shortcuts) -> Table:
    """Return the accuracies of the cues and the baseline as a table."""
    rows = [
        (
            CUE_KINDS[shortcut.cue].name,
            f"{shortcut.accuracy:.1%}",
            _interval(shortcut),
            "shortcut?" if shortcut.flagged else "",
        )
        for shortcut in report.cues
    ]
    baseline = ("baseline", f"{report.baseline:.1%}", "", "")
    return Table(("cue", "accuracy", "95 % confidence interval", ""), [*rows, baseline])


def _remarks(report: Shortcuts) -> Iterator[str]:
    """Yield the constant cues, and a sentence for each flagged one."""
    if report.constant:
        names = ", ".join(CUE_KINDS[cue].name for cue in report.constant)
        yield f"the same in all images: {names}"
    for shortcut in report.flagged:
        kind = CUE_KINDS[shortcut.cue]
        listed = [f"{name}: {value}" for name, value in shortcut.typical.items()]
        typical = "; ".join(shorten(listed, MAX_CLASSES_NAMED))
        yield (
            f"The {kind.name} alone predicts the class: {shortcut.accuracy:.1%} (95 % confidence "
            f"interval {_interval(shortcut)}), baseline {report.baseline:.1%}. "
            f"{'Median of' if kind.shown else 'Most common in'} {typical}."
        )
    if not report.flagged:
        yield "No cue alone predicts the class clearly better than the baseline."


def _interval(shortcut: Shortcut) -> str:
    """Return the confidence interval, such as `91.2% to 96.1%`."""
    low, high = shortcut.interval
    return f"{low:.1%} to {high:.1%}"
