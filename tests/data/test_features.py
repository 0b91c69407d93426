"""Extracted features: their split, their files, and files put together."""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from catdog import Features, load_datasets, load_features
from catdog._utils.errors import UsageWarning
from catdog.data import features_file
from catdog.data.features import take
from catdog.typing import SPLITS
from tests.conftest import MakeFolder

SUFFIXES = [
    ".npz",
    pytest.param(
        ".parquet",
        marks=pytest.mark.skipif(
            "not __import__('importlib.util').util.find_spec('pyarrow')",
            reason="pyarrow is not installed",
        ),
    ),
]


def features_of(count: int, *, labelled: bool = True, shape: tuple[int, ...] = (4,)) -> Features:
    rng = np.random.default_rng(count)
    return Features(
        values=rng.normal(size=(count, *shape)).astype(np.float32),
        paths=tuple(f"images/{'cats' if i % 2 else 'dogs'}/é{i:02}.png" for i in range(count)),
        sha256=tuple(f"{i:064x}" for i in range(count)),
        labels=np.arange(1, count + 1, dtype=np.int32) % 2 if labelled else None,
        class_names=("cats", "dogs") if labelled else (),
        splits=None,
        errors={"images/bad.png": "it is damaged"},
        backbone="f" * 64,
        image_size=(24, 32),
        versions={"catdog": "1", "keras": "3"},
    )


def assert_same(one: Features, two: Features) -> None:
    for field in fields(Features):
        given, expected = getattr(one, field.name), getattr(two, field.name)
        if field.name in ("values", "labels"):
            np.testing.assert_array_equal(given, expected)
            assert given is None or given.dtype == expected.dtype
        else:
            assert given == expected, field.name


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "features",
    [
        features_of(20),
        features_of(20).split(seed=3),
        features_of(5, labelled=False),
        features_of(4, shape=(2, 2, 3)),
        take(features_of(4, labelled=False), []),
    ],
    ids=["labels", "splits", "plain", "maps", "none"],
)
def test_a_file_holds_everything(features: Features, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"features{suffix}"
    features.save(path)
    assert_same(load_features(path), features)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_damaged_file_is_trusted(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"features{suffix}"
    features_of(20).save(path)
    content = path.read_bytes()
    for end in [0, 1, 10, len(content) // 2, len(content) - 1]:
        path.write_bytes(content[:end])
        with pytest.raises(ValueError, match=r"cannot be used: .*Extract the features again"):
            load_features(path)
    rng = np.random.default_rng(0)
    for position in rng.choice(len(content), 100, replace=False).tolist():
        path.write_bytes(
            content[:position] + bytes([content[position] ^ 255]) + content[position + 1 :]
        )
        with suppress(ValueError):  # a byte such as one of the time of writing changes nothing
            assert_same(load_features(path), features_of(20))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_changed_content_is_seen(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features_file, "_digest", lambda features: "0" * 64)
    features_of(4).save(tmp_path / f"features{suffix}")
    monkeypatch.undo()
    with pytest.raises(ValueError, match="its content does not match its digest"):
        load_features(tmp_path / f"features{suffix}")


def test_other_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(tmp_path / "pickle.npz", header=np.array([{}], object), allow_pickle=True)
    for name in ("other.npz", "pickle.npz"):
        with pytest.raises(ValueError, match=f"The file .*{name} cannot be used"):
            load_features(tmp_path / name)
    with pytest.raises(ValueError, match=r"must end in \.npz or \.parquet"):
        load_features(tmp_path / "features.h5")
    with pytest.raises(ValueError, match=r"must end in \.npz or \.parquet"):
        features_of(3).save(tmp_path / "features")
    with pytest.raises(FileNotFoundError, match="does not exist, or is no file"):
        load_features(tmp_path / "missing.npz")
    with pytest.raises(FileNotFoundError, match="needs the folder"):
        features_of(3).save(tmp_path / "missing" / "features.npz")
    with pytest.raises(TypeError, match="must be a path"):
        load_features(3)  # type: ignore[arg-type]
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no file of features"):
        load_features(tmp_path / "empty")


def test_parquet_needs_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'need one more package .* pip install "\.\[ray\]"'):
        features_of(3).save(tmp_path / "features.parquet")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "features.parquet").touch()
    with pytest.raises(ImportError, match="need one more package"):
        load_features(tmp_path / "features.parquet")


def test_a_write_that_fails_leaves_the_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "features.npz"
    features_of(3).save(path)

    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="the disk is full"):
        features_of(5).save(path)
    assert len(load_features(path)) == 3
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_of_files_is_put_together(tmp_path: Path) -> None:
    whole = features_of(20)
    for name, rows in {"b": range(9, 20), "a": range(12), "c": []}.items():
        take(whole, rows).save(tmp_path / f"{name}.npz")
    replace(take(whole, [3]), errors={whole.paths[5]: "for a moment"}).save(tmp_path / "d.npz")
    found = load_features(tmp_path)
    in_order = take(whole, sorted(range(20), key=lambda row: whole.paths[row]))
    assert_same(found, in_order)
    assert len(load_features([tmp_path / "a.npz", str(tmp_path / "c.npz")])) == 12
    with pytest.raises(FileNotFoundError, match="holds no file of features"):
        load_features([])


def test_classes_of_files_are_put_together(tmp_path: Path) -> None:
    whole = features_of(20)
    assert whole.labels is not None
    for name, label in (("cats", 0), ("dogs", 1)):
        part = take(whole, np.flatnonzero(whole.labels == label).tolist())
        none = np.zeros(len(part), np.int32)
        replace(part, labels=none, class_names=(name,)).save(tmp_path / f"{name}.npz")
    found = load_features(tmp_path)
    assert found.class_names == ("cats", "dogs")
    assert found.labels is not None
    assert [found.class_names[label] for label in found.labels] == [
        Path(path).parent.name for path in found.paths
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda f: replace(f, backbone="0" * 64), "different backbones"),
        (lambda f: replace(f, image_size=(32, 24)), "different backbones or image sizes"),
        (lambda f: replace(f, values=f.values[:, :2]), "different backbones"),
        (lambda f: replace(f, labels=None, class_names=()), "has no labels, but others have"),
        (lambda f: replace(f, sha256=f.sha256[::-1]), "features of two versions of the image"),
    ],
)
def test_files_that_do_not_fit_are_refused(
    change: Callable[[Features], Features], problem: str, tmp_path: Path
) -> None:
    features_of(4).save(tmp_path / "a.npz")
    change(features_of(4)).save(tmp_path / "b.npz")
    with pytest.raises(ValueError, match=problem):
        load_features(tmp_path)


@pytest.mark.filterwarnings("ignore:The folders inside")
@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("fractions", [{}, {"validation_fraction": 0.3, "test_fraction": 0.1}])
def test_the_split_is_that_of_load_datasets(
    make_folder: MakeFolder, seed: int, fractions: dict[str, float]
) -> None:
    folder = make_folder({"cats": 13, "dogs": 5, "dogs/more": 9})
    for name in ("image.1.png", "image.2.png"):
        (folder / "cats" / f"copy {name}").write_bytes((folder / "cats" / name).read_bytes())
    data = load_datasets(folder, seed=seed, near_duplicates="ignore", **fractions)  # type: ignore[arg-type]
    images = [image for split in SPLITS for image in data._images[split]]
    order = np.random.default_rng(1).permutation(len(images)).tolist()
    features = replace(
        features_of(len(images)),
        paths=tuple(str(images[i].path) for i in order),
        sha256=tuple(images[i].sha256 for i in order),
        labels=np.array([images[i].label for i in order], np.int32),
    )
    found = features.split(seed=seed, **fractions)
    assert found.splits is not None
    assert found.seed == seed
    for split in SPLITS:
        paths = [path for path, own in zip(found.paths, found.splits, strict=True) if own == split]
        assert paths == [str(path) for path in data.paths(split)]
    assert sorted(map(tuple, found.values.tolist())) == sorted(map(tuple, features.values.tolist()))


def test_an_image_in_two_classes_is_in_no_set() -> None:
    features = features_of(20)
    contents = [features.sha256[0], features.sha256[0], *features.sha256[2:]]
    with pytest.warns(UsageWarning, match="2 files with one image in several classes, in no set"):
        found = replace(features, sha256=tuple(contents)).split()
    assert found.splits is not None
    none = {path for path, split in zip(found.paths, found.splits, strict=True) if split is None}
    assert none == set(features.paths[:2])
    assert sum(found.to_dict()["splits"].values()) == 18


def test_a_split_needs_labels_and_images() -> None:
    with pytest.raises(ValueError, match="features have no labels of at least two classes"):
        features_of(5, labelled=False).split()
    with pytest.raises(ValueError, match="leave nothing to train on"):
        features_of(20).split(validation_fraction=0.5, test_fraction=0.5)
    with pytest.raises(ValueError, match="Each class needs an image for each of"):
        features_of(4).split()


def test_features_print_their_counts() -> None:
    features = features_of(20)
    assert repr(features) == "<Features: 20 images of 24 x 32 pixels, 4 features each>"
    lines = str(features).splitlines()
    assert lines[1].split() == ["images", "20", "(cats", "10,", "dogs", "10)"]
    assert lines[2:] == [
        "  not split: features.split(seed=0)",
        "  1 image cannot be read: features.errors",
    ]
    assert "no labels" in str(features_of(3, labelled=False))
    assert str(features.split()).splitlines()[1].startswith("  train ")
    assert "<li>not split" in features._repr_html_()
    assert features.to_dict()["errors"] == {"images/bad.png": "it is damaged"}


@pytest.mark.parametrize("change", ["split", "label"])
def test_files_that_were_split_apart(tmp_path: Path, change: str) -> None:
    """One image is in two files by other paths, in other sets or classes."""
    splits = tuple(SPLITS[row % 3] for row in range(12))
    whole = replace(features_of(12), splits=splits)
    other = replace(take(whole, range(6)), paths=tuple(f"other/{n}.png" for n in range(6)))
    whole.save(tmp_path / "a.npz")
    other.save(tmp_path / "b.npz")
    assert load_features(tmp_path).splits is not None  # they agree
    assert other.labels is not None
    changes = {"split": {"splits": splits[1:7]}, "label": {"labels": 1 - other.labels}}
    replace(other, **changes[change]).save(tmp_path / "b.npz")  # type: ignore[arg-type]
    with pytest.warns(UsageWarning, match="12 files with an image that is in several sets or"):
        assert load_features(tmp_path).splits is None


def test_files_of_which_some_are_split(tmp_path: Path) -> None:
    whole = features_of(12)
    take(whole, range(6)).save(tmp_path / "a.npz")
    replace(take(whole, range(6, 12)), splits=SPLITS * 2).save(tmp_path / "b.npz")
    with pytest.warns(UsageWarning, match=r"Only some of the files are split \(b\.npz\)\. The"):
        assert load_features(tmp_path).splits is None


def test_no_memory_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features_of(3).save(tmp_path / "features.npz")

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(np, "load", fail)
    with pytest.raises(MemoryError):
        load_features(tmp_path / "features.npz")
