import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from catdog import load_datasets
from catdog.data.datasets import Datasets, content_hashes
from catdog.typing import SPLITS, Split
from tests.conftest import MakeFolder, write_images


def names(data: Datasets, split: Split) -> list[str]:
    return [path.relative_to(data.report.folder).as_posix() for path in data.paths(split)]


def contents(data: Datasets, split: Split) -> list[str]:
    return sorted(content_hashes(data, split))


@pytest.fixture
def split_file(image_folder: Path, tmp_path: Path) -> Path:
    load_datasets(image_folder, seed=3, test_fraction=0.3).save_split(tmp_path / "split.json")
    return tmp_path / "split.json"


def test_the_same_sets_on_another_machine(
    image_folder: Path, tmp_path: Path, split_file: Path
) -> None:
    first = load_datasets(image_folder, image_size=(8, 8), seed=3, test_fraction=0.3)
    elsewhere = tmp_path / "elsewhere" / "renamed"
    shutil.copytree(image_folder, elsewhere)
    shutil.rmtree(image_folder / "cats")
    second = load_datasets(elsewhere, image_size=(8, 8), split_file=split_file)
    assert second.seed == 3
    for split in SPLITS:
        assert names(first, split) == names(second, split)
        assert first.labels(split).tolist() == second.labels(split).tolist()
    assert len(second.paths("test")) == 6


def test_the_batches_are_the_same_too(image_folder: Path, split_file: Path) -> None:
    def batch(**options: Any) -> Any:
        data = load_datasets(image_folder, image_size=(8, 8), **options)
        return next(iter(data.train))[0].numpy()

    again = batch(split_file=split_file)
    assert np.array_equal(again, batch(seed=3, test_fraction=0.3))
    assert not np.array_equal(again, batch(split_file=split_file, seed=4))


def test_content_of_a_split_file(image_folder: Path, split_file: Path) -> None:
    content = json.loads(split_file.read_text("ascii"))
    assert [content[key] for key in ("format", "version", "seed", "class_names")] == [
        "catdog split",
        1,
        3,
        ["cats", "dogs"],
    ]
    entry = content["train"][0]
    path = image_folder / entry["path"]
    assert entry["class"] == "cats"
    assert entry["bytes"] == path.stat().st_size
    assert len(entry["sha256"]) == 64
    assert sum(len(content[split]) for split in SPLITS) == 20
    assert split_file.stat().st_size < 200 * 20
    assert [path.name for path in split_file.parent.iterdir() if path.name.startswith(".")] == []


def test_a_split_can_be_written_again(image_folder: Path, split_file: Path) -> None:
    before = split_file.read_bytes()
    load_datasets(image_folder, split_file=split_file).save_split(split_file)
    assert split_file.read_bytes() == before


def test_another_split_is_not_overwritten(image_folder: Path, split_file: Path) -> None:
    before = split_file.read_bytes()
    with pytest.raises(
        FileExistsError, match=r"something other than this split.*split_file=\.\.\."
    ):
        load_datasets(image_folder, seed=4).save_split(split_file)
    assert split_file.read_bytes() == before


def test_names_that_are_not_text(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder({"Kätzchen": 5, "犬": 5})
    (folder / "犬" / "image.0.png").rename(folder / "犬" / "\udcff.png")  # no UTF-8
    data = load_datasets(folder)
    data.save_split(tmp_path / "split.json")
    again = load_datasets(folder, split_file=tmp_path / "split.json")
    assert all(again.paths(split) == data.paths(split) for split in SPLITS)


@pytest.mark.slow
def test_a_known_data_set_has_a_split_too(tmp_path: Path) -> None:
    data = load_datasets("synthetic", test_fraction=None, seed=1)
    data.save_split(str(tmp_path / "split.json"))
    again = load_datasets("synthetic", split_file=str(tmp_path / "split.json"))
    assert again.paths("train") == data.paths("train")
    assert again.seed == 1


def test_other_files_are_not_overwritten(image_folder: Path, tmp_path: Path) -> None:
    data = load_datasets(image_folder)
    other = tmp_path / "results.json"
    other.write_text('{"accuracy": 0.9}')
    with pytest.raises(FileExistsError, match=r"results\.json' exists, and.*another name"):
        data.save_split(other)
    assert other.read_text() == '{"accuracy": 0.9}'
    with pytest.raises(FileExistsError):
        data.save_split(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"needs the folder .*nowhere, which.*\. Make it"):
        data.save_split(tmp_path / "nowhere" / "split.json")


def test_new_files_do_not_change_the_sets(image_folder: Path, split_file: Path) -> None:
    before = load_datasets(image_folder, split_file=split_file)
    write_images(image_folder / "cats" / "more", 2)
    with pytest.warns(
        UserWarning,
        match=r'not list 2 images.*more/image\.0\.png, for example.*new_files="train"',
    ):
        after = load_datasets(image_folder, split_file=split_file)
    assert all(before.paths(split) == after.paths(split) for split in SPLITS)


@pytest.mark.filterwarnings("ignore:The folders inside")
def test_new_files_can_be_trained_on(image_folder: Path, split_file: Path) -> None:
    before = load_datasets(image_folder, split_file=split_file)
    write_images(image_folder / "cats" / "more", 2)
    tested = before.paths("test")[0]
    shutil.copy(tested, image_folder / "cats" / "more" / "copy.png")  # never to be trained on
    with pytest.warns(UserWarning, match=r"1 image in .*\n.*copy\.png is a duplicate of an image"):
        after = load_datasets(image_folder, split_file=split_file, new_files="train")
    assert after.paths("test") == before.paths("test")
    assert after.paths("validation") == before.paths("validation")
    new = {path.name for path in set(after.paths("train")) - set(before.paths("train"))}
    assert new == {"image.0.png", "image.1.png"}
    assert list(after.paths("train")) == sorted(after.paths("train"))


def test_a_new_duplicate_of_another_label_does_not_change_the_sets(
    image_folder: Path, split_file: Path
) -> None:
    before = load_datasets(image_folder, split_file=split_file)
    shutil.copy(before.paths("test")[0], image_folder / "dogs" / "cat.png")
    with pytest.raises(ValueError, match=r"1 file of 21 .*\n.*conflicting_labels: dogs/cat\.png"):
        load_datasets(image_folder, split_file=split_file)
    with pytest.warns(UserWarning, match="left out"):
        after = load_datasets(
            image_folder, split_file=split_file, on_bad_image="skip", new_files="train"
        )
    assert all(before.paths(split) == after.paths(split) for split in SPLITS)


def test_new_files_in_a_held_out_folder_are_not_trained_on(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder({f"{split}/{name}": 3 for split in SPLITS[:2] for name in "ab"})
    load_datasets(folder).save_split(tmp_path / "split.json")
    write_images(folder / "validation" / "a" / "more", 1)
    reason = r"1 image in .*\n.*image\.0\.png belongs to the validation set"
    with pytest.warns(UserWarning, match=reason):
        data = load_datasets(folder, split_file=tmp_path / "split.json", new_files="train")
    assert len(data.paths("train")) == 6


def test_missing_and_changed_images_are_named(image_folder: Path, split_file: Path) -> None:
    cats = image_folder / "cats"
    (cats / "image.0.png").unlink()
    Image.new("RGB", (8, 8)).save(cats / "image.1.png")
    (cats / "image.3.png").write_bytes(b"")
    with pytest.raises(ValueError, match="3 images of the split file .* cannot be found") as raised:
        load_datasets(image_folder, split_file=split_file)
    message = str(raised.value)
    assert "cats/image.0.png is missing\n" in message
    assert "cats/image.1.png has changed\n" in message
    assert "cats/image.3.png has changed\n" in message


def test_moved_and_renamed_images_stay_in_their_set(image_folder: Path, split_file: Path) -> None:
    before = load_datasets(image_folder, split_file=split_file)
    (image_folder / "cats" / "more").mkdir()
    for number, path in enumerate((image_folder / "cats").glob("*.png")):
        path.rename(path.parent / "more" / f"felix.{number}.png")
    after = load_datasets(image_folder, split_file=split_file)
    for split in SPLITS:
        assert contents(after, split) == contents(before, split)
        assert after.label_counts(split) == before.label_counts(split)
        assert list(after.paths(split)) == sorted(after.paths(split))


def test_names_written_by_another_system(image_folder: Path, tmp_path: Path) -> None:
    """A Mac may write "é" as two characters where Linux writes one."""
    (image_folder / "cats").rename(image_folder / "caf\xe9")
    path = image_folder / "caf\xe9" / "image.0.png"
    path.rename(path.with_name("\xe9.png"))
    before = load_datasets(image_folder)
    before.save_split(tmp_path / "split.json")
    (image_folder / "caf\xe9" / "\xe9.png").rename(image_folder / "caf\xe9" / "e\u0301.png")
    (image_folder / "caf\xe9").rename(image_folder / "cafe\u0301")
    after = load_datasets(image_folder, split_file=tmp_path / "split.json")
    assert after.class_names == before.class_names
    assert [contents(after, split) for split in SPLITS] == [
        contents(before, split) for split in SPLITS
    ]


def test_a_corrected_label(image_folder: Path, split_file: Path) -> None:
    before = load_datasets(image_folder, split_file=split_file)
    wrong = next(path for path in before.paths("test") if path.parent.name == "cats")
    wrong.rename(image_folder / "dogs" / "was a cat.png")
    with pytest.warns(
        UserWarning,
        match=r"1 image of the split file .*\n  dogs/was a cat\.png was 'cats' and is 'dogs'",
    ) as caught:
        after = load_datasets(image_folder, split_file=split_file)
    assert caught[0].filename == __file__
    assert [contents(after, split) for split in SPLITS] == [
        contents(before, split) for split in SPLITS
    ]
    assert after.label_counts("test") == {"cats": 2, "dogs": 4}


def test_a_set_loses_a_class(image_folder: Path, split_file: Path) -> None:
    before = load_datasets(image_folder, split_file=split_file)
    for path in before.paths("validation"):
        path.rename(image_folder / "dogs" / f"{path.parent.name} {path.name}")
    with pytest.raises(ValueError, match="The validation set .* no image of 'cats' any more"):
        load_datasets(image_folder, split_file=split_file)


def test_a_removed_duplicate_is_named(image_folder: Path, tmp_path: Path) -> None:
    shutil.copy(image_folder / "cats" / "image.0.png", image_folder / "cats" / "twin.png")
    load_datasets(image_folder).save_split(tmp_path / "split.json")
    (image_folder / "cats" / "twin.png").unlink()
    with pytest.raises(ValueError, match=r"twin\.png is missing \(a duplicate is at cats/image\.0"):
        load_datasets(image_folder, split_file=tmp_path / "split.json")


def test_long_lists_are_cut(image_folder: Path, split_file: Path) -> None:
    for path in image_folder.rglob("*.png"):
        path.unlink()
    with pytest.raises(ValueError, match=r"20 images of (.|\n)*is missing\n  ... and 10 more"):
        load_datasets(image_folder, split_file=split_file)


def test_other_classes(make_folder: MakeFolder, split_file: Path) -> None:
    (split_file.parent / "images" / "cats").rename(split_file.parent / "images" / "lions")
    with pytest.raises(ValueError, match="classes 'cats', 'dogs', but .* 'dogs', 'lions'"):
        load_datasets(split_file.parent / "images", split_file=split_file)


def test_fractions_without_effect(image_folder: Path, split_file: Path) -> None:
    with pytest.raises(ValueError, match="test_fraction would have no effect: the split file says"):
        load_datasets(image_folder, split_file=split_file, test_fraction=0.2)


def without(key: str) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        del content[key]

    return change


def set_to(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        content[key] = value

    return change


def leak(content: dict[str, Any]) -> None:
    content["test"].append({**content["train"][0], "path": "cats/copy.png"})


def twice(content: dict[str, Any]) -> None:
    content["train"].append(content["train"][0])


def rename_class(content: dict[str, Any]) -> None:
    content["train"][0]["class"] = "birds"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("format"), "is not a split file"),
        (set_to("version", 2), "is of version 2, but this catdog reads version 1.*wrote it: 0"),
        (without("test"), "is damaged.*'test'"),
        (set_to("test", []), "is damaged.*the test set lacks a class"),
        (set_to("test", None), "is damaged"),
        (set_to("train", [1, 2]), "is damaged"),
        (set_to("seed", "x"), r"is damaged \(seed must be .*, not 'x'\)\. Copy"),
        (set_to("class_names", 3), "is damaged"),
        (leak, "is damaged.*is in the test and the train set"),
        (twice, "is damaged.*is listed twice"),
        (rename_class, "is damaged"),
    ],
)
def test_damaged_files(
    image_folder: Path, split_file: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    content = json.loads(split_file.read_bytes())
    change(content)
    split_file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"split_file='.*split\.json' {message}"):
        load_datasets(image_folder, split_file=split_file)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"[]", b"null"])
def test_files_of_another_kind(image_folder: Path, split_file: Path, content: bytes) -> None:
    split_file.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"split\.json' is (not JSON|not a split file).*save_split"
    ):
        load_datasets(image_folder, split_file=split_file)


def test_a_bad_split_file_is_refused_before_the_scan(
    image_folder: Path, split_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catdog.data.load.scan_layout", lambda layout: pytest.fail("it scanned"))
    split_file.write_text("{}")
    with pytest.raises(ValueError, match="is not a split file"):
        load_datasets(image_folder, split_file=split_file)
    with pytest.raises(FileNotFoundError, match="is not a file"):
        load_datasets(image_folder, split_file=image_folder)
    for value in (5, ""):
        with pytest.raises(TypeError, match="split_file must be a path, such as 'split.json', not"):
            load_datasets(image_folder, split_file=value)  # type: ignore[arg-type]


def test_paths_that_are_none(image_folder: Path) -> None:
    data = load_datasets(image_folder)
    for value in (3, None, b"x", ""):
        with pytest.raises(TypeError, match="path must be a path, such as 'split.json', not"):
            data.save_split(value)  # type: ignore[arg-type]


def test_a_long_name(image_folder: Path, tmp_path: Path) -> None:
    data = load_datasets(image_folder)
    data.save_split(tmp_path / ("s" * 255))
    again = load_datasets(image_folder, split_file=tmp_path / ("s" * 255))
    assert again.paths("test") == data.paths("test")


def test_no_file(image_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.json' does not exist.*save_split"):
        load_datasets(image_folder, split_file=tmp_path / "nothing.json")


def test_a_training_image_in_the_test_folder(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder({f"{split}/{name}": 3 for split in SPLITS for name in "ab"})
    data = load_datasets(folder)
    data.save_split(tmp_path / "split.json")
    data.paths("train")[0].rename(folder / "test" / "a" / "moved.png")
    with pytest.warns(
        UserWarning,
        match=r"1 image of the split file would be in another set by its folder\. The .*\n"
        r"  test/a/moved\.png is in the train set, and now for test",
    ):
        again = load_datasets(folder, split_file=tmp_path / "split.json")
    assert contents(again, "train") == contents(data, "train")


def test_a_test_image_in_the_training_folder(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder({f"{split}/{name}": 4 for split in SPLITS[::2] for name in "ab"})
    data = load_datasets(folder)
    data.save_split(tmp_path / "split.json")
    load_datasets(folder, split_file=tmp_path / "split.json")  # validation is a part of train/
    data.paths("test")[0].rename(folder / "train" / "a" / "moved.png")
    with pytest.warns(
        UserWarning,
        match=r"by its folder\. .*\n  .*moved\.png is in the test set, and now for train",
    ):
        load_datasets(folder, split_file=tmp_path / "split.json")


def test_a_split_cell_of_a_table_changed(image_folder: Path, tmp_path: Path) -> None:
    rows = [
        {"file": path.relative_to(image_folder).as_posix(), "label": path.parent.name,
         "split": SPLITS[number % 3]}
        for number, path in enumerate(sorted(image_folder.rglob("*.png")))
    ]  # fmt: skip
    load_datasets(image_folder, labels=rows).save_split(tmp_path / "split.json")
    rows[0]["split"], rows[2]["split"] = "test", "train"
    with pytest.warns(UserWarning, match="another set") as caught:
        load_datasets(image_folder, labels=rows, split_file=tmp_path / "split.json")
    assert str(caught[0].message) == (
        "2 images of the split file would be in another set by the table. The split file decides:\n"
        "  cats/image.0.png is in the train set, and now for test\n"
        "  cats/image.2.png is in the test set, and now for train"
    )


def test_images_that_the_table_does_not_list(image_folder: Path, tmp_path: Path) -> None:
    rows = [
        {"file": path.relative_to(image_folder).as_posix(), "label": path.parent.name}
        for path in sorted(image_folder.rglob("*.png"))
    ]
    load_datasets(image_folder, labels=rows).save_split(tmp_path / "split.json")
    message = r"cannot be .*:\n  cats/image\.0\.png is not in the table\n"
    with (
        pytest.raises(ValueError, match=message + r"Add them to the table, or make a new split\.$"),
        pytest.warns(UserWarning, match="not in the table"),
    ):
        load_datasets(image_folder, labels=rows[1:], split_file=tmp_path / "split.json")
    (image_folder / rows[1]["file"]).write_bytes(b"x")
    with (
        pytest.raises(ValueError, match=message + r".* has changed\nBring them back, or make"),
        pytest.warns(UserWarning, match="not in the table"),
    ):
        load_datasets(image_folder, labels=rows[1:], split_file=tmp_path / "split.json")


def test_a_copy_of_an_image_in_another_class(image_folder: Path, tmp_path: Path) -> None:
    """Only one of the two was moved, so it is not clear what they show."""
    file = tmp_path / "split.json"
    first = image_folder / "cats/image.0.png"
    shutil.copy(first, image_folder / "cats/copy.png")
    load_datasets(image_folder, validation_fraction=0.3, test_fraction=0.3).save_split(file)
    (image_folder / "cats/copy.png").rename(image_folder / "dogs/copy.png")
    with pytest.raises(ValueError, match="same content and different .*dogs/copy.png .*cats/image"):
        load_datasets(image_folder, split_file=file)
    first.rename(image_folder / "dogs/other.png")
    with pytest.warns(UserWarning, match="2 images of the split file changed the class"):
        load_datasets(image_folder, split_file=file)


def test_a_group_in_two_sets(image_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "split.json"
    load_datasets(image_folder, group_by=r"image\.(\d)").save_split(file)
    load_datasets(image_folder, split_file=file)  # no warning
    split = json.loads(file.read_text())
    moved = split["test"].pop(0)
    split["train"].append(moved)
    file.write_text(json.dumps(split))
    listed = rf"By the split file, .*{moved['group']} \(train, test\).*Make a new split\.$"
    with pytest.warns(UserWarning, match=listed):
        load_datasets(image_folder, split_file=file)


def test_new_files_are_checked_as_without_a_split_file(
    image_folder: Path, split_file: Path
) -> None:
    data = load_datasets(image_folder, split_file=split_file)
    for path in data.paths("test"):
        with Image.open(path) as image:
            image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
                path.with_name(f"{path.stem}_flipLR.png")
            )
    with pytest.warns(UserWarning, match="images have the name of another image and one part"):
        load_datasets(image_folder, split_file=split_file, new_files="train")
    write_images(image_folder / "cats" / "masks", 2)
    with pytest.raises(ValueError, match="hold no images of a class, but masks"):
        load_datasets(image_folder, split_file=split_file, new_files="train")
