from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from catdog.inference.interpreter import Interpreters
from catdog.inference.litert import MIN_IMAGES_TO_COMPILE
from catdog.models.graph import split_model
from catdog.training.run_backbone import compute_features
from tests.networks import build_light_model

SIZE = (32, 32)


@pytest.mark.parametrize("is_augmented", [True, False])
def test_a_compiled_backbone_takes_all_cores(
    is_augmented: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With layers before it, the main thread runs both; without, the threads that read do."""
    sizes: list[int] = []
    run_on_all_cores = Interpreters.compute

    def spy(self: Interpreters, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        sizes.append(len(batch))
        return run_on_all_cores(self, batch)

    monkeypatch.setattr(Interpreters, "compute", spy)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    parts = split_model(build_light_model("mobilenet_v2", image_size=SIZE, weights=None, seed=0))
    if not is_augmented:
        parts = replace(parts, augmentation=None)
    images = np.random.default_rng(0).integers(0, 256, (5, *SIZE, 3)).astype(np.float32)
    compute = compute_features(parts, SIZE, MIN_IMAGES_TO_COMPILE)
    assert (compute.run_on_one_core is None) == is_augmented
    found = compute.run(images)
    assert sizes[-1] == len(images)
    expected = compute_features(parts, SIZE, 1).run(images)
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-5)
