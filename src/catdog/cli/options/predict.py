"""The options of `catdog predict`."""

from catdog.cli.options.shared import (
    TRAINED,
    Commands,
    add_command,
    add_json,
    add_overwrite,
    add_paths,
    not_empty,
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "predict",
        "classify images",
        example="catdog predict photo.jpg holiday/ --unsure-below 0.9",
    )
    add_paths(parser)
    parser.add_argument(
        "--model",
        default="compact",
        metavar="MODEL",
        help=f"a .tflite file that `catdog export` wrote, {TRAINED} (default: %(default)s)",
    )
    parser.add_argument(
        "--unsure-below",
        type=float,
        metavar="P",
        help="label images `unsure` whose probability is below P, above 0 and at most 1",
    )
    parser.add_argument(
        "--csv",
        type=not_empty,
        metavar="FILE.csv",
        help="also write the predictions to this file, with the probability of every class",
    )
    parser.add_argument(
        "--sort-into",
        type=not_empty,
        metavar="DIR",
        help="copy each image into the folder of its label in DIR, such as DIR/cats or DIR/unsure; "
        "no image is moved or replaced, and a name that is taken gets a number",
    )
    add_overwrite(parser, "the file of --csv")
    add_json(parser)
