"""The options of `catdog evaluate`."""

from catdog.cli.options.shared import (
    TRAINED,
    Commands,
    add_command,
    add_data,
    add_evaluated_split,
    add_folder,
    add_json,
    add_overwrite,
    not_empty,
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "evaluate",
        "evaluate a model on images it was not trained on",
        example="catdog evaluate pets/ --model pets.keras",
    )
    add_folder(parser)
    parser.add_argument("--model", required=True, metavar="MODEL", help=TRAINED)
    add_evaluated_split(parser)
    add_data(parser)
    parser.add_argument(
        "--wrong",
        type=not_empty,
        metavar="FILE.csv",
        help="write the images that are classified wrongly to this file, the largest loss first",
    )
    add_overwrite(parser, "the file of --wrong")
    add_json(parser)
