import keras
import numpy as np
import pytest

from catdog import make_preprocessor


def test_scales_as_mobilenet_v2_was_trained() -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 5, 7, 3)).astype(np.float32)
    scaled = make_preprocessor(image_size=(5, 7)).predict(pixels, verbose=0)
    expected = keras.applications.mobilenet_v2.preprocess_input(pixels.copy())
    np.testing.assert_allclose(scaled, expected, atol=1e-6)


def test_ends_of_the_range() -> None:
    ends = np.array([0, 127.5, 255], np.float32).reshape(1, 1, 1, 3)
    assert make_preprocessor(image_size=(1, 1))(ends).numpy().ravel().tolist() == [-1, 0, 1]


def test_has_no_weights_and_plain_layers() -> None:
    preprocessor = make_preprocessor()
    assert preprocessor.input_shape == (None, 160, 160, 3)
    assert preprocessor.count_params() == 0
    assert {type(layer).__module__.partition(".")[0] for layer in preprocessor.layers} == {"keras"}


def test_bad_size() -> None:
    with pytest.raises(ValueError, match=r"image_size must be \(height, width\)"):
        make_preprocessor(image_size=160)  # type: ignore[arg-type]
