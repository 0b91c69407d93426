"""JPEG files that Pillow reads and TensorFlow may refuse: a training reads what the scan takes."""

from io import BytesIO

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from catdog import load_datasets
from catdog.data.datasets import ordered_batches
from catdog.images.plain_jpeg import find_plain_jpeg
from catdog.typing import SPLITS
from tests.conftest import MakeFolder
from tests.data.batches import collect
from tests.images import reference
from tests.images.odd_files import noise, saved
from tests.images.test_scale import jpeg

SIZE = (8, 10)
END = b"\xff\xd9"
CONTENT, GREY = jpeg(50, 60), jpeg(50, 60, "grey")
RESTARTS = saved(Image.fromarray(noise(50, 60)), "JPEG", restart_marker_blocks=3)


def with_segment(marker: int, data: bytes) -> bytes:
    """Return a file with one more segment before its data."""
    start = CONTENT.index(b"\xff\xda")
    length = (len(data) + 2).to_bytes(2, "big")
    return CONTENT[:start] + bytes([0xFF, marker]) + length + data + CONTENT[start:]


READ = {
    "an empty comment": with_segment(0xFE, b""),
    "EXIF that is none": with_segment(0xE1, b"Exif\0\0broken"),
    "a profile that is none": with_segment(0xE2, b"ICC_PROFILE\0\1\1broken"),
    "an unknown segment": with_segment(0xEF, b"anything"),
    "bytes before the end": CONTENT[:-2] + b"more" + END,
    "another file behind the end": CONTENT + GREY,
    "zeros in place of the end": CONTENT[:-2] + bytes(8),
    "other bytes in place of the end": GREY[:-2] + b"xxx",
    "zeros in place of the end, with restarts": RESTARTS[:-2] + bytes(8),
    "an application's segment before the end": CONTENT[:-2] + b"\xff\xe1" + END,
    "the number of lines before the end": CONTENT[:-2] + b"\xff\xdcab" + END,
    "restarts": RESTARTS,
}  # The scan takes them all as images.


@pytest.mark.parametrize("content", [CONTENT, GREY, RESTARTS, jpeg(50, 60, "progressive")])
def test_tensorflow_decodes_plain_files_whatever_is_before_their_end(content: bytes) -> None:
    plain = 0
    for marker in range(1, 255):
        for data in (b"", b"\0\2", b"ab"):
            odd = content[:-2] + bytes([0xFF, marker]) + data + END
            with Image.open(BytesIO(odd)) as image:
                if find_plain_jpeg(image, BytesIO(odd)):
                    plain += 1
                    tf.io.decode_jpeg(odd)  # raises if it refuses
    assert plain  # at least those with a restart before the end


def test_a_folder_of_odd_files_has_the_pixels_of_the_reference(make_folder: MakeFolder) -> None:
    folder = make_folder(a=3, b=3)
    for number, content in enumerate(READ.values()):
        (folder / "ab"[number % 2] / f"{number}.jpg").write_bytes(content)
    data = load_datasets(folder, image_size=SIZE, cache_mib=0, near_duplicates="ignore")
    assert sum(len(data.paths(split)) for split in SPLITS) == 6 + len(READ)
    for split in SPLITS:
        images, _ = collect(ordered_batches(data, split))
        expected = [reference.read(path.read_bytes(), SIZE) for path in data.paths(split)]
        assert np.array_equal(images, expected)
