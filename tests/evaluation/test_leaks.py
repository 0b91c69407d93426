import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catdog import (
    Datasets,
    LeakReport,
    build_model,
    check_leaks,
    find_near_duplicates,
    load_datasets,
    train_head,
)
from catdog.evaluation import leaks
from catdog.evaluation.held_out import held_out_levels
from catdog.evaluation.leak_report import HeldOutLevel, SimilarityBin
from catdog.evaluation.metrics import wilson_interval
from catdog.training.features import FeatureExtractor
from tests.bursts import SIZE, blocks_model, write_videos

BY_VIDEO = r"(video\d+)_"
pytestmark = pytest.mark.filterwarnings("ignore:Neighbours by name")  # these are bursts


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty videos of six frames, whose classes mean nothing."""
    return write_videos(tmp_path_factory.mktemp("videos"), videos=40, frames=6)


@pytest.fixture(scope="module")
def split_at_random(videos: Path) -> LeakReport:
    return check_leaks(
        blocks_model(), load_datasets(videos, image_size=SIZE, near_duplicates="ignore"), verbose=0
    )


@pytest.fixture(scope="module")
def split_by_video(videos: Path) -> LeakReport:
    data = load_datasets(videos, image_size=SIZE, near_duplicates="ignore", group_by=BY_VIDEO)
    return check_leaks(blocks_model(), data, verbose=0)


def level(report: LeakReport, name: str | float) -> HeldOutLevel:
    (found,) = (each for each in report.levels if name in (each.held_out, each.similarity))
    return found


def test_a_random_split_of_videos_is_named(split_at_random: LeakReport) -> None:
    files, clusters = level(split_at_random, "files"), level(split_at_random, 0.8)
    assert (files.clusters, files.largest, files.n) == (240, 1, 240)
    assert (clusters.clusters, clusters.largest, clusters.n) == (40, 6, 240)
    assert files.accuracy is not None
    assert files.accuracy > 0.9
    assert clusters.interval is not None
    assert clusters.interval[0] < 0.6  # the classes were tossed by a coin
    assert split_at_random.drop is clusters
    (warning,) = split_at_random.warnings
    assert warning.startswith("With files held out, ")
    assert "group_by" in warning
    assert "no proof" in warning
    near, others = split_at_random.near_duplicates[1], split_at_random.others[1]
    assert near > 40  # the noise of a frame may be too much for its nearest
    assert near + others == 48


def test_a_split_by_video_is_not(split_by_video: LeakReport) -> None:
    files, groups = level(split_by_video, "files"), level(split_by_video, "groups")
    assert files.accuracy is not None
    assert groups.interval is not None
    assert files.accuracy > 0.9
    assert groups.interval[0] < 0.6
    assert (groups.clusters, groups.largest) == (40, 6)
    assert split_by_video.drop is None
    assert split_by_video.warnings == ()
    assert split_by_video.near_duplicates == (0, 0)
    assert "That is no proof" in str(split_by_video)


def test_a_split_that_keeps_near_duplicates_together_is_compared_with_itself(
    videos: Path,
) -> None:
    data = load_datasets(videos, image_size=SIZE)
    report = check_leaks(blocks_model(), data, verbose=0)
    base = level(report, "near duplicates")
    assert base.accuracy is not None
    assert base.accuracy < 0.7
    assert (base.clusters, base.largest) == (40, 6)
    assert report.drop is None
    assert report.near_duplicates == (0, 0)


def test_images_on_their_own_give_no_warning(tmp_path: Path) -> None:
    folder = write_videos(tmp_path, videos=120, frames=1, by_coin=False)
    data = load_datasets(folder, image_size=SIZE, near_duplicates="ignore")
    model = blocks_model()
    train_head(model, data, epochs=30, verbose=0)
    report = check_leaks(model, data, verbose=0)
    assert report.warnings == ()
    assert report.near_duplicates == (0, 0)
    assert sum(each.n for each in report.bins) == 24
    assert sum(each.right for each in report.bins) > 20
    assert level(report, "files").clusters == level(report, 0.8).clusters == 120


def test_only_the_test_set_counts_as_a_test_evaluation(videos: Path) -> None:
    data = load_datasets(videos, image_size=SIZE, near_duplicates="ignore")
    report = check_leaks(blocks_model(), data, split="validation", verbose=0)
    assert data.test_evaluations == 0
    assert report.split == "validation"
    assert report.n_available == len(data.paths("train")) + len(data.paths("validation"))
    check_leaks(blocks_model(), data, verbose=0)
    assert data.test_evaluations == 1


def test_more_images_than_can_be_clustered(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "MAX_CLUSTERED", 100)
    data = load_datasets(videos, image_size=SIZE, near_duplicates="ignore", group_by=BY_VIDEO)
    report = check_leaks(blocks_model(), data, verbose=0)
    assert {each.n for each in report.levels} == {100}
    assert "a random sample of 100 of 240 images, cross-validated" in str(report)
    again = check_leaks(blocks_model(), data, verbose=0)
    assert again.levels == report.levels


def test_a_random_sample_has_all_of_a_small_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_videos(tmp_path, videos=40, frames=6)
    small, *others = sorted(path for path in folder.iterdir() if path.is_dir())
    for path in sorted(small.iterdir())[12:]:
        path.rename(others[0] / f"{small.name}{path.name}")
    data = load_datasets(folder, image_size=SIZE, near_duplicates="ignore")
    monkeypatch.setattr(leaks, "MAX_CLUSTERED", 30)
    for seed in range(3):
        report = check_leaks(blocks_model(), data, seed=seed, verbose=0)
        assert {each.n for each in report.levels} == {30}
    monkeypatch.setattr(leaks, "MAX_CLUSTERED", 9)
    with pytest.raises(ValueError, match="at most 9 images, 5 of each class, and there are 2 cl"):
        check_leaks(blocks_model(), data, verbose=0)


def test_clusters_that_do_not_fit_in_a_fold_are_left_out(tmp_path: Path) -> None:
    folder = write_videos(tmp_path, videos=6, frames=8)
    report = check_leaks(
        blocks_model(), load_datasets(folder, image_size=SIZE, near_duplicates="ignore"), verbose=0
    )
    assert [each.right is None for each in report.levels] == [False] + 5 * [True]
    assert level(report, 0.8).to_dict()["accuracy"] is None
    assert report.drop is None
    (warning,) = report.warnings
    assert warning.startswith("One cluster of near duplicates has 8 images: more than a fifth")
    assert "left out  clusters do not fit in folds" in str(report)
    grouped = load_datasets(folder, image_size=SIZE, near_duplicates="ignore", group_by=BY_VIDEO)
    assert check_leaks(blocks_model(), grouped, verbose=0).warnings == ()


def test_duplicates_are_held_out_together(tmp_path: Path) -> None:
    folder = write_videos(tmp_path, videos=12, frames=1)
    for path in list(folder.rglob("*.png")):
        for number in range(3):
            (path.parent / f"again{number}_{path.name}").write_bytes(path.read_bytes())
    data = load_datasets(folder, image_size=SIZE, near_duplicates="ignore")
    files = level(check_leaks(blocks_model(), data, verbose=0), "files")
    assert (files.clusters, files.largest, files.n) == (12, 4, 48)


def test_the_model_is_evaluated_as_by_its_head(videos: Path) -> None:
    data = load_datasets(videos, image_size=SIZE, near_duplicates="ignore")
    model = blocks_model()
    model.layers[-1].set_weights([np.zeros((400, 2)), np.array([1.0, -1.0])])
    report = check_leaks(model, data, verbose=0)
    assert sum(each.right for each in report.bins) == data.label_counts("test")["heads"]
    assert report.near_duplicates[0] == data.label_counts("test")["heads"]


def made(bins: list[SimilarityBin]) -> LeakReport:
    files = HeldOutLevel("files", None, 100, 100, 1, 95, 0.0, 100.0, 0, 0)
    clusters = HeldOutLevel("clusters", 0.8, 100, 90, 2, 94, -0.01, 83.0, 1, 0)
    return LeakReport("test", tuple(bins), (files, clusters), 100, 0.8)


def test_images_without_a_near_duplicate_that_do_worse() -> None:
    report = made([SimilarityBin(0.5, 0.6, 100, 80), SimilarityBin(0.8, 1.0, 100, 99)])
    (warning,) = report.warnings
    assert warning.startswith(
        "99 of the 100 images with a near duplicate in the training set are right (99.0%), but "
        "only 80 of the other 100: 80.0% (71.1% to 86.7%; p < 0.001 in Fisher's exact test). "
    )
    assert "Trust the second figure." in warning
    assert str(report).startswith("100 of 200 test images have a near duplicate among the training")
    better = made([SimilarityBin(0.5, 0.6, 100, 99), SimilarityBin(0.8, 1.0, 100, 80)])
    close = made([SimilarityBin(0.5, 0.6, 100, 95), SimilarityBin(0.8, 1.0, 100, 99)])
    alone = made([SimilarityBin(0.8, 1.0, 1, 1)])
    assert better.warnings == close.warnings == alone.warnings == ()
    assert str(alone).startswith("1 of 1 test image has a near duplicate among the training")


def test_a_small_drop_is_compared_by_the_number_of_levels() -> None:
    files = HeldOutLevel("files", None, 100, 100, 1, 95, 0.0, 100.0, 0, 0)
    low = HeldOutLevel("clusters", 0.8, 100, 90, 2, 88, -0.07, 83.0, 7, 0)
    level_ = HeldOutLevel("clusters", 0.7, 100, 80, 2, 95, 0.0, 71.0, 1, 1)
    assert low.p_value == pytest.approx(2 / 2**7)
    bins = (SimilarityBin(-1.0, 0.4, 10, 9),)
    assert LeakReport("test", bins, (files, low), 100, 0.8).drop is low
    assert LeakReport("test", bins, (files, low, *[level_] * 2), 100, 0.8).drop is low
    assert LeakReport("test", bins, (files, low, *[level_] * 3), 100, 0.8).drop is None


def test_a_drop_of_less_than_a_point_matters_to_nobody() -> None:
    files = HeldOutLevel("files", None, 3000, 2970, 1, 2900, 0.0, 3000.0, 0, 0)
    bins = (SimilarityBin(-1.0, 0.4, 10, 9),)
    for worse, is_warned in ((29, False), (30, True)):
        right, drop = 2970 - worse, -worse / 3000
        low = HeldOutLevel("clusters", 0.8, 3000, right, 2, 2900, drop, 3000.0, worse, 0)
        assert low.p_value == pytest.approx(0, abs=1e-6)
        assert (LeakReport("test", bins, (files, low), 3000, 0.8).drop is low) == is_warned


def test_the_test_is_called_by_its_name() -> None:
    files = HeldOutLevel("files", None, 100, 100, 1, 95, 0.0, 100.0, 0, 0)
    groups = HeldOutLevel("groups", None, 100, 50, 2, 95, 0.0, 50.0, 0, 0)
    low = HeldOutLevel("clusters", 0.8, 100, 40, 4, 80, -0.15, 30.0, 15, 0)
    bins = (SimilarityBin(-1.0, 0.4, 10, 9),)
    (by_files,) = LeakReport("test", bins, (files, low), 100, 0.8).warnings
    (by_groups,) = LeakReport("test", bins, (files, groups, low), 100, 0.8).warnings
    assert "in McNemar's test)" in by_files
    assert "in a sign test over the groups)" in by_groups


def test_intervals_count_uneven_clusters() -> None:
    """40 images: a group of 8, and 32 on their own."""
    vectors = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    labels = np.tile([0, 1], 20).astype(np.int32)
    together = {"groups": [*([0] * 8), *range(1, 33)]}
    levels = list(held_out_levels(vectors, labels, range(40), together, limit=0.99, seed=0))
    groups = levels[1]
    assert groups.effective_n == pytest.approx(40**2 / (8**2 + 32))
    assert groups.right is not None
    assert groups.effective_n is not None
    assert groups.interval == pytest.approx(
        wilson_interval(groups.right * groups.effective_n / 40, groups.effective_n)
    )
    assert groups.interval != pytest.approx(wilson_interval(groups.right, 40))
    assert levels[0].interval == wilson_interval(levels[0].right or 0, 40)


def test_a_backbone_that_makes_all_images_similar(tmp_path: Path) -> None:
    """Few features: at a similarity of 0.8, most images would have a near duplicate."""
    model = blocks_model(features=8)
    folder = write_videos(tmp_path, videos=200, frames=1)
    data = load_datasets(folder, image_size=SIZE, near_duplicates="ignore")
    report = check_leaks(model, data, verbose=0)
    assert report.similarity > 0.9
    assert report.near_duplicates[1] <= 4  # of 40
    assert report.warnings == ()
    assert report.to_dict()["similarity"] == report.similarity
    assert [each.similarity for each in report.levels][1] == report.similarity
    found = find_near_duplicates(model, data, verbose=0)
    assert found.similarity == report.similarity
    fixed = find_near_duplicates(model, data, similarity=0.8, verbose=0)
    assert fixed.n_pairs > 10 * max(found.n_pairs, 10)


def test_a_backbone_that_returns_zeros(videos: Path) -> None:
    data = load_datasets(videos, image_size=SIZE, near_duplicates="ignore")
    model = blocks_model()
    base = model.layers[0]
    base.set_weights([np.zeros_like(each) for each in base.get_weights()])
    for check in (check_leaks, find_near_duplicates):
        with pytest.raises(ValueError, match="same values for every image.*another pretrained"):
            check(model, data, verbose=0)
    assert data.test_evaluations == 0


def test_printed_tables(split_at_random: LeakReport) -> None:
    lines = str(split_at_random).splitlines()
    near = split_at_random.near_duplicates[1]
    assert lines[0] == f"{near} of 48 test images have a near duplicate among the training images"
    assert lines[2].split() == ["similarity", "images", "right", "accuracy", "interval"]
    assert "  240 images, cross-validated with whole clusters held out" in lines
    begin = [line.split()[0] for line in lines].index("files")
    assert [line.split()[0] for line in lines[begin : begin + 3]] == ["files", "0.80", "0.70"]
    assert max(map(len, lines)) <= 100
    html = split_at_random._repr_html_()
    assert html.count("<table>") == 2
    assert "With files held out" in html
    assert repr(split_at_random) == f"<LeakReport: {lines[0]}>"


def test_json(split_at_random: LeakReport) -> None:
    content = json.loads(json.dumps(split_at_random.to_dict()))
    assert content["split"] == "test"
    assert content["near_duplicates"] == list(split_at_random.near_duplicates)
    assert [each["similarity"] for each in content["levels"]] == [None, 0.8, 0.7, 0.6, 0.5, 0.4]
    assert content["levels"][1]["p_value"] < 0.001
    assert content["bins"][0]["interval"] == list(split_at_random.bins[0].interval)
    assert content["warnings"] == list(split_at_random.warnings)


def test_the_cache(videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = load_datasets(videos, image_size=SIZE, near_duplicates="ignore")
    model = blocks_model()
    first = check_leaks(model, data, cache_dir=tmp_path)
    monkeypatch.setattr(FeatureExtractor, "_run", None)
    assert check_leaks(model, data, cache_dir=tmp_path).to_dict() == first.to_dict()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "train"}, 'split must be "test" or "validation"'),
        ({"split": "all"}, "split='all' is not known"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_arguments(videos: Path, options: dict[str, Any], message: str) -> None:
    data: Datasets = load_datasets(videos, image_size=SIZE, near_duplicates="ignore")
    with pytest.raises(ValueError, match=message):
        check_leaks(blocks_model(), data, **options)


def test_too_few_images_for_the_folds(tmp_path: Path) -> None:
    data = load_datasets(
        write_videos(tmp_path, videos=8, frames=1), image_size=SIZE, near_duplicates="ignore"
    )
    with pytest.raises(ValueError, match="check_leaks makes 5 folds, and a class has fewer"):
        check_leaks(blocks_model(), data)
    assert data.test_evaluations == 0


def test_a_model_without_a_frozen_backbone(videos: Path) -> None:
    data = load_datasets(videos, image_size=SIZE, near_duplicates="ignore")
    with pytest.raises(ValueError, match=r"check_leaks needs a model that begins with a frozen"):
        check_leaks(build_model("cnn", image_size=(32, 32)), data)
