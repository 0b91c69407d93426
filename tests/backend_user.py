"""Use every model of the zoo on the backend that `KERAS_BACKEND` names.

    KERAS_BACKEND=jax python tests/backend_user.py IMAGES MODELS RESULTS.npz

`IMAGES` holds a folder for each of two classes. `MODELS` has a `.keras` file of each model of the
zoo: without it, this one writes them. `RESULTS.npz` receives the probabilities and a heat map of
each of these models. A model is also built, trained for an epoch, saved, opened and evaluated.
`tests/test_backends.py` starts this on every backend, and compares the results.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog import (
    Datasets,
    build_model,
    calibrate,
    check_leaks,
    evaluate,
    find_label_issues,
    fine_tune,
    gradcam,
    list_models,
    load_datasets,
    load_model,
    predict,
    save_model,
    train,
    train_head,
)

SIZE = (32, 32)


def write_models(folder: Path) -> None:
    """Write an untrained model of each name."""
    folder.mkdir()
    for name in list_models():
        save_model(
            build_model(name, image_size=SIZE, weights=None, seed=0), folder / f"{name}.keras"
        )


def probabilities(model: keras.Model, data: Datasets) -> NDArray[np.float64]:
    """Return the probabilities of the training images."""
    predictions = predict(model, data.paths("train"), class_names=data.class_names)
    return np.stack([one.probabilities for one in predictions])


def use(name: str, data: Datasets) -> None:
    """Build, train, evaluate, calibrate, save and open a model."""
    model = build_model(name, image_size=SIZE, weights=None, seed=0)
    history = train(model, data, epochs=1, verbose=0)
    assert np.isfinite(history.history["val_loss"]).all(), name
    assert evaluate(model, data, split="validation", verbose=0).n == len(data.paths("validation"))
    calibrate(model, data)
    if name == "mobilenet_v2.linear":
        train_head(model, data, epochs=1, verbose=0)
        assert find_label_issues(model, data, folds=2, verbose=0).images
        assert check_leaks(model, data, verbose=0).bins
        fine_tune(model, data, epochs=1, verbose=0)
    with tempfile.TemporaryDirectory() as scratch:
        saved = Path(scratch, "model.keras")
        save_model(model, saved)
        opened = load_model(saved)
    np.testing.assert_allclose(probabilities(opened, data), probabilities(model, data), atol=1e-5)


def main(images: Path, models: Path, results: Path) -> None:
    """Run all steps on all models."""
    data = load_datasets(images, image_size=SIZE, batch_size=4)
    if not models.exists():
        write_models(models)
    found: dict[str, NDArray[Any]] = {}
    for name in list_models():
        model = load_model(models / f"{name}.keras")
        found[f"{name} probabilities"] = probabilities(model, data)
        found[f"{name} heat"] = gradcam(model, data.paths("train")[0], label=0)
        use(name, data)
    np.savez(results, allow_pickle=False, **found)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
