"""What an evaluation says of images that are nearly the same as training images."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catdog import build_model, evaluate, load_datasets, load_model, save_model, train
from catdog.matching import record_training
from catdog.models.metadata import attach_metadata, get_metadata
from tests.conftest import make_colour_model
from tests.data.test_near_duplicates import films, frame, write
from tests.evaluations import make_evaluation

NO_SIGNAL = ([0, 1] * 50, np.eye(2)[[0, 1] * 45 + [1, 0] * 5])


def test_both_accuracies_are_printed() -> None:
    labels, logits = NO_SIGNAL
    evaluation = make_evaluation(labels, logits, near_training=[True] * 40 + [False] * 60)
    printed = str(evaluation)
    assert (
        "  40 of 100 images are nearly the same as training images, directly or through images "
        "between: 100.0% of these are right\n"
        "  the other 60: 83.3% right (95 % confidence interval 72.0% to 90.7%). Trust this one"
    ) in printed
    assert "the other 60: 83.3% right" in evaluation._repr_html_()
    figures = evaluation.to_dict()
    assert figures["near_training"] == 40
    assert figures["unlike_training"]["n"] == 60
    assert figures["unlike_training"]["accuracy"] == 50 / 60
    assert figures["accuracy"] == 0.9


@pytest.mark.parametrize("unlike", [0, 5])
def test_too_few_other_images(unlike: int) -> None:
    labels, logits = NO_SIGNAL
    near = [True] * (100 - unlike) + [False] * unlike
    evaluation = make_evaluation(labels, logits, near_training=near)
    assert "too few other images" in str(evaluation)
    assert "Trust" not in str(evaluation)
    assert (evaluation.to_dict()["unlike_training"] is None) == (unlike == 0)


def test_without_near_duplicates_nothing_is_said() -> None:
    printed = str(make_evaluation(*NO_SIGNAL))
    assert "near duplicate" not in printed
    assert "nearly the same" not in printed


def test_which_images_have_a_near_duplicate(tmp_path: Path) -> None:
    data = load_datasets(films(tmp_path), near_duplicates="ignore")
    model = make_colour_model(np.eye(3)[:, :2])
    trained = {(path.parent.name, path.stem.split("x")[1]) for path in data.paths("train")}
    evaluation = evaluate(model, data, verbose=0)
    films_of = [(path.parent.name, path.stem.split("x")[1]) for path in evaluation.paths]
    assert evaluation.near_training.tolist() == [film in trained for film in films_of]
    assert evaluation.near_training.any()
    assert not evaluate(model, data, split="train", verbose=0).near_training.any()
    kept = load_datasets(tmp_path)
    assert not evaluate(model, kept, verbose=0).near_training.any()
    record_training(model, kept)  # so the training set of `data` is not that of the model
    other = evaluate(model, data, verbose=0)
    assert not other.near_training.any()
    assert other.unlike_training is None
    assert (
        "near duplicates of training images are not known: the model was trained on other images "
        "than the training set of these data"
    ) in str(other)
    assert "are not known" in other._repr_html_()
    assert other.to_dict()["near_training"] is None
    assert other.to_dict()["near_training_unknown"] == other.near_training_unknown
    assert not evaluate(model, data, split="train", verbose=0).near_training_unknown


def given_sets(folder: Path) -> Path:
    """Write films whose test frames are in the training set, too."""
    for split, numbers in {"train": range(6), "validation": [6], "test": [7, 8]}.items():
        for film in range(8):
            for number in numbers:
                place = folder / split / ("a", "b")[film % 2]
                place.mkdir(parents=True, exist_ok=True)
                frame(film, number).save(place / f"{film}_{number}.png")
    return folder


def test_the_training_set_decides(tmp_path: Path) -> None:
    """Neither the seed nor a new test image changes what the model has seen."""
    folder = given_sets(tmp_path / "sets")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these are bursts, in several sets
        model = make_colour_model(np.eye(3)[:, :2])
        data = load_datasets(folder)
        record_training(model, data)
        expected = evaluate(model, data, verbose=0).near_training
        assert expected.all()
        save_model(model, tmp_path / "model.keras")
        loaded = load_model(tmp_path / "model.keras")
        by_seed = evaluate(loaded, load_datasets(folder, seed=1), verbose=0)
        assert by_seed.near_training.all()
        Image.effect_noise((32, 32), 90).convert("RGB").save(folder / "test/a/new.png")
        grown = evaluate(loaded, load_datasets(folder), verbose=0)
        assert grown.near_training.sum() == len(expected)
        assert grown.near_training_unknown == ""


def test_models_of_an_earlier_catdog(tmp_path: Path) -> None:
    """Their record holds a hash of the whole split alone."""
    folder = given_sets(tmp_path / "sets")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make_colour_model(np.eye(3)[:, :2])
        data = load_datasets(folder)
        record_training(model, data)
        metadata = get_metadata(model)
        assert metadata is not None
        attach_metadata(model, replace(metadata, train_sha256=None))
        assert evaluate(model, load_datasets(folder, seed=1), verbose=0).near_training.all()
        attach_metadata(model, replace(metadata, train_sha256=None, split=None))
        assert evaluate(model, data, verbose=0).near_training_unknown == (
            "the model has no record of its training images"
        )


@pytest.mark.slow
def test_labels_without_meaning_show_no_skill(tmp_path: Path) -> None:
    """Films whose labels were drawn by a coin, at a split by images and at the default one."""
    coin = np.random.default_rng(0)
    images = {f"{coin.choice(['heads', 'tails'])}/{film:03}": film for film in range(120)}
    folder = write(
        tmp_path,
        {
            f"{name}_{number}.png": frame(film, number).resize((32, 32))
            for name, film in images.items()
            for number in range(5)
        },
    )
    beats = {}
    for near_duplicates in ("ignore", "together"):
        with pytest.warns(UserWarning, match="bursts"):
            data = load_datasets(folder, near_duplicates=near_duplicates)
        model = build_model("cnn", image_size=(32, 32), seed=0)
        train(model, data, epochs=10, verbose=0)
        evaluation = evaluate(model, data, verbose=0)
        beats[near_duplicates] = evaluation.beats_baseline
        assert (evaluation.near_training.mean() > 0.8) == (near_duplicates == "ignore")
    assert beats == {"ignore": True, "together": False}
