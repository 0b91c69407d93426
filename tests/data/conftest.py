"""Fixtures for the tests of data."""

from pathlib import Path

import pytest

from tests.conftest import write_images


@pytest.fixture
def tidy(tmp_path: Path) -> Path:
    """Two classes of five good images each."""
    for name in ("cats", "dogs"):
        write_images(tmp_path / "images" / name, 5, size=40)
    return tmp_path / "images"


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Write 20 images into one folder: `image.0.png` to `image.19.png`."""
    write_images(tmp_path / "flat", 20, size=32)
    return tmp_path / "flat"
