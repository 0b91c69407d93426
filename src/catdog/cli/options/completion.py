"""The options of `catdog completion`."""

from catdog.cli.options.shared import Commands, add_command


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "completion",
        "print what lets a shell complete commands and options",
        example="catdog completion bash >> ~/.bashrc",
    )
    parser.add_argument(
        "shell", choices=("bash", "zsh", "fish"), metavar="SHELL", help="bash, zsh or fish"
    )
