"""Options that several commands have, and the types of their values."""

import argparse
import re
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # no other name for it

FOLDER = (
    "one folder per class, or train/ and validation/ (and perhaps test/) with one folder per class "
    "in each, or the images of --labels; or a known data set: cats_and_dogs_filtered, synthetic"
)
TRAINED = "a .keras file, or a model pretrained on cats and dogs: compact, cnn, cnn_preprocessed"
_SIZE = re.compile(r"([0-9]+)(?:x([0-9]+))?", re.ASCII)


def add_command(
    commands: Commands, name: str, summary: str, *, example: str
) -> argparse.ArgumentParser:
    """Add a command, and return the parser of its options."""
    return commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_labels(parser: argparse.ArgumentParser) -> None:
    """Add what says how the images of a folder are labelled."""
    parser.add_argument(
        "--labels",
        type=not_empty,
        metavar="FILE.csv",
        help="a table with the columns file and label, and perhaps split and group, in place of "
        "class folders; files are named relative to FOLDER",
    )
    parser.add_argument(
        "--corrections",
        type=not_empty,
        metavar="FILE.json",
        help="decisions about single images: another label, or leave out",
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add a trained model, as the first argument."""
    parser.add_argument("model", type=not_empty, metavar="MODEL", help=TRAINED)


def add_paths(parser: argparse.ArgumentParser) -> None:
    """Add the images to use a model on."""
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="an image, or a folder with its sub-folders; options go before or after all paths",
    )


def add_out(
    parser: argparse.ArgumentParser, metavar: str, what: str, *, required: bool = True
) -> None:
    """Add the file that a command writes."""
    parser.add_argument("--out", type=not_empty, required=required, metavar=metavar, help=what)


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Add the folder of images."""
    parser.add_argument("folder", type=not_empty, metavar="FOLDER", help=FOLDER)


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add what says how a folder is loaded."""
    add_labels(parser)
    add_split(parser)
    parser.add_argument(
        "--skip-bad", action="store_true", help="leave out files that cannot be used"
    )
    parser.add_argument(
        "--cache-dir",
        type=not_empty,
        metavar="DIR",
        help="keep decoded images, and the features of a backbone, for the next command on these "
        "images",
    )
    parser.add_argument(
        "--cache-mib",
        type=int,
        default=1024,
        metavar="MIB",
        help="memory for decoded images, in MiB (default: %(default)s)",
    )


def add_split(parser: argparse.ArgumentParser) -> None:
    """Add what says how the images of a folder are split."""
    parser.add_argument(
        "--split-file",
        type=not_empty,
        metavar="FILE",
        help="load the split from this file, which `catdog train --save-split` wrote",
    )
    parser.add_argument(
        "--new-files",
        choices=("skip", "train"),
        default="skip",
        help="leave out images that the split file does not list (the default), or train on them",
    )
    for split in ("validation", "test"):
        parser.add_argument(
            f"--{split}-fraction",
            type=float,
            metavar="SHARE",
            help=f"share of the images for the {split} set, between 0 and 1 (default: 0.2)",
        )
    parser.add_argument(
        "--group-by",
        type=not_empty,
        metavar="GROUPS",
        help="images that stay in one split: `folder`, a regular expression whose parentheses hold "
        "the name of the group, or a CSV file with the columns file and group",
    )
    parser.add_argument(
        "--near-duplicates",
        choices=("together", "ignore"),
        default="together",
        help="keep images that are nearly the same in one split (the default), or ignore that",
    )


def add_evaluated_split(parser: argparse.ArgumentParser) -> None:
    """Add the split to evaluate on."""
    parser.add_argument(
        "--split",
        choices=("train", "validation", "test", "all"),
        default="test",
        help="the split to evaluate on (default: %(default)s), as drawn for the training; `all` "
        "evaluates on all images as one test set, if the model was trained on none of them",
    )


def add_overwrite(parser: argparse.ArgumentParser, what: str = "the file") -> None:
    """Add `--overwrite`, for the file that a command writes."""
    parser.add_argument("--overwrite", action="store_true", help=f"replace {what} if it exists")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="write one JSON document")


def not_empty(text: str) -> str:
    """Return a path; refuse an empty one, such as that of an unset variable of the shell."""
    if not text:
        raise argparse.ArgumentTypeError("is empty: pass a path")
    return text


def image_size(text: str) -> tuple[int, int]:
    """Return `96` as (96, 96), and `96x128` as (96, 128)."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a side, 96, nor a size, 96x128")
    return int(found[1]), int(found[2] or found[1])
