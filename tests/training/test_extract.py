"""Features of images: extracted once, saved, and used in place of the images."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from catdog import (
    Datasets,
    Features,
    build_model,
    extract_features,
    find_label_issues,
    load_datasets,
    load_features,
    load_model,
    save_model,
    train_head,
)
from catdog._utils.errors import UsageWarning
from catdog.models.metadata import get_metadata
from catdog.typing import SPLITS
from tests.conftest import MakeFolder
from tests.training.conftest import SIZE, linear


@pytest.fixture
def features(data: Datasets) -> Features:
    return extract_features(linear(), data)


def backbone_of(model: keras.Model) -> keras.Model:
    return keras.Sequential([keras.Input((*SIZE, 3)), *model.layers[:-1]])


def test_features_of_data_are_those_of_the_backbone(data: Datasets, features: Features) -> None:
    model = linear()
    images = np.concatenate(
        [batch for split in SPLITS for batch, _ in data._batches(split).as_numpy_iterator()]
    )
    expected = backbone_of(model).predict(images, verbose=0)
    assert features.values == pytest.approx(expected, abs=1e-5)
    assert features.values.dtype == np.float32
    assert features.paths == tuple(str(path) for split in SPLITS for path in data.paths(split))
    contents = [sha256(Path(path).read_bytes()).hexdigest() for path in features.paths]
    assert features.sha256 == tuple(contents)
    assert features.class_names == data.class_names
    assert features.image_size == SIZE
    assert set(features.versions) == {"catdog", "keras"}


def test_features_of_a_folder_are_those_of_its_data(image_folder: Path, features: Features) -> None:
    found = extract_features(linear(), image_folder)
    order = [features.paths.index(path) for path in found.paths]
    assert found.values == pytest.approx(features.values[order], abs=1e-5)
    assert found.labels is not None
    assert features.labels is not None
    assert found.labels.tolist() == features.labels[order].tolist()
    assert found.sha256 == tuple(features.sha256[row] for row in order)
    assert (found.backbone, found.splits) == (features.backbone, None)


def test_a_head_trains_on_features_as_on_images(
    data: Datasets, features: Features, tmp_path: Path
) -> None:
    on_images, on_features = linear(), linear()
    expected = train_head(on_images, data, epochs=3, class_weight="balanced", verbose=0)
    features.save(tmp_path / "features.npz")
    stored = load_features(tmp_path / "features.npz")
    history = train_head(on_features, stored, epochs=3, class_weight="balanced", verbose=0)
    assert history.history == expected.history
    for a, b in zip(on_images.get_weights(), on_features.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert get_metadata(on_features) == get_metadata(on_images)


def test_a_head_trains_on_features_of_a_folder_that_are_split(image_folder: Path) -> None:
    data = load_datasets(image_folder, seed=4, near_duplicates="ignore")
    on_images, on_features = linear(), linear()
    expected = train_head(on_images, data, epochs=2, verbose=0)
    features = extract_features(linear(), image_folder).split(seed=4)
    history = train_head(on_features, features, epochs=2, verbose=0)
    for name, values in expected.history.items():
        assert history.history[name] == pytest.approx(values, rel=1e-5)
    assert get_metadata(on_features) == get_metadata(on_images)


def test_label_issues_are_found_in_features(data: Datasets, features: Features) -> None:
    expected = find_label_issues(linear(), data, folds=2)
    for model in (linear(), None):
        assert find_label_issues(model, features, folds=2).images == expected.images
    unsplit = find_label_issues(None, replace(features, splits=None), folds=2)
    assert len(unsplit.images) == len(features)
    assert {issue.split for issue in unsplit.images} == {"train"}
    assert str(unsplit).startswith("20 images (train)")


def test_another_backbone_is_refused(features: Features) -> None:
    other = linear()
    other.layers[-3].set_weights([weight + 1e-3 for weight in other.layers[-3].get_weights()])
    match = "features come from another backbone than that of model"
    with pytest.raises(ValueError, match=match):
        train_head(other, features, verbose=0)
    with pytest.raises(ValueError, match=match):
        find_label_issues(other, features)
    shapes = r"they have shape \(3,\), its own \(\d+,\)"
    with pytest.raises(ValueError, match=shapes):
        train_head(linear(), replace(features, values=features.values[:, :3], backbone="0"))


def test_the_same_backbone_is_known_again(data: Datasets, tmp_path: Path) -> None:
    """The head, the augmentation and a saved file make no difference; what scales images does."""
    model = linear()
    known = extract_features(model, data).backbone
    train_head(model, data, epochs=1, verbose=0)
    save_model(model, tmp_path / "model.keras")
    assert extract_features(load_model(tmp_path / "model.keras"), data).backbone == known
    assert extract_features(linear(augmented=True), data).backbone == known
    both, horizontal = (
        build_model(f"mobilenet_v2.{name}", image_size=(32, 32), weights=None, seed=0)
        for name in ("both_flips", "horizontal_flip")
    )
    known = extract_features(both, data).backbone
    assert extract_features(horizontal, data).backbone != known
    name = "mobilenet_v2"  # as pretrained weights would be the same
    horizontal.get_layer(name).set_weights(both.get_layer(name).get_weights())
    assert extract_features(horizontal, data).backbone == known


def with_function(power: int) -> keras.Model:
    """Return a model whose function has the same name for each power."""

    def act(values: Any) -> Any:
        return values**power

    keras.utils.set_random_seed(0)
    layers = keras.layers
    base = [layers.Conv2D(3, 5, activation=act, trainable=False), layers.Flatten()]
    model = keras.Sequential(
        [keras.Input((*SIZE, 3)), layers.Rescaling(1 / 255), *base, layers.Dense(2)]
    )
    model.compile(optimizer="sgd", loss=keras.losses.SparseCategoricalCrossentropy(True))
    return model


def test_features_of_another_function_of_the_same_name_are_refused(data: Datasets) -> None:
    stored = extract_features(with_function(1), data)
    train_head(with_function(1), stored, epochs=1, verbose=0)
    find_label_issues(with_function(1), stored)
    match = "from another backbone than that of model, or from other code in its layers"
    with pytest.raises(ValueError, match=match):
        train_head(with_function(2), stored, verbose=0)
    with pytest.raises(ValueError, match=match):
        find_label_issues(with_function(2), stored)


def test_features_of_images_that_are_gone(data: Datasets) -> None:
    stored = extract_features(with_function(1), data)
    first = data.paths("train")[0]
    Image.new("RGB", SIZE).save(first)  # another image
    with pytest.warns(UsageWarning, match="images are not there any more"):
        train_head(with_function(1), stored, epochs=1, verbose=0)
    first.unlink()
    train_head(with_function(1), stored, epochs=1, verbose=0)  # by the next image
    for split in SPLITS:
        for path in data.paths(split):
            path.unlink(missing_ok=True)
    with pytest.warns(UsageWarning, match="images are not there any more") as record:
        train_head(with_function(2), stored, epochs=1, verbose=0)
    assert record[0].filename == __file__


def test_layers_before_the_augmentation_count(data: Datasets) -> None:
    def scaled(factor: float, *, nested: bool) -> keras.Model:
        keras.utils.set_random_seed(0)
        layers = keras.layers
        first = [layers.Rescaling(factor), layers.RandomFlip()]
        return keras.Sequential(
            [
                keras.Input((*SIZE, 3)),
                *([keras.Sequential(first)] if nested else first),
                layers.Conv2D(3, 5, trainable=False),
                layers.Flatten(),
                layers.Dense(2),
            ]
        )

    for nested in (False, True):
        one, two = (
            extract_features(scaled(factor, nested=nested), data) for factor in (1 / 255, 1 / 127)
        )
        assert one.backbone != two.backbone
        assert abs(one.values - two.values).max() > 0.1


def test_features_must_be_split_and_labelled_to_train_on(features: Features) -> None:
    with pytest.raises(ValueError, match=r"data is not split .* Pass features\.split\(seed=0\)"):
        train_head(linear(), replace(features, splits=None))
    with pytest.raises(ValueError, match="have no labels"):
        train_head(linear(), replace(features, labels=None, class_names=()))
    with pytest.raises(ValueError, match="views would have no effect: the features are extracted"):
        train_head(linear(augmented=True), features, views=2)
    with pytest.raises(ValueError, match="cache_dir would have no effect"):
        train_head(linear(), features, cache_dir="cache")
    with pytest.raises(ValueError, match="cache_dir would have no effect"):
        find_label_issues(None, features, cache_dir="cache")
    with pytest.raises(TypeError, match="must be what load_datasets, extract_features or"):
        train_head(linear(), features.values)  # type: ignore[arg-type]


def test_files_and_bytes_have_no_labels(data: Datasets, features: Features) -> None:
    path = data.paths("train")[0]
    found = extract_features(linear(), [path, path.read_bytes()])
    assert found.labels is None
    assert found.class_names == ()
    assert found.paths == (str(path), "images[1]")
    assert found.sha256 == (features.sha256[0],) * 2
    assert found.values == pytest.approx(features.values[[0, 0]], abs=1e-5)


def test_bad_images(image_folder: Path) -> None:
    bad = image_folder / "cats" / "bad.png"
    bad.write_bytes((image_folder / "cats" / "image.0.png").read_bytes()[:60])
    with pytest.raises(ValueError, match=r'bad.png: .* or pass on_bad_image="skip"'):
        extract_features(linear(), image_folder)
    with pytest.warns(UsageWarning, match="1 image cannot be read"):
        found = extract_features(linear(), image_folder, on_bad_image="skip")
    assert len(found) == 20
    assert set(found.errors) == {str(bad)}
    with pytest.warns(UsageWarning, match="1 image cannot be read"):
        none = extract_features(linear(), [bad], on_bad_image="skip")
    assert none.values.shape == (0, *found.values.shape[1:])
    with pytest.raises(FileNotFoundError, match="does not exist"):
        extract_features(linear(), [bad, image_folder / "missing.png"][::-1])


@pytest.mark.parametrize(
    ("images", "error"),
    [
        (lambda folder: np.zeros((3, 24, 24, 3), np.uint8), "must be image files or the bytes"),
        (lambda folder: [Image.new("RGB", (9, 9))], r"images\[0\] must be image files or the byt"),
        (lambda folder: 3, "must be an image file, a folder"),
        (lambda folder: folder / "cats" / "no", "does not exist"),
    ],
)
def test_other_images_are_refused(
    images: Callable[[Path], Any], error: str, image_folder: Path
) -> None:
    with pytest.raises((TypeError, FileNotFoundError), match=error):
        extract_features(linear(), images(image_folder))


def test_split_folders_are_refused(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{split}/{name}": 3 for split in SPLITS for name in ("cats", "dogs")})
    with pytest.raises(ValueError, match=r"has folders for train .* Pass catdog\.load_datasets"):
        extract_features(linear(), folder)


def test_a_model_without_backbone_is_refused(data: Datasets) -> None:
    with pytest.raises(ValueError, match="extract_features needs a model that begins with a fro"):
        extract_features(build_model("cnn", image_size=SIZE), data)
