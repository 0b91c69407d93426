"""`resize_to_model`: the data at the input size of a model, and models that do not fit."""

from pathlib import Path

import pytest

from catdog import build_model, load_datasets
from catdog.matching import resize_as_predicted, resize_to_model
from catdog.models.metadata import ModelMetadata, attach_metadata
from tests.conftest import MakeFolder

SIZE = (8, 8)


def test_data_is_resized_to_the_models_size(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    model = build_model("cnn", image_size=(32, 24))
    assert resize_to_model(model, data).image_size == (32, 24)


def test_model_of_any_size_takes_the_datas(image_folder: Path) -> None:
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((None, None, 3)), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )
    data = load_datasets(image_folder, image_size=SIZE)
    assert resize_to_model(model, data) is data
    assert resize_as_predicted(model, data) is data
    attach_metadata(model, ModelMetadata(data.class_names, (10, 12)))
    assert resize_as_predicted(model, data).image_size == (10, 12)  # as `predict` takes them
    assert resize_to_model(model, data) is data  # to train at another size


def test_models_that_do_not_fit_the_data(make_folder: MakeFolder) -> None:
    import keras

    data = load_datasets(make_folder(a=5, b=5, c=5), image_size=SIZE)
    with pytest.raises(ValueError, match=r"3 classes \('a', 'b', 'c'\)\. Build it with num_"):
        resize_to_model(build_model("cnn", image_size=(32, 32)), data)
    grey = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match="that takes one batch of RGB"):
        resize_to_model(grey, data)


def test_a_model_of_a_fixed_batch_size(image_folder: Path) -> None:
    import keras

    layers = [keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((*SIZE, 3), batch_size=4), *layers])
    data = load_datasets(image_folder, image_size=(16, 16), batch_size=4)
    assert resize_to_model(model, data).image_size == SIZE


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_models_that_return_probabilities(image_folder: Path, activation: str) -> None:
    import keras

    layers = [keras.layers.Flatten(), keras.layers.Dense(2, activation=activation)]
    model = keras.Sequential([keras.Input((*SIZE, 3)), *layers])
    data = load_datasets(image_folder, image_size=SIZE)
    with pytest.raises(ValueError, match=f"model ends in {activation}.*Take it off"):
        resize_to_model(model, data)


def test_arguments_that_are_no_model_or_no_data(image_folder: Path) -> None:
    import keras

    data = load_datasets(image_folder, image_size=SIZE)
    unbuilt = keras.Sequential([keras.layers.Flatten()])
    for model in (None, "cnn", unbuilt):
        with pytest.raises(ValueError, match="Build it with catdog.build_model, or begin it with"):
            resize_to_model(model, data)
    with pytest.raises(TypeError, match="data must be what load_datasets returns, not str"):
        resize_to_model(build_model("cnn", image_size=(32, 32)), "synthetic")  # type: ignore[arg-type]
