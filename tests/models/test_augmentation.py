from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from catdog import make_augmentation
from catdog.models.augmentation import FLIPS
from catdog.typing import Flip

BATCH = np.random.default_rng(0).uniform(0, 255, (64, 6, 6, 3)).astype(np.float32)


def augment(augmentation: keras.Model, batch: NDArray[np.float32] = BATCH) -> NDArray[np.float32]:
    return np.asarray(augmentation(batch, training=True))


def mirrored(image: NDArray[np.float32], flip: Flip) -> list[NDArray[np.float32]]:
    """Return every image that a flip may make of one."""
    across, down = image[:, ::-1], image[::-1]
    return {
        "horizontal": [image, across],
        "vertical": [image, down],
        "horizontal_and_vertical": [image, across, down, across[::-1]],
    }[flip]


@pytest.mark.parametrize("flip", FLIPS)
def test_flips_are_those_named_and_all_occur(flip: Flip) -> None:
    results = augment(make_augmentation(flip=flip, rotation=0, seed=0))
    seen = set()
    for image, result in zip(BATCH, results, strict=True):
        matches = [np.allclose(result, one, atol=1e-3) for one in mirrored(image, flip)]
        assert any(matches)
        seen.add(matches.index(True))
    assert len(seen) == len(mirrored(BATCH[0], flip))


@pytest.mark.parametrize("rotation", [0.05, 0.2])
def test_angles_fill_the_stated_range(rotation: float) -> None:
    layer = make_augmentation(flip=None, rotation=rotation, seed=0).layers[0]
    angles = []
    for _ in range(20):
        parameters = layer.get_random_transformation(BATCH, training=True)
        angles.append(np.asarray(parameters["angle"]).ravel() / 360)  # Keras gives degrees
    turns = np.concatenate(angles)
    assert -rotation <= turns.min() < -0.9 * rotation
    assert 0.9 * rotation < turns.max() <= rotation
    assert abs(turns.mean()) < 0.1 * rotation


def test_training_alone_changes_images() -> None:
    augmentation = make_augmentation(seed=0)
    assert np.array_equal(augmentation(BATCH, training=False), BATCH)
    assert np.array_equal(augmentation.predict(BATCH, verbose=0), BATCH)
    assert not np.allclose(augment(augmentation), BATCH)


def test_values_stay_in_their_range() -> None:
    signed = BATCH / 127.5 - 1
    results = augment(make_augmentation(seed=0), signed)
    assert results.shape == signed.shape
    assert -1 <= results.min() < -0.9
    assert 0.9 < results.max() <= 1


def test_seed_makes_changes_reproducible() -> None:
    first, second, other = (augment(make_augmentation(seed=seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_flip_and_rotation_draw_apart() -> None:
    seeds = [layer.get_config()["seed"] for layer in make_augmentation(seed=3).layers]
    states = [np.asarray(v).tolist() for v in make_augmentation(seed=3).non_trainable_variables]
    assert len(seeds) == 2
    assert len({str(state) for state in states}) == len(states)


def test_plain_layers() -> None:
    layers = make_augmentation().layers
    assert [type(layer) for layer in layers] == [
        keras.layers.RandomFlip,
        keras.layers.RandomRotation,
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"flip": "diagonal"}, "flip='diagonal' is not known.*Known are: 'horizontal'"),
        ({"rotation": -0.1}, "rotation must be from 0 to 0.5 full turns .* not -0.1"),
        ({"rotation": 72}, "rotation must be from 0 to 0.5 full turns"),
        ({"rotation": "0.2"}, "rotation must be from 0 to 0.5 full turns .* not '0.2'"),
        ({"flip": None, "rotation": 0}, "changes nothing. Choose at least one"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_augmentation(**arguments)
