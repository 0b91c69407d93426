"""The options of `catdog calibrate`."""

from catdog.cli.options.shared import (
    Commands,
    add_command,
    add_data,
    add_folder,
    add_json,
    add_model,
    add_out,
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "calibrate",
        "calibrate the probabilities of a model, and save it",
        example="catdog calibrate pets.keras pets/ --out calibrated.keras",
    )
    add_model(parser)
    add_folder(parser)
    add_out(
        parser,
        "FILE.keras",
        "where to save the calibrated model; without it, --overwrite replaces MODEL",
        required=False,
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the file, MODEL or that of --out"
    )
    add_data(parser)
    add_json(parser)
