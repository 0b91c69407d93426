"""Resizing is that of the reference, and of TensorFlow, to the last value."""

import platform

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catdog.images import resize as module
from catdog.images.resize import resize
from catdog.typing import ImageSize
from tests.images import reference
from tests.images.odd_files import noise

SIDES = st.integers(1, 24)
SIZES = st.tuples(SIDES, SIDES)
# Their compilers fuse multiplication and addition in TensorFlow's kernel.
FUSES = platform.machine().lower() not in ("x86_64", "amd64")


@settings(max_examples=60, deadline=None)
@given(before=SIZES, after=SIZES)
def test_every_size_is_resized_as_by_the_reference(before: ImageSize, after: ImageSize) -> None:
    pixels = noise(*before)
    found = resize(Image.fromarray(pixels), after)
    assert np.array_equal(found, reference.resize(pixels, after))


@settings(max_examples=60, deadline=None)
@given(before=st.tuples(st.integers(1, 700), st.integers(1, 700)), after=SIZES)
def test_every_size_is_resized_as_by_tensorflow(before: ImageSize, after: ImageSize) -> None:
    import tensorflow as tf

    pixels = noise(*before)
    expected = tf.image.resize(pixels, after).numpy().astype(np.uint8)
    found = resize(Image.fromarray(pixels), after)
    assert np.abs(found - expected.astype(int)).max() <= (1 if FUSES else 0)


@pytest.mark.parametrize("block", [1, 500, 5000])
def test_a_large_image_is_resized_in_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = noise(97, 61)
    whole = resize(Image.fromarray(pixels), (31, 23))
    monkeypatch.setattr(module, "_BLOCK_PIXELS", block)
    assert np.array_equal(resize(Image.fromarray(pixels), (31, 23)), whole)


def test_pixels_take_three_bytes() -> None:
    """The cache limit counts on it."""
    found = resize(Image.fromarray(noise(20, 20)), (8, 9))
    assert found.flags.c_contiguous
    assert found.base is None
    assert found.nbytes == 8 * 9 * 3
