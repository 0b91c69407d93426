from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catdog import plot_quality, scan_images
from catdog.data.quality import FAULTS


def test_a_row_of_images_for_each_fault(image_folder: Path) -> None:
    Image.fromarray(np.full((4, 4, 3), 9, np.uint8)).save(image_folder / "cats/image.1.png")
    figure = plot_quality(scan_images(image_folder, quality=True), k=2)
    assert len(figure.axes) == 2 * len(FAULTS)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[2] == "dark: cats\nbrightness 9.0"
    assert titles[4] == "overexposed: none"
    assert titles[8:] == ["tiny: cats\nshorter side 4", ""]
    assert [len(axis.images) for axis in figure.axes[8:]] == [1, 0]


def test_the_quality_must_have_been_measured(image_folder: Path) -> None:
    with pytest.raises(ValueError, match=r"report has no quality.*quality=True"):
        plot_quality(scan_images(image_folder))
    with pytest.raises(TypeError, match="report must be what scan_images returns, not str"):
        plot_quality("images")  # type: ignore[arg-type]
