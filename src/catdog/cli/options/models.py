"""The options of `catdog models`."""

from catdog.cli.options.shared import Commands, add_command, add_json


def add(commands: Commands) -> None:
    """Add the command."""
    add_json(add_command(commands, "models", "list the models", example="catdog models"))
