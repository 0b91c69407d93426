"""The options of `catdog export`."""

from catdog.cli.options.shared import (
    Commands,
    add_command,
    add_model,
    add_out,
    add_overwrite,
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "export",
        "export a model to a file that runs without catdog and Keras",
        example="catdog export pets.keras --out pets.tflite",
    )
    add_model(parser)
    add_out(
        parser,
        "FILE",
        "a file .tflite for LiteRT, .onnx for ONNX or .html for a web page, or a new folder for a "
        "SavedModel",
    )
    add_overwrite(parser)
    parser.add_argument(
        "--format",
        choices=("saved_model", "litert", "onnx", "html"),
        help="default: what the suffix of --out says",
    )
    parser.add_argument(
        "--unsure-below",
        type=float,
        metavar="P",
        help="let a web page abstain below this probability, above 0 and at most 1",
    )
