"""The options of `catdog review`."""

from catdog.cli.options.shared import FOLDER, Commands, add_command, add_split, not_empty


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "review",
        "decide about doubtful images on a page in the browser",
        example="catdog review pets/ --model pets.keras",
    )
    parser.add_argument("folder", type=not_empty, metavar="FOLDER", help=FOLDER)
    parser.add_argument(
        "--model",
        type=not_empty,
        metavar="MODEL",
        help="also find suspicious labels, with the backbone of a .keras file or of a model that "
        "`catdog models` lists, such as mobilenet_v2.linear",
    )
    parser.add_argument(
        "--labels",
        type=not_empty,
        metavar="FILE.csv",
        help="a table of labels, as for `catdog train`",
    )
    add_split(parser)
    parser.set_defaults(corrections=None)  # images that are decided already are shown, too
    parser.add_argument(
        "--out",
        type=not_empty,
        default="corrections.json",
        metavar="FILE.json",
        help="the file of corrections; one that exists is continued (default: %(default)s)",
    )
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help="port of the page (default: a free one)"
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, and open no browser"
    )
