"""The options of `catdog evaluate`."""

from catdog.cli.options.shared import (
    FOLDER,
    TRAINED,
    Commands,
    add_command,
    add_data,
    add_json,
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
    parser.add_argument("folder", type=not_empty, metavar="FOLDER", help=FOLDER)
    parser.add_argument("--model", required=True, metavar="MODEL", help=TRAINED)
    parser.add_argument(
        "--split",
        choices=("train", "validation", "test", "all"),
        default="test",
        help="the split to evaluate on (default: %(default)s), as drawn for the training; `all` "
        "evaluates on all images as one test set, if the model was trained on none of them",
    )
    add_data(parser)
    add_json(parser)
