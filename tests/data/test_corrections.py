"""`corrections` of `load_datasets` and `scan_images`, and `save_corrections`."""

import json
import shutil
import stat
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from catdog import Datasets, load_datasets, save_corrections, scan_images
from catdog.data.datasets import content_hashes
from catdog.matching import record_split, record_training
from catdog.models.metadata import get_metadata, metadata_from_json, metadata_to_json
from catdog.typing import SPLITS
from tests.conftest import MakeFolder, make_colour_model, write_images

OTHER = {"cats": "dogs", "dogs": "cats"}


def entry(path: Path, decision: str | None, **more: Any) -> dict[str, Any]:
    """Return an entry as a user writes it."""
    kind = {"leave_out": True} if decision is None else {"label": decision}
    return {"sha256": sha256(path.read_bytes()).hexdigest(), **kind, **more}


def write(path: Path, *entries: Any, **head: Any) -> Path:
    about = {"format": "catdog corrections", "version": 1, "corrections": entries}
    path.write_text(json.dumps({**about, **head}))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of ten images each."""
    for name in OTHER:
        write_images(tmp_path / "pets" / name, 10, size=32)
    return tmp_path / "pets"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "corrections.json"


def places(data: Datasets) -> dict[str, tuple[str, str]]:
    """Return set and class of each file."""
    return {
        path.relative_to(data.report.folder).as_posix(): (split, data.class_names[label])
        for split in SPLITS
        for path, label in zip(data.paths(split), data.labels(split), strict=True)
    }


def test_another_label_and_leave_out(folder: Path, file: Path) -> None:
    before = places(load_datasets(folder))
    kept = {path: path.read_bytes() for path in folder.rglob("*.png")}
    write(
        file,
        entry(folder / "cats/image.3.png", "dogs", file="cats/image.3.png", note="see the snout"),
        entry(folder / "dogs/image.5.png", None),
    )
    data = load_datasets(folder, corrections=file)
    after = places(data)
    assert before.pop("dogs/image.5.png")
    before["cats/image.3.png"] = (before["cats/image.3.png"][0], "dogs")
    assert after == before
    assert [(item.path.name, item.reason, item.detail) for item in data.report.findings] == [
        ("image.3.png", "corrected", "'cats' before, 'dogs' now"),
        ("image.5.png", "left_out", ""),
    ]
    assert "  corrections: 1 file corrected, 1 file left out\n" in f"{data}\n"
    assert data.report.label_counts() == {"cats": 9, "dogs": 10}
    assert kept == {path: path.read_bytes() for path in folder.rglob("*.png")}
    assert scan_images(folder, corrections=file).rows() == data.report.rows()


def test_a_decision_holds_for_moved_and_renamed_images(folder: Path, file: Path) -> None:
    write(file, entry(folder / "cats/image.3.png", "dogs"))
    (folder / "cats/image.3.png").rename(folder / "cats/other.png")
    after = places(load_datasets(folder, corrections=file))
    assert after["cats/other.png"][1] == "dogs"


def test_a_decision_with_the_label_of_the_folder(folder: Path, file: Path) -> None:
    before = load_datasets(folder)
    write(file, entry(folder / "cats/image.3.png", "cats"))
    data = load_datasets(folder, corrections=file)
    assert places(data) == places(before)
    assert data.report.findings == ()


def test_duplicates_follow(folder: Path, file: Path) -> None:
    shutil.copy(folder / "cats/image.3.png", folder / "cats/copy.png")
    write(file, entry(folder / "cats/image.3.png", "dogs"))
    after = places(load_datasets(folder, corrections=file, seed=1))
    assert after["cats/copy.png"] == after["cats/image.3.png"]
    assert after["cats/copy.png"][1] == "dogs"
    write(file, entry(folder / "cats/image.3.png", None))
    after = places(load_datasets(folder, corrections=file, seed=1))
    assert not {"cats/copy.png", "cats/image.3.png"} & after.keys()


def test_settled_conflicts_are_no_longer_bad(folder: Path, file: Path) -> None:
    shutil.copy(folder / "cats/image.3.png", folder / "dogs/copy.png")
    with pytest.raises(ValueError, match="conflicting_labels"):
        load_datasets(folder)
    write(file, entry(folder / "cats/image.3.png", "dogs"))
    report = scan_images(folder, corrections=file)
    assert report.bad == ()
    assert [(item.path.name, item.reason) for item in report.findings] == [
        ("image.3.png", "corrected"),
        ("copy.png", "duplicate"),
    ]
    after = places(load_datasets(folder, corrections=file))
    assert after["cats/image.3.png"] == after["dogs/copy.png"]
    assert after["dogs/copy.png"][1] == "dogs"
    write(file, entry(folder / "cats/image.3.png", None))
    assert scan_images(folder, corrections=file).bad == ()
    assert len(places(load_datasets(folder, corrections=file))) == 19


def test_with_split_folders(make_folder: MakeFolder, file: Path) -> None:
    """What is in two sets stays so; a correction does not make the copy to train on usable."""
    folder = make_folder({f"{split}/{name}": 4 for split in SPLITS for name in OTHER})
    shutil.copy(folder / "test/cats/image.0.png", folder / "train/dogs/copy.png")
    write(file, entry(folder / "test/cats/image.0.png", "dogs"))
    report = scan_images(folder, corrections=file)
    assert [(item.path.name, item.reason) for item in report.bad] == [("copy.png", "split_overlap")]
    with pytest.warns(UserWarning, match="split_overlap: train/dogs/copy"):
        data = load_datasets(folder, corrections=file, on_bad_image="skip")
    assert places(data)["test/cats/image.0.png"] == ("test", "dogs")
    assert "train/dogs/copy.png" not in places(data)


def test_with_groups_by_folder(make_folder: MakeFolder, file: Path) -> None:
    """The group is that of the class folder that the image is in."""
    folder = make_folder({f"{name}/{name}{n}": 2 for name in OTHER for n in range(6)})
    before = load_datasets(folder, group_by="folder")
    write(file, entry(folder / "cats/cats3/image.0.png", "dogs"))
    data = load_datasets(folder, group_by="folder", corrections=file)
    assert {split: set(data.groups(split) or ()) for split in SPLITS} == {
        split: set(before.groups(split) or ()) for split in SPLITS
    }


def test_with_a_table(folder: Path, file: Path) -> None:
    labels = {
        path.relative_to(folder).as_posix(): path.parent.name for path in folder.rglob("*.png")
    }
    write(file, entry(folder / "cats/image.3.png", "dogs"))
    by_table = load_datasets(folder, labels=labels, corrections=file)
    assert places(by_table) == places(load_datasets(folder, corrections=file))


def test_with_near_duplicates(folder: Path, file: Path) -> None:
    """A correction settles their labels; an image that is left out still moves no other."""
    rng = np.random.default_rng(0)
    for number in range(4):
        pixels = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        scene = Image.fromarray(pixels).resize((48, 48), Image.Resampling.BICUBIC)
        scene.save(folder / "cats" / f"scene{number}.png")
        scene.resize((40, 40)).save(folder / "dogs" / f"scene{number}.png")
    before = load_datasets(folder)
    reasons = [item.reason for item in before.report.findings]
    assert reasons == ["near_duplicate_labels"] * 8
    write(
        file,
        *(entry(folder / "dogs" / f"scene{number}.png", "cats") for number in (0, 1)),
        entry(folder / "dogs/scene2.png", None),
    )
    data = load_datasets(folder, corrections=file)
    assert {
        item.path.relative_to(folder).as_posix(): item.reason
        for item in data.report.findings
        if item.reason != "corrected"
    } == {
        "dogs/scene0.png": "near_duplicate",
        "dogs/scene1.png": "near_duplicate",
        "dogs/scene2.png": "left_out",
        "cats/scene3.png": "near_duplicate_labels",
        "dogs/scene3.png": "near_duplicate_labels",
    }
    sets = {name: split for name, (split, _) in places(before).items()}
    del sets["dogs/scene2.png"]
    assert {name: split for name, (split, _) in places(data).items()} == sets


@st.composite
def decided(draw: st.DrawFn) -> tuple[list[int], dict[int, int | None]]:
    """Draw the contents of images, some of them equal, and decisions about some."""
    contents = [draw(st.integers(0, number)) for number in range(30)]
    decisions = draw(st.dictionaries(st.integers(0, 29), st.sampled_from([0, 1, None]), max_size=5))
    return contents, {content: to for content, to in decisions.items() if content in contents}


@pytest.mark.filterwarnings("ignore:Images that belong together")
@settings(max_examples=12, deadline=None)
@given(decided(), st.integers(0, 3))
def test_no_image_changes_the_set(
    drawn: tuple[list[int], dict[int, int | None]], seed: int
) -> None:
    """Duplicates too. The split file of either has the same images."""
    contents, decisions = drawn
    with TemporaryDirectory() as scratch:
        folder, file = Path(scratch) / "pets", Path(scratch) / "c.json"
        entries = {}
        for number, content in enumerate([*contents, *range(30, 40)]):
            path = folder / f"{content % 2}/{number:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((4, 4, 3), content * 5, np.uint8)).save(path)
            if content in decisions:
                to = decisions[content]
                entries[content] = entry(path, None if to is None else str(to))
        write(file, *entries.values())
        before = load_datasets(folder, seed=seed)
        try:
            data = load_datasets(folder, seed=seed, corrections=file)
        except ValueError as error:
            assume("any more, because of the corrections" not in str(error))
            raise
        after = places(data)
        for name, (split, label) in places(before).items():
            content = [*contents, *range(30, 40)][int(name[2:4])]
            decision = decisions.get(content, int(label))
            assert after.get(name) == (None if decision is None else (split, str(decision)))
        for split in SPLITS:
            keys = list(zip(data.labels(split), data.paths(split), strict=True))
            assert keys == sorted(keys)
            assert len(content_hashes(data, split)) == len(keys)
        data.save_split(Path(scratch) / "split.json")
        again = load_datasets(folder, split_file=Path(scratch) / "split.json")
        assert places(again) == after
        before.save_split(Path(scratch) / "before.json")
        other = load_datasets(
            folder, split_file=Path(scratch) / "before.json", corrections=file, seed=seed
        )
        assert places(other) == after
        assert record_split(other) == record_split(data)


def test_a_set_that_loses_a_class(folder: Path, file: Path, tmp_path: Path) -> None:
    data = load_datasets(folder)
    data.save_split(tmp_path / "split.json")
    save_corrections(data, dict.fromkeys(data.paths("test")[:2], "dogs"), file)
    message = r"The test set has no image of 'cats' any more, because of the corrections\. Add"
    with pytest.raises(ValueError, match=message):
        load_datasets(folder, corrections=file)
    with pytest.raises(ValueError, match=r"The test set has no image of 'cats' any more, as the"):
        load_datasets(folder, corrections=file, split_file=tmp_path / "split.json")


# Split files and models record corrections.


def test_split_files_record_corrections(folder: Path, file: Path, tmp_path: Path) -> None:
    write(
        file,
        entry(folder / "cats/image.3.png", "dogs"),
        entry(folder / "dogs/image.5.png", None),
    )
    data = load_datasets(folder, corrections=file)
    split_file = tmp_path / "split.json"
    data.save_split(split_file)
    raw = json.loads(split_file.read_text())
    assert raw["version"] == 1
    assert sorted(raw["corrections"], key=str) == sorted(
        json.loads(file.read_text())["corrections"], key=str
    )
    again = load_datasets(folder, split_file=split_file)
    assert places(again) == places(data)
    again.save_split(split_file)  # the same content
    grown = load_datasets(folder, split_file=split_file, new_files="train")
    assert places(grown) == places(data)  # what is left out is not new
    write(file, entry(folder / "dogs/image.5.png", "cats"))  # other decisions win
    with pytest.warns(UserWarning, match="split file") as warned:
        other = load_datasets(folder, split_file=split_file, corrections=file)
    assert [str(each.message).split(".")[0] for each in warned] == [
        "1 image of the split file changed the class",
        f"The split file does not list 1 image in {folder} (dogs/image",
    ]
    assert places(other) == {**places(data), "cats/image.3.png": (
        places(data)["cats/image.3.png"][0], "cats")}  # fmt: skip


def test_a_split_file_without_corrections_has_no_such_key(folder: Path, tmp_path: Path) -> None:
    load_datasets(folder).save_split(tmp_path / "split.json")
    assert "corrections" not in json.loads((tmp_path / "split.json").read_text())


def test_leaving_out_moves_no_image_of_a_split_file(
    folder: Path, file: Path, tmp_path: Path
) -> None:
    data = load_datasets(folder, seed=4)
    data.save_split(tmp_path / "split.json")
    for split in SPLITS:
        write(file, entry(data.paths(split)[0], None))
        expected = places(data)
        del expected[data.paths(split)[0].relative_to(folder).as_posix()]
        loaded = load_datasets(folder, corrections=file, split_file=tmp_path / "split.json")
        assert places(loaded) == expected


def test_what_is_left_out_may_be_deleted(folder: Path, file: Path, tmp_path: Path) -> None:
    data = load_datasets(folder)
    data.save_split(tmp_path / "split.json")
    gone = data.paths("test")[0]
    save_corrections(data, {gone: None}, file)
    gone.unlink()
    with pytest.warns(UserWarning, match="The corrections have 1 image that .* does not hold"):
        after = load_datasets(folder, corrections=file, split_file=tmp_path / "split.json")
    expected = places(data)
    del expected[gone.relative_to(folder).as_posix()]
    assert places(after) == expected


@pytest.mark.parametrize(
    "damage", [{"sha256": "0"}, {"label": "birds"}, {"label": None}, {"leave_out": True}]
)
def test_a_damaged_split_file(
    folder: Path, file: Path, tmp_path: Path, damage: dict[str, Any]
) -> None:
    write(file, entry(folder / "cats/image.3.png", "dogs"))
    load_datasets(folder, corrections=file).save_split(tmp_path / "split.json")
    raw = json.loads((tmp_path / "split.json").read_text())
    raw["corrections"][0] |= damage
    (tmp_path / "split.json").write_text(json.dumps(raw))
    with pytest.raises(ValueError, match="is damaged"):
        load_datasets(folder, split_file=tmp_path / "split.json")


def test_models_record_corrections(folder: Path, file: Path) -> None:
    write(
        file,
        entry(folder / "cats/image.3.png", "dogs"),
        entry(folder / "dogs/image.5.png", None),
    )
    model = make_colour_model(np.zeros((3, 2)))
    record_training(model, load_datasets(folder, corrections=file))
    metadata = get_metadata(model)
    assert metadata
    assert metadata.corrections == {"corrected": 1, "left_out": 1}
    text = metadata_to_json(metadata)
    assert json.loads(text)["version"] == 1
    assert metadata_from_json(text) == metadata
    damages: list[Any] = [[], 3, {"corrected": -1}, {"corrected": "x"}]
    for damage in damages:
        with pytest.raises(ValueError, match="^damaged "):
            metadata_from_json(json.dumps({**json.loads(text), "corrections": damage}))
    record_training(model, load_datasets(folder))
    metadata = get_metadata(model)
    assert metadata
    assert "corrections" not in json.loads(metadata_to_json(metadata))


# What files hold.


def test_unknown_images_are_listed(folder: Path, file: Path) -> None:
    write(
        file,
        {"sha256": "0" * 64, "label": "dogs", "file": "cats/gone.png"},
        {"sha256": "1" * 64, "leave_out": True},
        entry(folder / "cats/image.3.png", "dogs"),
    )
    match = (
        r"The corrections have 2 images that .* does not hold:\n  cats/gone\.png \(sha256 000.*\n"
        r"  sha256 1{12}\.\.\.\nThey are gone, were changed since, or cannot be read\."
    )
    with pytest.warns(UserWarning, match=match):
        data = load_datasets(folder, corrections=file)
    assert places(data)["cats/image.3.png"][1] == "dogs"
    with pytest.warns(UserWarning, match=match):
        scan_images(folder, corrections=file)


def test_hashes_in_capitals_and_a_byte_order_mark(folder: Path, file: Path) -> None:
    written = entry(folder / "cats/image.3.png", "dogs")
    write(file, {**written, "sha256": written["sha256"].upper()})
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert places(load_datasets(folder, corrections=file))["cats/image.3.png"][1] == "dogs"


SHA = "a" * 64


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"sha256": SHA, "label": "birds"}], "label 'birds', which is none of the classes 'cats'"),
        ([{"sha256": SHA, "label": "cats"}] * 2, "has two entries about sha256 aaaaaaaaaaaa"),
        ([{"sha256": SHA, "label": "cats"}, {"sha256": SHA.upper(), "leave_out": True}], "has two"),
        ([{"sha256": SHA}], r'number 1, that must have either a "label" or "leave_out".* not {}'),
        ([{"sha256": SHA, "label": "cats", "leave_out": True}], "must have either"),
        ([{"sha256": SHA, "label": 3}], "must have either"),
        ([{"sha256": SHA, "leave_out": "yes"}], "must have either"),
        ([{"sha256": "abc", "label": "cats"}], "whose \"sha256\" is 'abc', not 64 hexadecimal"),
        ([{"label": "cats"}], 'whose "sha256" is None'),
        ([{"sha256": int("1" * 64), "label": "cats"}], '"sha256" is 1+, not 64 .* in quotes'),
        ([{"sha256": [SHA], "label": "cats"}], '"sha256" is .*, not 64 hexadecimal digits in quo'),
        ([{"sha256": SHA, "label": "birds", "file": 3}], r"gives 3 \(sha256 a+\.\.\.\) the label"),
        ([{"sha256": SHA, "label": ["cats"]}], "must have either"),
        ([{"sha256": SHA, "label": "cats", "leave_out": 1}], "must have either"),
        ([[SHA, "cats"]], "has an entry, number 1, that is"),
        (["x"], "has an entry, number 1, that is 'x', not an object"),
    ],
)
def test_bad_entries(folder: Path, file: Path, entries: list[Any], message: str) -> None:
    write(file, *entries)
    with pytest.raises(ValueError, match=f"corrections='.*' .*{message}"):
        load_datasets(folder, corrections=file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a file of corrections"),
        ('{"format": "catdog split"}', "is not a file of corrections"),
        ('{"format": "catdog corrections"}', "is of version None, but this catdog reads version 1"),
        ('{"format": "catdog corrections", "version": 2}', "is of version 2"),
        ('{"format": "catdog corrections", "version": 1}', 'has no list "corrections"'),
    ],
)
def test_bad_files(folder: Path, file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_datasets(folder, corrections=file)


def test_no_file(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"corrections='no\.json' does not exist\. catdog"):
        load_datasets(folder, corrections="no.json")
    with pytest.raises(TypeError, match="corrections must be a path"):
        load_datasets(folder, corrections=3)  # type: ignore[arg-type]


# save_corrections


def test_save_corrections(folder: Path, file: Path) -> None:
    data = load_datasets(folder)
    save_corrections(data, {folder / "cats/image.3.png": "dogs"}, file)
    save_corrections(data, {"dogs/image.5.png": None, "cats\\image.4.png": "dogs"}, str(file))
    assert json.loads(file.read_text()) == {
        "format": "catdog corrections",
        "version": 1,
        "corrections": [
            entry(folder / "cats/image.3.png", "dogs", file="cats/image.3.png"),
            entry(folder / "dogs/image.5.png", None, file="dogs/image.5.png"),
            entry(folder / "cats/image.4.png", "dogs", file="cats/image.4.png"),
        ],
    }
    data = load_datasets(folder, corrections=file)
    assert len(places(data)) == 19
    save_corrections(data, {"dogs/image.5.png": "dogs", "cats/image.3.png": None}, file)
    after = places(load_datasets(folder, corrections=file))
    assert after["dogs/image.5.png"][1] == after["cats/image.4.png"][1] == "dogs"
    assert "cats/image.3.png" not in after


def test_notes_are_kept(folder: Path, file: Path) -> None:
    noted = entry(folder / "cats/image.3.png", "dogs", note="ask Ann", colour="red")
    write(file, noted)
    save_corrections(load_datasets(folder), {"dogs/image.5.png": None}, file)
    assert json.loads(file.read_text())["corrections"][0] == noted


def test_conflicting_labels_can_be_decided(folder: Path, file: Path) -> None:
    shutil.copy(folder / "cats/image.3.png", folder / "dogs/copy.png")
    with pytest.warns(UserWarning, match="conflicting_labels"):
        data = load_datasets(folder, on_bad_image="skip")
    with pytest.raises(ValueError, match=r"decides otherwise about dogs/copy\.png than about cats"):
        save_corrections(data, {"cats/image.3.png": "cats", "dogs/copy.png": "dogs"}, file)
    save_corrections(data, {"dogs/copy.png": "cats"}, file)
    assert len(places(load_datasets(folder, corrections=file))) == 21


@pytest.mark.parametrize(
    ("decisions", "kind", "message"),
    [
        ({"cats/no.png": "dogs"}, ValueError, r"decisions has 'cats/no\.png', which is no image"),
        ({"cats/image.3.png": "birds"}, ValueError, "the label 'birds', which is none of the"),
        ({"cats/image.3.png": 3}, ValueError, "the label 3, which is none"),
        (["cats/image.3.png"], TypeError, "decisions must be a mapping of image and label"),
    ],
)
def test_bad_decisions(
    folder: Path, file: Path, decisions: Mapping[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        save_corrections(load_datasets(folder), decisions, file)
    assert not file.exists()


def test_other_files_are_not_overwritten(folder: Path, file: Path, tmp_path: Path) -> None:
    data = load_datasets(folder)
    file.write_text("{}")
    with pytest.raises(ValueError, match="path='.*' is not a file of corrections"):
        save_corrections(data, {"cats/image.3.png": None}, file)
    assert file.read_text() == "{}"
    with pytest.raises(FileNotFoundError, match=r"needs the folder .*nowhere.*\. Make it first"):
        save_corrections(data, {"cats/image.3.png": None}, tmp_path / "nowhere" / "c.json")


def test_a_link_stays_and_so_do_permissions(folder: Path, file: Path, tmp_path: Path) -> None:
    data = load_datasets(folder)
    (tmp_path / "shared").mkdir()
    shared = tmp_path / "shared" / "c.json"
    file.symlink_to(shared)
    save_corrections(data, {"cats/image.3.png": None}, file)  # the link led to no file yet
    shared.chmod(0o640)
    save_corrections(data, {"cats/image.4.png": None}, file)
    assert file.is_symlink()
    assert len(json.loads(shared.read_text())["corrections"]) == 2
    assert stat.S_IMODE(shared.stat().st_mode) == 0o640
    assert sorted(path.name for path in shared.parent.iterdir()) == ["c.json"]


def test_a_read_only_file_is_not_replaced(folder: Path, file: Path) -> None:
    data = load_datasets(folder)
    save_corrections(data, {"cats/image.3.png": None}, file)
    before = file.read_bytes()
    file.chmod(0o444)
    with pytest.raises(
        OSError, match=r"path='.*corrections\.json' is read-only\. Make it writable"
    ):
        save_corrections(data, {"cats/image.4.png": None}, file)
    assert file.read_bytes() == before


def test_other_keys_are_kept(folder: Path, file: Path) -> None:
    write(file, author="Ann", checked=["2026-01-01"])
    save_corrections(load_datasets(folder), {"dogs/image.5.png": None}, file)
    content = json.loads(file.read_text())
    assert (content["author"], content["checked"]) == ("Ann", ["2026-01-01"])
    assert len(content["corrections"]) == 1
