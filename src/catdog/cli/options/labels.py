"""The options of `catdog labels`."""

from catdog.cli.options.shared import (
    Commands,
    add_command,
    add_data,
    add_folder,
    add_json,
    add_overwrite,
    not_empty,
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "labels",
        "find images whose labels are probably wrong",
        example="catdog labels pets/ --csv suspicious.csv",
    )
    add_folder(parser)
    parser.add_argument(
        "--model",
        default="mobilenet_v2.linear",
        metavar="MODEL",
        help="a name or a .keras file of a model with a frozen backbone, whose features are "
        "compared; its head is not used (default: %(default)s)",
    )
    parser.add_argument(
        "--splits",
        nargs="+",
        choices=("train", "validation", "test"),
        default=("train", "validation"),
        help="the splits to check, all together (default: train validation)",
    )
    parser.add_argument(
        "--folds",
        type=int,
        default=5,
        metavar="N",
        help="of the cross-validation, at least 2 (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="seed of the split and of the folds (default: 0, or that of the split file)",
    )
    add_data(parser)
    parser.add_argument(
        "--csv",
        type=not_empty,
        metavar="FILE.csv",
        help="write all images to this file, the most suspicious first",
    )
    add_overwrite(parser, "the file of --csv")
    add_json(parser)
