"""The options of `catdog compare`."""

from catdog.cli.options.shared import (
    TRAINED,
    Commands,
    add_command,
    add_data,
    add_evaluated_split,
    add_folder,
    add_json,
    not_empty,
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "compare",
        "compare two models on the same images",
        example="catdog compare first.keras second.keras pets/ --split validation",
    )
    for name in ("first", "second"):
        parser.add_argument(name, type=not_empty, metavar=name.upper(), help=TRAINED)
    add_folder(parser)
    add_evaluated_split(parser)
    add_data(parser)
    add_json(parser)
