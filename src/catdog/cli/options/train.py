"""The options of `catdog train`."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import NoReturn

from catdog.cli.options.shared import (
    Commands,
    add_command,
    add_data,
    add_folder,
    add_out,
    add_overwrite,
    image_size,
    not_empty,
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "train",
        "train a model on a folder of images, and save it",
        example="catdog train pets/ --model mobilenet_v2.linear --out pets.keras",
    )
    add_folder(parser)
    parser.add_argument(
        "--model",
        default="mobilenet_v2.linear",
        metavar="NAME",
        help="a name that `catdog models` lists (default: %(default)s)",
    )
    add_out(parser, "FILE.keras", "where to save the model")
    add_overwrite(parser)
    _add_epochs(parser)
    parser.add_argument(
        "--image-size",
        type=image_size,
        metavar="PIXELS",
        help="side, or HEIGHTxWIDTH (default: the model's own)",
    )
    parser.add_argument("--backbone", metavar="NAME", help="the network of --model transfer")
    parser.add_argument(
        "--class-weight",
        type=_class_weight,
        action="append",
        metavar="WEIGHT",
        help="`balanced`: every class counts the same, however many images it has; or NAME=WEIGHT, "
        "once for each class",
    )
    parser.add_argument(
        "--views",
        type=int,
        default=1,
        metavar="N",
        help="versions of each training image, itself and augmented copies, whose features a "
        "backbone extracts (default: %(default)s)",
    )
    parser.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="default: %(default)s"
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="seed of split, weights and order of images (default: 0, or that of the split file)",
    )
    add_data(parser)
    parser.add_argument(
        "--save-split",
        type=not_empty,
        metavar="FILE",
        help="write the split to this file",
    )
    _add_later(parser)


def _add_epochs(parser: ArgumentParser) -> None:
    parser.add_argument("--epochs", type=int, default=20, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--patience",
        type=int,
        default=5,
        metavar="N",
        help="stop after N epochs without a lower validation loss, and keep the epoch with the "
        "lowest one (default: %(default)s); 0 trains all epochs, and keeps the last one",
    )
    parser.add_argument(
        "--checkpoint-dir",
        type=not_empty,
        metavar="DIR",
        help="save the run in this folder after every epoch; the same command goes on from there "
        "if it was killed",
    )


def _add_later(parser: ArgumentParser) -> None:
    """Add what is done with the model after the training."""
    parser.add_argument(
        "--report",
        type=not_empty,
        metavar="FILE.html",
        help="also write a report with the learning curves, see `catdog report`; this is a test "
        "evaluation",
    )
    parser.add_argument(
        "--compare",
        type=not_empty,
        metavar="FILE.keras",
        help="an earlier model, trained on this split, perhaps with other corrections: evaluate "
        "both on the test images, and print the paired comparison",
    )


def _class_weight(text: str) -> str | tuple[str, float]:
    """Return `balanced` as it is, and `cats=2` as ("cats", 2.0)."""
    name, equals, weight = text.rpartition("=")
    if text == "balanced":
        return text
    try:
        return (name, float(weight)) if equals else _refuse_weight(text)
    except ValueError:
        return _refuse_weight(text)


def _refuse_weight(text: str) -> NoReturn:
    raise ArgumentTypeError(f"{text!r} is neither balanced nor a name and a weight, cats=2")
