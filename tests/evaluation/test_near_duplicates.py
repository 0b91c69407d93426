import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import pytest

from catdog import Datasets, NearDuplicateReport, build_model, find_near_duplicates, load_datasets
from catdog.training.features import FeatureExtractor
from tests.bursts import SIZE, blocks_model, write_videos
from tests.conftest import REAL_KERAS_HOME

pytestmark = pytest.mark.filterwarnings("ignore:Neighbours by name")  # these are bursts


@pytest.fixture
def data(tmp_path: Path) -> Datasets:
    """Twelve videos of four frames; one frame of the first is in the other class too."""
    folder = write_videos(tmp_path / "images", videos=12, frames=4)
    (folder / "heads" / "video0_3.png").rename(folder / "tails" / "copy_3.png")
    return load_datasets(folder, image_size=SIZE, near_duplicates="ignore")


@pytest.fixture
def found(data: Datasets) -> NearDuplicateReport:
    return find_near_duplicates(blocks_model(), data, verbose=0)


def video(path: Path) -> str:
    return "video0" if path.name == "copy_3.png" else path.name.partition("_")[0]


def test_pairs_are_frames_of_one_video(found: NearDuplicateReport) -> None:
    assert found.n == 48
    assert found.n_pairs == len(found.pairs) == 12 * 6
    assert all(video(pair.paths[0]) == video(pair.paths[1]) for pair in found.pairs)
    assert {len(cluster) for cluster in found.clusters} == {4}
    assert len(found.clusters) == 12
    assert all(len({video(path) for path in cluster}) == 1 for cluster in found.clusters)
    for pair in found.pairs:
        assert set(pair.paths) <= set(found.clusters[pair.cluster])
        assert found.similarity <= pair.similarity <= 1


def test_classes_and_sets_are_those_of_the_data(data: Datasets, found: NearDuplicateReport) -> None:
    for pair in found.pairs:
        for path, label, split in zip(pair.paths, pair.labels, pair.splits, strict=True):
            assert path in data.paths(split)
            assert path.parent.name == label
    assert found.n_in_two_classes == sum(pair.in_two_classes for pair in found.pairs) == 3
    assert found.n_in_two_splits == sum(pair.in_two_splits for pair in found.pairs) > 0


def test_two_classes_or_two_sets_come_first(found: NearDuplicateReport) -> None:
    notable = [pair.in_two_classes or pair.in_two_splits for pair in found.pairs]
    assert notable == sorted(notable, reverse=True)
    assert not all(notable)
    for kind in (True, False):
        values = [
            pair.similarity
            for pair, is_notable in zip(found.pairs, notable, strict=True)
            if is_notable == kind
        ]
        assert values == sorted(values, reverse=True)


def test_with_groups_no_pair_is_in_two_sets(data: Datasets) -> None:
    grouped = load_datasets(
        data.report.folder, image_size=SIZE, near_duplicates="ignore", group_by=r"(video\d+|copy)_"
    )
    found = find_near_duplicates(blocks_model(), grouped, verbose=0)
    assert found.n_in_two_splits <= 3  # the copy is a group of its own
    assert found.n_pairs == 72


def test_nothing_is_trained_or_evaluated(data: Datasets) -> None:
    model = blocks_model()
    before = model.get_weights()
    find_near_duplicates(model, data)
    assert data.test_evaluations == 0
    for a, b in zip(model.get_weights(), before, strict=True):
        assert (a == b).all()


def test_printed_table(found: NearDuplicateReport) -> None:
    lines = str(found).splitlines()
    assert lines[0].startswith("72 pairs of near duplicates, in 12 clusters, among 48 images (")
    assert lines[1] == f"  3 in two classes, {found.n_in_two_splits} in two sets"
    assert lines[2].split() == ["image", "near", "duplicate", "classes", "sets", "similarity"]
    assert len(lines) == 14
    assert lines[-1] == "  ... and 62 more pairs"
    assert repr(found) == f"<NearDuplicateReport: {lines[0]}>"
    html = found._repr_html_()
    assert html.count("<tr>") == 11
    assert "62 more pairs" in html


def test_no_near_duplicates(data: Datasets) -> None:
    none = find_near_duplicates(blocks_model(), data, similarity=0.99999, verbose=0)
    assert str(none) == "No near duplicates among 48 images (similarity 0.99999 or more)"
    assert none._repr_html_() == f"<p><b>{none}</b></p>"
    assert none.rows() == []
    assert none.clusters == ()


def test_rows_and_json(found: NearDuplicateReport) -> None:
    content = json.loads(json.dumps(found.to_dict()))
    assert content["pairs"] == found.rows()
    assert content["n_pairs"] == 72
    assert len(content["clusters"]) == 12
    row, pair = found.rows()[0], found.pairs[0]
    assert row == {
        "first": f"{pair.labels[0]}/{pair.paths[0].name}",
        "second": f"{pair.labels[1]}/{pair.paths[1].name}",
        "first_label": pair.labels[0],
        "second_label": pair.labels[1],
        "first_split": pair.splits[0],
        "second_split": pair.splits[1],
        "similarity": pair.similarity,
        "cluster": pair.cluster,
    }


def test_the_cache(data: Datasets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = blocks_model()
    first = find_near_duplicates(model, data, cache_dir=tmp_path / "features")
    monkeypatch.setattr(FeatureExtractor, "_run", None)
    again = find_near_duplicates(model, data, cache_dir=tmp_path / "features")
    assert again.pairs == first.pairs


@pytest.mark.parametrize("similarity", [0, 1, -0.5, "high", True, float("nan")])
def test_a_bad_similarity(data: Datasets, similarity: Any) -> None:
    with pytest.raises(ValueError, match="similarity must be a number above 0 and below 1"):
        find_near_duplicates(blocks_model(), data, similarity=similarity)


def test_a_model_without_a_frozen_backbone(data: Datasets) -> None:
    model = build_model("cnn", image_size=(32, 32))
    with pytest.raises(ValueError, match=r"find_near_duplicates needs a model.*mobilenet_v2\.lin"):
        find_near_duplicates(model, data)


@pytest.mark.slow
@pytest.mark.real_data
def test_two_photos_of_one_dog(tmp_path: Path) -> None:
    """dog.180 and dog.74 are near duplicates; they are found among a hundred other photos."""
    numbers = {*range(50), 74, 180}
    with zipfile.ZipFile(REAL_KERAS_HOME / "datasets/cats_and_dogs_filtered.zip") as archive:
        for kind in ("cat", "dog"):
            for number in numbers:
                name = f"cats_and_dogs_filtered/train/{kind}s/{kind}.{number}.jpg"
                archive.extract(name, tmp_path)
    data = load_datasets(tmp_path / "cats_and_dogs_filtered" / "train")
    keras.utils.set_random_seed(0)
    found = find_near_duplicates(build_model("mobilenet_v2.linear"), data, verbose=0)
    assert [{path.name for path in pair.paths} for pair in found.pairs] == [
        {"dog.180.jpg", "dog.74.jpg"}
    ]
