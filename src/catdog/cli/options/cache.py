"""The options of `catdog cache`."""

from catdog.cli.options.shared import Commands, add_command, add_json, not_empty


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "cache",
        "print the size of a cache folder, or clear it",
        example="catdog cache features/ --clear",
    )
    parser.add_argument(
        "cache_dir",
        type=not_empty,
        metavar="DIR",
        help="the folder that was passed as --cache-dir: features, compiled backbones, decoded "
        "images",
    )
    parser.add_argument(
        "--clear", action="store_true", help="delete what catdog has cached; other files stay"
    )
    add_json(parser)
