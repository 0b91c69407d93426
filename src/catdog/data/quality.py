"""`QualityReport`: rank the images of each class by what is blurred, dark, or flat."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from catdog._utils import checks
from catdog._utils.public import public
from catdog._utils.tables import Table, escape, html_table, text_lines
from catdog._utils.text import counted, printable
from catdog.data.findings import ImageFile, relative_name
from catdog.images.quality import LONGER_SIDE, measure_quality
from catdog.images.reduced import map_reduced
from catdog.typing import Floats, Split

Fault = Literal["blurred", "dark", "overexposed", "flat", "tiny"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
PRINTED_IMAGES = 3  # for each fault


class _Measure(NamedTuple):
    """The attribute of `ImageQuality` that ranks a fault, its name for people, and its format."""

    attribute: str
    name: str
    format: str


MEASURES: Mapping[Fault, _Measure] = {
    "blurred": _Measure("sharpness", "sharpness", ".3f"),
    "dark": _Measure("brightness", "brightness", ".1f"),
    "overexposed": _Measure("white", "white pixels", ".1%"),
    "flat": _Measure("contrast", "contrast", ".1f"),
    "tiny": _Measure("shorter_side", "shorter side", ".0f"),
}


@public
@dataclass(frozen=True, slots=True)
class ImageQuality:
    """The measures of one image in a `QualityReport`.

    All but `shorter_side` are measured on the decoded, upright image, reduced to a longer side of
    at most 512 pixels. A smaller image is measured at its own size.

    Attributes:
        path: The file.
        class_name: The class folder that it is in.
        split: The split folder that it is in; `None` if there are no split folders.
        sharpness: Variance of the Laplacian, divided by the variance of the image; low if it is
            blurred.
        brightness: Mean of the luma, from 0 to 255; low if the image is dark.
        white: Share of pixels whose channels are all at least 250 of 255; high if the image is
            overexposed.
        contrast: Standard deviation of the luma, from 0 to 127.5; low if the image is flat.
        shorter_side: Shorter side of the image in pixels; low if it is tiny.
    """

    path: Path
    class_name: str
    split: Split | None
    sharpness: float
    brightness: float
    white: float
    contrast: float
    shorter_side: int


@public
@dataclass(frozen=True, eq=False, repr=False)
class QualityReport:
    """The images of each class, ranked by what is blurred, dark, overexposed, flat or tiny.

    The attribute `quality` of what `scan_images(folder, quality=True)` returns. Images are compared
    with those of their own class. There are no limits and no verdicts: the first images of a rank
    are those to look at. `print` shows the first three for each fault; a notebook shows tables.

    Attributes:
        images: The measures of every usable image, in the order of the scan.
        folder: The folder that was scanned.

    Source: J. L. Pech-Pacheco and others, "Diatom Autofocusing in Brightfield Microscopy: a
    Comparative Study", ICPR 2000, for the variance of the Laplacian; E. Peli, "Contrast in Complex
    Images", JOSA A 7 (1990), for the contrast; Recommendation ITU-R BT.601 for the luma.
    """

    images: tuple[ImageQuality, ...]
    folder: Path

    def worst(self, fault: Fault, k: int = PRINTED_IMAGES) -> tuple[ImageQuality, ...]:
        """Return the images that are worst by one measure, compared with their class.

        They are ordered by the ratio of their value to the median of their class (for
        `"overexposed"`, by the ratio of the shares that are not white). Images that are not worse
        than the median of their class are left out.

        Args:
            fault: `"blurred"`, `"dark"`, `"overexposed"`, `"flat"` or `"tiny"`.
            k: Number of images at most.

        Raises:
            ValueError: If the fault is unknown, or `k` is not at least 1.
        """
        checks.check_choice("fault", fault, FAULTS)
        k = checks.check_positive_int("k", k)
        values = self._values(fault)
        ratios = np.ones(len(values))
        for members in self._members().values():
            if (median := np.median(values[members])) > 0:
                ratios[members] = values[members] / median
        order = np.argsort(ratios, kind="stable")[:k]
        return tuple(self.images[position] for position in order if ratios[position] < 1)

    def medians(self) -> dict[str, dict[str, float]]:
        """Return the median of each measure by class: `{"cats": {"sharpness": 0.31, ...}, ...}`."""
        return {
            name: {
                attribute: float(
                    np.median([getattr(self.images[position], attribute) for position in members])
                )
                for attribute, _, _ in MEASURES.values()
            }
            for name, members in self._members().items()
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return a plain row for each image, for `csv` or `pandas.DataFrame`.

        The keys are those of `ImageQuality`, with `path` relative to the folder, and for each fault
        a rank and a share, such as `blurred_rank` and `blurred_share`. Rank 1 is the worst image of
        the class; images of equal values have the same rank. The share is that of the images of the
        class that are as bad or worse, from 0 to 1.
        """
        rows = [
            {**asdict(image), "path": relative_name(image.path, self.folder)}
            for image in self.images
        ]
        for fault in FAULTS:
            values = self._values(fault)
            for members in self._members().values():
                ordered = np.sort(values[members])
                ranks = 1 + np.searchsorted(ordered, values[members], side="left")
                shares = np.searchsorted(ordered, values[members], side="right") / len(members)
                for position, rank, share in zip(members, ranks, shares, strict=True):
                    rows[position][f"{fault}_rank"] = int(rank)
                    rows[position][f"{fault}_share"] = float(share)
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return the medians of the classes and the rows, ready for `json.dump`."""
        return {"medians": self.medians(), "images": self.rows()}

    def _members(self) -> dict[str, list[int]]:
        """Return the positions of the images of each class."""
        members: dict[str, list[int]] = {}
        for position, image in enumerate(self.images):
            members.setdefault(image.class_name, []).append(position)
        return members

    def _values(self, fault: Fault) -> Floats:
        """Return the measure of each image, low if the image is bad."""
        values = np.array([getattr(image, MEASURES[fault].attribute) for image in self.images])
        return 1 - values if fault == "overexposed" else values

    def __repr__(self) -> str:
        return f"<QualityReport: {counted(len(self.images), 'image')}>"

    def __str__(self) -> str:
        lines = [_headline(self)]
        for table in _tables(self):
            lines += text_lines(table)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return the worst images of each fault as tables, for notebooks."""
        tables = [html_table(table) for table in _tables(self)]
        return "\n".join([f"<p><b>{escape(_headline(self))}</b></p>", *tables])


def measure_images(
    files: Sequence[ImageFile], class_names: Sequence[str], folder: Path
) -> QualityReport:
    """Measure the quality of images.

    Args:
        files: The usable images of a scan.
        class_names: Names of the classes.
        folder: The folder that was scanned.

    Raises:
        ValueError: If an image cannot be read, because it was changed or removed after the scan.
    """
    measured = map_reduced(
        measure_quality,
        [file.path for file in files],
        LONGER_SIDE,
        f"Measuring the images of {printable(folder.name)}",
    )
    return QualityReport(
        tuple(
            ImageQuality(file.path, class_names[file.label], file.split, *measures)
            for file, measures in zip(files, measured, strict=True)
        ),
        folder,
    )


def _headline(report: QualityReport) -> str:
    return f"quality of {counted(len(report.images), 'image')}, compared within the class"


def _tables(report: QualityReport) -> list[Table]:
    """Return a table of the worst images for each fault; a line where no image is worse."""
    medians = report.medians()
    tables = []
    for fault, (attribute, name, spec) in MEASURES.items():
        rows = [
            (
                relative_name(image.path, report.folder),
                format(getattr(image, attribute), spec),
                format(medians[image.class_name][attribute], spec),
            )
            for image in report.worst(fault)
        ]
        head = (fault, name, "class median")
        tables.append(Table(head, rows or [("none is worse than the class median", "", "")]))
    return tables
