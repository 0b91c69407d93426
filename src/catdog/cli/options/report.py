"""The options of `catdog report`."""

from catdog.cli.options.shared import (
    Commands,
    add_command,
    add_data,
    add_folder,
    add_model,
    add_out,
    add_overwrite,
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "report",
        "write a report on a model and its data, as one HTML file",
        example="catdog report pets.keras pets/ --out pets.report.html",
    )
    add_model(parser)
    add_folder(parser)
    add_out(parser, "FILE.html", "where to write the report; it contains images of the folder")
    add_overwrite(parser)
    parser.add_argument("--title", metavar="TEXT", help="title of the page")
    add_data(parser)
