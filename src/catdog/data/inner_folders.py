"""Folders inside class folders: their images are used as those of the class, which may be wrong."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from catdog._utils.errors import HintCode, InvalidValueError, UsageWarning
from catdog._utils.text import folded, list_names
from catdog.data.layout_checks import holds_images, possible_classes
from catdog.data.name_doubts import LEFTOVERS, WEAK, words_of
from catdog.data.split_folders import (
    has_filler,
    has_split_word,
    is_no_class,
    words_beside_split,
)
from catdog.images.listing import (
    folders_below,
    has_direct_images,
    single_folder_below,
    subfolders,
)

Kind = Literal["no class", "leftover", "split", "other class"]

# Words for images that are made from others.
_MADE = frozenset(
    {"annotated", "annotation", "annotations", "depth", "groundtruth", "gt", "heatmap", "heatmaps",
     "label", "labels", "mask", "masks", "overlay", "overlays", "seg", "segmentation",
     "segmentations", "segmented", "superpixels", "trimap", "trimaps"}
)  # fmt: skip
# Names that may be those of a class beside others, but inside a class folder say something else.
_LEFTOVERS = LEFTOVERS | frozenset(
    {"aug", "bad", "bak", "copies", "cropped", "crops", "discarded", "duplicate", "excluded",
     "flipped", "ignore", "ignored", "junk", "preview", "previews", "removed", "resized", "rotated",
     "skip", "skipped", "thumb", "thumbnail", "trash", "wrong"}
)  # fmt: skip


class _Suspect(NamedTuple):
    """A folder inside a class folder whose name says that its images may be none of the class.

    Attributes:
        path: The folder.
        name: Its path relative to the folder of the class folders.
        kind: What the name says.
    """

    path: Path
    name: str
    kind: Kind


def doubts_about_inner_folders(holders: Iterable[Path], *, grouped: bool) -> list[UsageWarning]:
    """Return the warnings about folders inside class folders.

    Args:
        holders: The folders of the class folders; the training set's first.
        grouped: `group_by` is passed, so that the folders inside may be groups.

    Raises:
        ValueError: If the name of one says that it holds masks, annotations or images to predict;
            or if it is not clear which folders are the classes.
    """
    holders = list(holders)
    suspects = [suspect for holder in holders for suspect in _find_suspects(holder)]
    if wrong := _names_of(suspects, "no class"):
        raise InvalidValueError(
            "By their names, folders inside class folders hold no images of a class, but masks, "
            f"annotations or images to predict: {list_names(wrong, 3)}",
            hint="Move them away, or rename them if their images are of the class.",
        )
    first = holders[0]
    splits = [
        name
        for name in _names_of(suspects, "split")
        if not (grouped and name[-1].isdigit())  # numbered ones may be groups
    ]
    others = _names_of(suspects, "other class")
    found = [_of_leftovers(_names_of(suspects, "leftover")), _of_splits(splits), _of_others(others)]
    if not grouped:
        classes = {path.name: path for path in possible_classes(first)}
        named = {suspect.path for suspect in suspects if suspect.kind != "other class"}
        found.append(_doubt_about_level(first, classes, named))
    return [doubt for doubt in found if doubt is not None]


def _names_of(suspects: Iterable[_Suspect], kind: Kind) -> list[str]:
    return [suspect.name for suspect in suspects if suspect.kind == kind]


def _of_leftovers(names: Sequence[str]) -> UsageWarning | None:
    if not names:
        return None
    return UsageWarning(
        f"The images in {list_names(names, 3)} are used as images of the class, although the names "
        "of these folders may say that they are none, or copies of others.",
        hint="If they are, move the folders away.",
    )


def _of_splits(names: Sequence[str]) -> UsageWarning | None:
    if not names:
        return None
    return UsageWarning(
        f"The images in {list_names(names, 3)} are used like the other images of the class, "
        "although the names of these folders contain a word for a split. Images of a test set may "
        "be trained on.",
        hint="If they are those of a split, put train/ and test/ outside, with one folder per "
        "class in each. If not, rename these folders.",
    )


def _of_others(names: Sequence[str]) -> UsageWarning | None:
    if not names:
        return None
    return UsageWarning(
        f"The images in {list_names(names, 3)} are used as images of the outer class, although the "
        "inner folders have the names of other classes.",
        hint="If they are of the other classes, move them there.",
    )


def _find_suspects(holder: Path) -> Iterator[_Suspect]:
    """Yield the folders with images below the class folders in `holder` that have such a name."""
    tops = possible_classes(holder)
    names = [top.name for top in tops]
    plain = set(map(folded, names))
    for top in tops:
        if is_no_class(top.name, names):  # refused itself
            continue
        for folder in folders_below(top):
            if folder == top:
                continue
            above = folder.relative_to(holder).parts[:-1]
            others = plain - set(map(folded, above))
            kind = _find_kind(folder, above)
            if kind is None and folded(folder.name) in others:
                kind = "other class"
            if kind and holds_images(folder):
                yield _Suspect(folder, _relative(folder, holder), kind)


def _find_kind(folder: Path, above: Sequence[str]) -> Kind | None:
    """Return what the name of a folder says, other than the names of the folders above it.

    Args:
        folder: A folder below a class folder.
        above: The names of the folders above it, from the class folder on.
    """
    known = {word for name in above for word in words_of(name)}
    new = [word for word in words_of(folder.name) if word not in known]
    if not new:  # archives unpack to such folders: `with_mask/mask`, `cats/cats`
        return None
    if is_no_class(folder.name) or not _MADE.isdisjoint(new):
        beside = [path.name for path in subfolders(folder.parent) if path != folder]
        if is_no_class(folder.name, [*above, *beside]):
            return "no class"
        words_beside = {word for name in beside for word in words_of(name)}
        if not _MADE.isdisjoint(set(new) - words_beside):  # as in `mask_on` beside `mask_off`
            return "leftover"
    if "".join(new) in _LEFTOVERS:
        return "leftover"
    says = " ".join(new)
    rest = set(words_beside_split(says)) - WEAK
    return "split" if has_split_word(says) and not rest else None


def _doubt_about_level(
    root: Path, classes: Mapping[str, Path], named: Collection[Path]
) -> UsageWarning | None:
    """Return the warning about folders inside class folders; `None` if there are none.

    Args:
        root: The folder of the class folders.
        classes: The class folders by their names.
        named: Folders that other warnings name.

    Raises:
        ValueError: If some of the class folders hold images themselves, others hold folders of
            images, and a name says that these are no classes: `dataset/cats`, `dataset/dogs` and
            `figures/`.
    """
    holders = {name: single_folder_below(folder) for name, folder in classes.items()}
    mixed = [name for name, holder in holders.items() if has_direct_images(holder)]
    inside = {
        name: [path for path in subfolders(holder) if path not in named and holds_images(path)]
        for name, holder in holders.items()
    }
    nested = [name for name, paths in inside.items() if name not in mixed and len(paths) > 1]
    _check_same_level(root, classes, inside, nested)
    for name in mixed:  # the images behind a link are not used
        inside[name] = [path for path in inside[name] if not path.is_symlink()]
    having = [name for name in classes if name in nested or (name in mixed and inside[name])]
    examples = [_relative(path, root) for name in having for path in inside[name][:1]]
    single = [_relative(holder, root) for holder in holders.values()]
    if not having and _are_shared(single):
        having, examples = list(classes), single
    if not having:
        return None
    return UsageWarning(
        f"The folders inside {list_names(having)}, such as {list_names(examples, 3)}, are not used "
        "as classes: the outer folders are the classes.",
        hint=(
            "If the inner ones are the classes, put them beside each other into one folder. If "
            'each is a group, such as a patient or a video, pass group_by="folder".'
        ),
        hint_code=HintCode.CHOOSE_INNER,
    )


def _relative(folder: Path, root: Path) -> str:
    return folder.relative_to(root).as_posix()


def _are_shared(folders: Sequence[str]) -> bool:
    """Return whether several classes have folders of one name, and others of another.

    So it is if each patient has a folder with the name of the class: `patient1/ill`.
    """
    inside = [folder.partition("/")[2] for folder in folders]
    return "" not in inside and 1 < len(set(inside)) < len(inside)


def _check_same_level(
    root: Path,
    classes: Mapping[str, Path],
    inside: Mapping[str, Sequence[Path]],
    nested: Sequence[str],
) -> None:
    """Raise if only some class folders hold folders of images, and a name says what that means."""
    flat = [name for name in classes if name not in nested]
    is_data = any(has_filler(name) or has_split_word(name) for name in nested)
    if nested and flat and (is_data or any(map(has_split_word, flat))):
        example = _relative(inside[nested[0]][0], root)
        raise InvalidValueError(
            f"It is not clear which folders of {root} are the classes: there are folders of images "
            f"in {list_names(nested)}, such as {list_names([example])}, but not in "
            f"{list_names(flat)}",
            hint=(
                f"Pass {root / nested[0]} if the classes are in it, and move the others away. If "
                "the outer folders are the classes, give them names that say what they hold."
            ),
        )
