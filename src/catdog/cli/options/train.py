"""The options of `catdog train`."""

import argparse

from catdog.cli.options.shared import FOLDER, Commands, add_command, add_data, image_size, not_empty


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "train",
        "train a model on a folder of images, and save it",
        example="catdog train pets/ --model mobilenet_v2.linear --out pets.keras",
    )
    parser.add_argument("folder", type=not_empty, metavar="FOLDER", help=FOLDER)
    parser.add_argument(
        "--model",
        default="mobilenet_v2.linear",
        metavar="NAME",
        help="a name that `catdog models` lists (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=not_empty,
        required=True,
        metavar="FILE.keras",
        help="where to save the model",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    parser.add_argument("--epochs", type=int, default=20, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--image-size",
        type=image_size,
        metavar="PIXELS",
        help="side, or HEIGHTxWIDTH (default: the model's own)",
    )
    parser.add_argument("--backbone", metavar="NAME", help="the network of --model transfer")
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
    _add_compare(parser)


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--compare",
        type=not_empty,
        metavar="FILE.keras",
        help="an earlier model, trained on this split, perhaps with other corrections: evaluate "
        "both on the test images, and print the paired comparison",
    )
