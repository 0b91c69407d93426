"""The options of `catdog explain`."""

from catdog.cli.options.shared import TRAINED, Commands, add_command, add_paths, not_empty


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "explain",
        "draw which regions of images count for a class, by Grad-CAM",
        example="catdog explain photo.jpg --model pets.keras --out heat_maps",
    )
    add_paths(parser)
    parser.add_argument(
        "--model", default="compact", metavar="MODEL", help=f"{TRAINED} (default: %(default)s)"
    )
    parser.add_argument(
        "--label",
        type=not_empty,
        metavar="CLASS",
        help="explain this class (default: the predicted class of each image)",
    )
    parser.add_argument(
        "--out",
        type=not_empty,
        required=True,
        metavar="DIR",
        help="write a PNG file for each image to this folder; no file is replaced, and a name that "
        "is taken gets a number",
    )
