"""Files of a scan: images, and what is found about them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from catdog._utils.public import public
from catdog._utils.text import printable, shorten
from catdog.images.notes import ImageNote
from catdog.images.plain_jpeg import PlainJpeg
from catdog.typing import Split

BadReason = Literal[
    "empty_file",
    "not_an_image",
    "unsupported_format",
    "truncated",
    "undecodable",
    "out_of_range",
    "too_many_pixels",
    "unreadable",
    "conflicting_labels",
    "split_overlap",
]
IgnoredReason = Literal["outside_class_folder", "hidden", "unlabelled", "linked_folder", "unlisted"]
NoteReason = Literal[
    "wrong_extension",
    "animated",
    "very_small",
    ImageNote,
    "duplicate",
    "near_duplicate_labels",
    "near_duplicate_splits",
    "near_duplicate",
    "confusable_name",
    "corrected",
    "left_out",
    "other_file",
    IgnoredReason,
]
Reason = BadReason | NoteReason

IGNORED_REASONS: tuple[IgnoredReason, ...] = get_args(IgnoredReason)
_BAD_REASONS = get_args(BadReason)

# The one list of reason codes, with what each means; reports print them in this order.
MEANING: Mapping[Reason, str] = {
    "empty_file": "the file is empty",
    "not_an_image": "the content is not that of an image",
    "unsupported_format": "save it as JPEG or PNG",
    "truncated": "the end is missing",
    "undecodable": "the content is damaged",
    "out_of_range": "scale the values to 0 to 65535, or floats to 0 to 255",
    "too_many_pixels": "it would fill the memory",
    "unreadable": "missing, or no permission to read it",
    "conflicting_labels": "one image in several classes",
    "split_overlap": "one image in several of train, validation and test",
    "wrong_extension": "used, read by their content",
    "animated": "used, the first frame of each",
    "very_small": "used, but there is little to see",
    "very_large": "used, but it takes much time and memory; save a smaller copy",
    "transparent": "used, but white: it is transparent, or white on a transparent ground",
    "unfilled_range": "used, but dark or flat: scale the values, so that they fill the range",
    "duplicate": "used, all duplicates in the same set",
    "near_duplicate_labels": "used, but nearly the same image in another class: check the labels",
    "near_duplicate_splits": "used, but nearly the same image in another split folder",
    "near_duplicate": "used, nearly the same image",
    "confusable_name": "used, but another name differs only in how Unicode writes accents",
    "corrected": "used, with the label of the corrections",
    "left_out": "ignored, as the corrections say",
    "other_file": "ignored, not an image",
    "outside_class_folder": "ignored, in no class folder",
    "hidden": "ignored, because its name or that of its folder begins with a dot",
    "unlabelled": "ignored, because it is to be predicted",
    "linked_folder": "ignored, because links to folders are not followed",
    "unlisted": "ignored, not in the table of labels",
}


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image file that was decoded completely.

    Attributes:
        path: Path of the file.
        label: Position of its class in the class names.
        split: The split folder that it is in; `None` if there are no split folders.
        size: Length of the file in bytes.
        sha256: Hash of the file, 64 hexadecimal digits.
        group: The group that it belongs to, such as a video; `None` without groups.
        cluster: Number of its cluster of near duplicates; `None` if it has none.
        plain_jpeg: What must be known to decode it, if it is a plain JPEG file; else `None`.
    """

    path: Path
    label: int
    split: Split | None
    size: int
    sha256: str
    group: str | None = None
    cluster: int | None = None
    plain_jpeg: PlainJpeg | None = None


FOLDER = "folder"  # of `group_by`: each folder directly in a class folder is a group


@dataclass(frozen=True)
class Bursts:
    """Images that follow each other by name look alike, as the frames of a video do.

    Attributes:
        share: How often they are more similar than other images of their class, from 0 to 1; by
            chance it would be 0.5.
        group_by: The argument of `load_datasets` that keeps them together; `None` if the names do
            not show where a burst ends.
        n_groups: Number of groups that it makes; `None` without `group_by`.
        class_names: The classes in which they look alike; empty if it is so in all.
    """

    share: float
    group_by: str | None
    n_groups: int | None
    class_names: tuple[str, ...] = ()

    def __str__(self) -> str:
        classes = ", ".join(shorten([printable(name) for name in self.class_names]))
        return (
            f"Neighbours by name look alike{' in ' if classes else ''}{classes}: "
            f"in {self.share:.0%} of the cases more than other "
            "images of their class, 50% by chance.\n"
            "They seem to be bursts, such as the frames of a video. If images of one burst are in "
            "two sets, the accuracy is too high."
        )

    @property
    def hint(self) -> str:
        """What to do."""
        prefix = "r" if "\\" in (self.group_by or "") else ""
        return self.worded(f'group_by={prefix}"{self.group_by or FOLDER}"')

    def worded(self, group_by: str) -> str:
        """Return the hint with another way to pass `group_by`, or `"folder"` if that is `None`."""
        if self.group_by is None:
            return (
                "Put each burst into a folder of its own below the class folder, and pass "
                f"{group_by}; or name the group of each file in a CSV file."
            )
        return f"{group_by} keeps each burst in one set: {self.n_groups} groups."


@public
@dataclass(frozen=True)
class Finding:
    """A problem of a file, or a note on it.

    Attributes:
        path: The file.
        reason: Code of the problem or note, such as `"truncated"` or `"duplicate"`.
        detail: More about it, such as the decoder's message; may be empty.
        class_name: The class of the file, by its folder or the table; `None` if it has none.
        split: The split folder that the file is in; `None` if there are no split folders.
        same_as: The file that it is a duplicate or a near duplicate of, if there is one.
    """

    path: Path
    reason: Reason
    detail: str
    class_name: str | None
    split: Split | None
    same_as: Path | None = None

    @property
    def bad(self) -> bool:
        """Whether the file cannot be used; `on_bad_image` of `load_datasets` is about these."""
        return self.reason in _BAD_REASONS


def relative_name(path: Path, folder: Path) -> str:
    """Return `path` relative to `folder`, with forward slashes on every system."""
    return Path(os.path.relpath(path, folder)).as_posix()
