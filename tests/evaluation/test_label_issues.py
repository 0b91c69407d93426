import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from catdog import Datasets, build_model, load_datasets
from catdog.evaluation import label_issues
from catdog.evaluation.label_issues import LabelIssues, find_label_issues, rank
from catdog.evaluation.out_of_fold import squared_distances
from catdog.plotting.images import plot_label_issues
from catdog.training.features import FeatureExtractor
from catdog.typing import SPLITS
from tests.conftest import REAL_KERAS_HOME

SIZE = (16, 16)
layers = keras.layers


def averages(*, pool: bool = True) -> keras.Model:
    """Return a model whose backbone computes the mean colour of 16 places."""
    base = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.Conv2D(3, 1, kernel_initializer="orthogonal"),
            layers.AveragePooling2D(4),
        ]
    )
    base.trainable = False
    head = [layers.GlobalAveragePooling2D()] if pool else [layers.Conv2D(2, 1), layers.Flatten()]
    return keras.Sequential([keras.Input((*SIZE, 3)), base, *head, layers.Dense(2)])


def write(folder: Path, name: str, colour: tuple[int, int, int], seed: int) -> Path:
    noise = np.random.default_rng([seed, *colour]).normal(0, 20, (*SIZE, 3))
    pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / name)
    return folder / name


REDDISH, BLUISH = (150, 90, 90), (90, 90, 150)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Reddish cats and bluish dogs, with one of each in the wrong folder, and a green cat."""
    for number in range(30):
        write(tmp_path / "cats", f"cat.{number}.png", REDDISH, number)
        write(tmp_path / "dogs", f"dog.{number}.png", BLUISH, number)
    write(tmp_path / "cats", "wrong.png", BLUISH, 99)
    write(tmp_path / "dogs", "wrong.png", REDDISH, 99)
    write(tmp_path / "cats", "green.png", (20, 250, 20), 99)
    return tmp_path


@pytest.fixture
def data(images: Path) -> Datasets:
    return load_datasets(images, image_size=SIZE)


@pytest.fixture
def issues(data: Datasets) -> LabelIssues:
    return find_label_issues(averages(), data, splits=SPLITS)


def test_wrong_labels_and_images_of_no_class_come_first(issues: LabelIssues) -> None:
    assert len(issues.images) == 63
    first = {f"{one.path.parent.name}/{one.path.name}": one for one in issues.images[:4]}
    assert {"cats/wrong.png", "dogs/wrong.png", "cats/green.png"} <= set(first)
    wrong, green = first["cats/wrong.png"], first["cats/green.png"]
    assert (wrong.label, wrong.suggested, wrong.reason) == ("cats", "dogs", "improbable_label")
    assert wrong.probability > 0.9
    assert wrong.label_probability == pytest.approx(1 - wrong.probability)
    assert green.reason == "out_of_distribution"
    assert green.distance > 3
    assert np.median([one.distance for one in issues.images]) == pytest.approx(1)


def test_groups_are_in_one_fold(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images of one group do not confirm each other's labels."""
    names = [path.relative_to(images).as_posix() for path in sorted(images.rglob("*.png"))]
    groups = {name: f"{name[:4]}{number // 3}" for number, name in enumerate(names)}
    data = load_datasets(images, image_size=SIZE, group_by=groups, near_duplicates="ignore")
    used: list[Any] = []

    def record(vectors: Any, labels: Any, folds: Any) -> Any:
        used.extend(folds)
        return squared_distances(vectors, labels, folds)

    monkeypatch.setattr(label_issues, "squared_distances", record)
    find_label_issues(averages(), data, splits=SPLITS)
    paths = [path for split in SPLITS for path in data.paths(split)]
    inside = [
        {groups[paths[position].relative_to(images).as_posix()] for position in fold}
        for fold in used
    ]
    assert sum(map(len, inside)) == len(set.union(*inside)) == len(set(groups.values()))


def test_every_image_is_listed_once(data: Datasets, issues: LabelIssues) -> None:
    for split in SPLITS:
        inside = [one for one in issues.images if one.split == split]
        labels = {one.path: one.label for one in inside}
        names = [data.class_names[label] for label in data.labels(split)]
        assert labels == dict(zip(data.paths(split), names, strict=True))
        assert len(inside) == len(labels)


def test_the_test_set_is_not_used_by_default(data: Datasets) -> None:
    issues = find_label_issues(averages(), data)
    assert {one.split for one in issues.images} == {"train", "validation"}
    assert data.test_evaluations == 0


def test_the_model_stays_as_it_is_and_need_not_be_compiled(data: Datasets) -> None:
    model = averages()
    before = model.get_weights()
    first = find_label_issues(model, data)
    model.layers[-1].set_weights([np.ones((3, 2)), np.zeros(2)])  # the head is not used
    assert [one.path for one in find_label_issues(model, data).images] == [
        one.path for one in first.images
    ]
    for a, b in zip(model.get_weights()[:-2], before[:-2], strict=True):
        assert np.array_equal(a, b)


def test_features_with_height_and_width(data: Datasets, issues: LabelIssues) -> None:
    again = find_label_issues(averages(pool=False), data, splits=SPLITS)
    assert {one.path.name for one in again.images[:4]} >= {"wrong.png", "green.png"}
    assert {one.path for one in again.images} == {one.path for one in issues.images}


def test_very_many_features(
    data: Datasets, issues: LabelIssues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catdog.evaluation.out_of_fold.MAX_FEATURES", 32)
    base = keras.Sequential(
        [keras.Input((*SIZE, 3)), layers.Conv2D(3, 1, kernel_initializer="orthogonal")]
    )
    base.trainable = False
    model = keras.Sequential([keras.Input((*SIZE, 3)), base, layers.Flatten(), layers.Dense(2)])
    again = find_label_issues(model, data, splits=SPLITS)
    assert {one.path.name for one in again.images[:6]} >= {"wrong.png", "green.png"}


def test_the_cache(data: Datasets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras.utils.set_random_seed(0)
    model = averages()
    first = find_label_issues(model, data, cache_dir=tmp_path / "features")
    monkeypatch.setattr(FeatureExtractor, "_run", None)
    again = find_label_issues(model, data, cache_dir=tmp_path / "features")
    assert again.images == first.images


def test_duplicates_are_in_the_same_fold(images: Path) -> None:
    """Otherwise classifiers would be trained on duplicates of an image with a wrong label."""
    wrong = (images / "cats" / "wrong.png").read_bytes()
    for number in range(5):
        (images / "cats" / f"wrong{number}.png").write_bytes(wrong)
    issues = find_label_issues(averages(), load_datasets(images), splits=SPLITS)
    duplicates = [one for one in issues.images if one.path.read_bytes() == wrong]
    assert len(duplicates) == 6
    assert {one.suggested for one in duplicates} == {"dogs"}
    assert len({one.probability for one in duplicates}) == 1


def test_printed_table(issues: LabelIssues, images: Path) -> None:
    lines = str(issues).splitlines()
    assert lines[0] == "63 images (train, validation, test), suspicious labels first"
    assert lines[1].split() == ["image", "label", "looks", "like", "probability", "distance"]
    assert len(lines) == 12
    printed = {line.split()[0]: line.split()[1:] for line in lines[2:]}
    assert printed["cats/wrong.png"][:2] == ["cats", "dogs"]
    assert printed["cats/green.png"][:2] == ["cats", "none"]
    assert repr(issues).startswith("<LabelIssues: 63 images")


def test_html_table(images: Path) -> None:
    (images / "cats" / "wrong.png").rename(images / "cats" / "<b>.png")
    issues = find_label_issues(averages(), load_datasets(images), splits=SPLITS)
    html = issues._repr_html_()
    assert html.count("<tr>") == 11
    assert "&lt;b&gt;.png" in html


def test_rows_can_be_written_as_json(issues: LabelIssues) -> None:
    rows = json.loads(json.dumps(issues.rows()))
    assert len(rows) == 63
    assert rows[0]["path"] == str(issues.images[0].path)
    assert set(rows[0]) == {
        "path",
        "split",
        "label",
        "suggested",
        "probability",
        "label_probability",
        "distance",
        "reason",
    }


def test_the_contact_sheet(issues: LabelIssues) -> None:
    figure = plot_label_issues(issues, k=5)
    assert isinstance(figure, Figure)
    with_image = [axes for axes in figure.axes if axes.images]
    assert len(with_image) == 5
    for axes, one in zip(with_image, issues.images, strict=False):
        assert axes.get_title().startswith(f"{one.path.name}\nlabel {one.label}\nlooks like ")
        pixels = np.asarray(axes.images[0].get_array())
        assert np.array_equal(pixels, np.asarray(Image.open(one.path)))
    assert len(plot_label_issues(issues, k=100).axes) >= 63


def test_a_removed_image(issues: LabelIssues) -> None:
    issues.images[0].path.unlink()
    with pytest.raises(FileNotFoundError, match=f"{issues.images[0].path.name} does not exist"):
        plot_label_issues(issues)
    with pytest.raises(ValueError, match="k must be a whole number of at least 1, not 0"):
        plot_label_issues(issues, k=0)
    with pytest.raises(TypeError, match="issues must be what find_label_issues returns, not list"):
        plot_label_issues(issues.rows())  # type: ignore[arg-type]


def test_a_model_without_a_frozen_backbone(data: Datasets) -> None:
    model = averages()
    model.layers[0].trainable = True
    with pytest.raises(ValueError, match=r"begins with a frozen backbone.*mobilenet_v2\.linear"):
        find_label_issues(model, data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, "folds must be a whole number of at least 2, not 1"),
        ({"folds": 40}, "folds=40 needs 40 images of each class.*cats has 2"),
        ({"seed": -1}, "seed must be"),
        ({"splits": []}, "splits must name at least one of train, validation, test"),
        ({"splits": None}, "splits=None is not known"),
        ({"splits": ["training"]}, "splits='training' is not known. Did you mean 'train'"),
    ],
)
def test_bad_arguments(data: Datasets, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_label_issues(averages(), data, **options)


def test_weights_that_are_not_finite(data: Datasets) -> None:
    model = averages()
    model.layers[0].layers[0].set_weights([np.full((1, 1, 3, 3), np.nan), np.zeros(3)])
    with pytest.raises(ValueError, match="backbone of model returns values that are not finite"):
        find_label_issues(model, data)


def test_one_split_by_its_name(data: Datasets) -> None:
    issues = find_label_issues(averages(), data, splits="train")  # type: ignore[arg-type]
    assert {one.split for one in issues.images} == {"train"}


def test_the_better_rank_decides() -> None:
    order, is_distant = rank(np.array([0.1, 0.9, 0.5, 0.8]), np.array([1.0, 9.0, 2.0, 3.0]))
    assert order.tolist() == [0, 1, 2, 3]
    assert is_distant.tolist() == [False, True, False, True]


LARGE = REAL_KERAS_HOME / "datasets/cats_and_dogs_large.zip"


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif(not LARGE.is_file(), reason="KERAS_HOME does not hold the large set")
def test_a_person_among_the_dogs(tmp_path: Path) -> None:
    """The first 500 images of each class that the archive lists, and dog.1773."""
    with zipfile.ZipFile(LARGE) as archive:
        for label in ("cats", "dogs"):
            names = [name for name in archive.namelist() if f"/{label}/" in name][:500]
            for name in {*names, "cats_and_dogs_large/dogs/dog.1773.jpg"}:
                archive.extract(name, tmp_path)
    data = load_datasets(tmp_path / "cats_and_dogs_large", on_bad_image="skip")
    model = build_model("mobilenet_v2.linear", image_size=(160, 160), seed=0)
    issues = find_label_issues(model, data, splits=SPLITS, verbose=0)
    names = [one.path.name for one in issues.images]
    assert len(names) > 990
    assert names.index("dog.1773.jpg") < len(names) / 100
