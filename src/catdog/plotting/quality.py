"""Plot the images that are worst by a measure of quality."""

from catdog._utils import checks, late
from catdog._utils.errors import InvalidValueError
from catdog._utils.public import public
from catdog.data.quality import FAULTS, MEASURES, QualityReport
from catdog.data.report import ScanReport
from catdog.images.inputs import ImageSource
from catdog.images.thumbnails import thumbnail
from catdog.plotting.style import grid, plain

MAX_COLUMNS = 20  # of images in a figure


@public
def plot_quality(report: ScanReport, *, k: int = 4) -> "late.figure.Figure":
    """Plot the images that are blurred, dark, overexposed, flat or tiny, compared with their class.

    Above each image are its class and its value. All images are shown at the same size.

    Args:
        report: What `scan_images(folder, quality=True)` returned.
        k: Number of images for each fault, at most 20, the worst first.

    Returns:
        A figure with one row per fault. In a notebook, end the line with `;`, or the figure appears
        twice.

    Raises:
        FileNotFoundError: If an image was removed after the scan.
        TypeError: If `report` is not what `scan_images` returns.
        ValueError: If the report has no quality, an image can no longer be read, or `k` is out of
            its range.
    """
    checks.check_made_by("report", report, ScanReport, "scan_images")
    columns = checks.check_positive_int("k", k, at_most=MAX_COLUMNS)
    quality = _quality(report)
    figure, axes = grid(len(FAULTS), columns)
    for fault, row in zip(FAULTS, axes, strict=True):
        _, name, spec = MEASURES[fault]
        images = quality.worst(fault, columns)
        row[0].set_title(f"{fault}: none")  # unless an image replaces it
        for axis, image in zip(row, images, strict=False):
            axis.imshow(thumbnail(ImageSource(image.path, str(image.path))))
            value = format(getattr(image, MEASURES[fault].attribute), spec)
            title = f"{fault}: {plain(image.class_name, 12)}\n{name} {value}"
            axis.set_title(title, fontsize="small")
    return figure


def _quality(report: ScanReport) -> QualityReport:
    """Return the quality of a scan report, or raise an error if it was not measured."""
    if report.quality is None:
        raise InvalidValueError(
            "has no quality, because it was not measured",
            argument="report",
            hint="Pass scan_images(folder, quality=True).",
        )
    return report.quality
