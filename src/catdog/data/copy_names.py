"""Images that may be masks or changed copies of others, by their names, as a warning."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from catdog._utils.errors import UsageWarning
from catdog._utils.text import list_names
from catdog.data.name_doubts import words_of

# Words for what is made from an image, but does not show the same.
_MASKS = frozenset(
    {"annotation", "annotations", "depth", "groundtruth", "gt", "label", "labels", "mask", "masks",
     "seg", "segmentation", "superpixels", "trimap"}
)  # fmt: skip
# Words in the part that only a copy or a mask has. Other parts count if many images have them.
_CHANGED = _MASKS | frozenset(
    {"aug", "augmented", "bright", "brightness", "crop", "cropped", "deg", "edited", "enhanced",
     "flip", "flipped", "mirror", "mirrored", "noise", "resized", "rf", "rot", "rotate", "rotated",
     "rotation", "thumb", "thumbnail"}
)  # fmt: skip
# Where that part may begin: `leaf_flipLR`, `a (1)-mask`.
_SEPARATOR = re.compile(r"[ _.-]+(?=[^ _.-])")
# Such a part without a separator: `c01mask`, `leafFlip`.
_JOINED = re.compile(
    rf"(?<=[^\W\d_])(?:{'|'.join(sorted(word.title() for word in _CHANGED))})$"
    rf"|(?<=\d)(?i:{'|'.join(sorted(_CHANGED))})$"
)
MIN_COPIES = 10  # with a part that has none of these words; fewer may be chance
MAX_PARTS = 20  # that are named in a regular expression
_HASH = re.compile(r"\.rf\.\w+$")  # Roboflow's exports end so, the versions of one image too
_NUMBER = re.compile(r"[\W_]*\d*[\W_]*")
_ANGLES = frozenset({"0", "90", "180", "270", "360"})  # of copies that are turned: `leaf_90`

_GroupOf = Callable[[Path], str | None]


class _Copy(NamedTuple):
    """An image with the name of another one and one part more.

    Attributes:
        path: The image.
        original: The other one.
        part: What the name has more.
        at_end: Whether the part is at the end of the name, not at the beginning or a folder.
    """

    path: Path
    original: Path
    part: str
    at_end: bool


@dataclass(frozen=True)
class Copies:
    """Images that have the name of another image and one part more. Print it for the warning.

    Attributes:
        found: The images; at least one.
        n_images: Number of images that were compared.
        in_splits: The originals are in other split folders, so their paths only stand for them.
    """

    found: tuple[_Copy, ...]
    n_images: int
    in_splits: bool = False

    def unwanted(self, group_of: _GroupOf) -> Copies | None:
        """Return what is left without copies in the group of the original; masks are left."""
        if self.in_splits:
            return self
        left = tuple(copy for copy in self.found if not _is_wanted(copy, group_of))
        return replace(self, found=left) if left else None

    def warning(self) -> UsageWarning:
        """Return what is said about them."""
        parts = [part for part, _ in Counter(copy.part for copy in self.found).most_common()]
        ends = {copy.part for copy in self.found if copy.at_end}
        most = f" (for the {MAX_PARTS} most frequent parts)" if len(parts) > MAX_PARTS else ""
        return UsageWarning(
            f"{len(self.found):,} of {self.n_images:,} images have the name of another image and "
            f"one part more ({list_names(parts, 4)}), such as {self.found[0].path.name!r}. They "
            "may be masks, or copies that are turned, mirrored or changed in another way, which "
            "are not always recognised as near duplicates.",
            hint="Move masks away. To keep copies in the set of the original, pass "
            f'group_by=r"{_pattern_without(parts[:MAX_PARTS], ends)}"{most}.',
        )

    def __str__(self) -> str:
        return str(self.warning())


def means_masks(name: str) -> bool:
    """Return whether a name has a word for what is made from an image, such as a mask."""
    return not _MASKS.isdisjoint(words_of(name))


def copies_by_name(paths: Sequence[Path], *, changed: bool = False) -> Copies | None:
    """Find the images that have the name of another image and one part more.

    Args:
        paths: The images.
        changed: Only parts that say that the image was changed count.
    """
    found = {copy.path: copy for copy in _find_copies(paths)}
    counts = Counter(copy.part for copy in found.values())
    numbers = {re.sub(r"\W|_", "", part) for part in counts if _NUMBER.fullmatch(part)}
    are_angles = numbers <= _ANGLES
    known = {
        part
        for part, count in counts.items()
        if not _CHANGED.isdisjoint(words_of(part))
        or (are_angles and _NUMBER.fullmatch(part))
        or (not changed and count >= MIN_COPIES and not _NUMBER.fullmatch(part))
    }
    named = tuple(copy for copy in found.values() if copy.part in known)
    return Copies(named, len(paths)) if named else None


def copies_in_other_splits(paths: Sequence[Path], holders: Sequence[Path]) -> Copies | None:
    """Find the changed copies of images in another of the splits' folders."""
    if len(holders) == 1:
        return None
    places = {  # of each folder once: its parents are found slowly
        folder: [
            holders[0] / folder.relative_to(holder)
            for holder in holders
            if holder in (folder, *folder.parents)
        ]
        for folder in {path.parent for path in paths}
    }
    plain = [place / path.name for path in paths for place in places[path.parent]]
    copies = copies_by_name(plain, changed=True)
    return copies and replace(copies, in_splits=True)


def _is_wanted(copy: _Copy, group_of: _GroupOf) -> bool:
    """Return whether an image is no mask, and in the group of its original."""
    return not means_masks(copy.part) and group_of(copy.path) == group_of(copy.original)


def _find_copies(paths: Sequence[Path]) -> Iterator[_Copy]:
    """Yield each image whose name is that of another one and a part.

    The other one is in the same folder. If there are two images of one name, such as `a.jpg` and
    `a.png`, the part of the second one is its suffix. Or it is in a folder above, and has the same
    name: then the part is the way from there, such as `masks/`.
    """
    split = [os.path.split(path) for path in paths]  # faster than the attributes of a path
    stems = [(folder, name.rpartition(".")[0] or name) for folder, name in split]
    first: dict[tuple[str, str], Path] = {}
    for path, (folder, stem) in zip(paths, stems, strict=True):
        original = first.setdefault((folder, _HASH.sub("", stem)), path)
        if original is not path:
            part = ".rf." if _HASH.search(stem) else path.suffix
            yield _Copy(path, original, part, at_end=True)
    ways = _ways_from_above({folder for folder, _ in stems})
    for path, (folder, stem) in zip(paths, stems, strict=True):
        for above, way in ways[folder]:
            if (above, stem) in first:
                yield _Copy(path, first[above, stem], way, at_end=False)
        for base, part, at_end in _possible_parts(stem):
            is_known = (folder, base) in first
            if is_known and (at_end or not _CHANGED.isdisjoint(words_of(part))):
                yield _Copy(path, first[folder, base], part, at_end)
                break


def _possible_parts(stem: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the name that an original may have, the part more, and whether that is at the end."""
    for match in _SEPARATOR.finditer(stem):
        if not _HASH.fullmatch(rest := stem[match.start() :]):
            yield stem[: match.start()], rest, True
        yield stem[match.end() :], stem[: match.end()], False
    if joined := _JOINED.search(stem):
        yield stem[: joined.start()], joined[0], True


def _ways_from_above(folders: Collection[str]) -> dict[str, list[tuple[str, str]]]:
    """Return for each folder those of the others that it is in, and the way from there to it."""
    return {
        folder: [
            (str(above), f"{path.relative_to(above).as_posix()}/")
            for above in path.parents
            if str(above) in folders
        ]
        for folder in folders
        for path in [Path(folder)]
    }


def _pattern_without(parts: Iterable[str], at_end: Collection[str]) -> str:
    """Return a regular expression whose group is the path without these parts and the suffix.

    If one of the parts is at the beginning of names, it is the name alone.

    Args:
        parts: What names of copies have more.
        at_end: Those of them that are at the end of names.
    """
    begins = [re.escape(part) for part in parts if part not in at_end]
    ends = [r"\.rf\.\w+" if part == ".rf." else re.escape(part) for part in parts
            if part in at_end]  # fmt: skip
    end = f"(?:{'|'.join(sorted(ends, key=len, reverse=True))})*" if ends else ""
    key = f"(?:{'|'.join(begins)})?([^/]*?)" if begins else "(.*?)"
    return rf"{key}{end}\.[^./]*$"
