"""The options of `catdog scan`."""

from catdog.cli.options.shared import (
    Commands,
    add_command,
    add_folder,
    add_json,
    add_labels,
    add_split,
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "scan",
        "read every file of a folder, and list those that cannot be used",
        example="catdog scan pets/ && catdog train pets/ --out pets.keras",
    )
    add_folder(parser)
    parser.add_argument(
        "--quality",
        action="store_true",
        help="also rank the images of each class by what is blurred, dark, overexposed, flat or "
        "tiny",
    )
    parser.add_argument(
        "--shortcuts",
        action="store_true",
        help="also find out how well image size, file format, brightness, border, camera and the "
        "like predict the class; the test images are not used",
    )
    add_labels(parser)
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="seed of the split (default: 0, or that of the split file)",
    )
    add_split(parser)
    add_json(parser)
