"""The options of `catdog predict`."""

from catdog.cli.options.shared import TRAINED, Commands, add_command, add_json


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "predict",
        "classify images",
        example="catdog predict photo.jpg holiday/ --unsure-below 0.9",
    )
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="an image, or a folder with its sub-folders; options go before or after all paths",
    )
    parser.add_argument(
        "--model",
        default="compact",
        metavar="MODEL",
        help=f"a .tflite file that export_model wrote, {TRAINED} (default: %(default)s)",
    )
    parser.add_argument(
        "--unsure-below",
        type=float,
        metavar="P",
        help="label images `unsure` whose probability is below P, above 0 and at most 1",
    )
    add_json(parser)
