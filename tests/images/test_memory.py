"""The memory of images that Pillow keeps."""

from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image, _imaging

from catdog.images.containers import open_image
from catdog.images.memory import MAX_BLOCKS


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = _imaging.get_blocks_max()
    yield
    _imaging.set_blocks_max(before)


def read() -> None:
    file = BytesIO()
    Image.new("RGB", (400, 400)).save(file, "PNG")
    file.seek(0)
    open_image(file).load()


def test_memory_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PILLOW_BLOCKS_MAX", raising=False)
    _imaging.set_blocks_max(0)
    read()
    assert _imaging.get_blocks_max() == MAX_BLOCKS
    _imaging.reset_stats()
    for _ in range(5):
        read()
    assert _imaging.get_stats()["reused_blocks"] > 0


def test_the_user_may_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    _imaging.set_blocks_max(3)
    read()
    assert _imaging.get_blocks_max() == 3
    _imaging.set_blocks_max(0)
    monkeypatch.setenv("PILLOW_BLOCKS_MAX", "0")
    read()
    assert _imaging.get_blocks_max() == 0
