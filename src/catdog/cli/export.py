"""`catdog export`: export a model to a file that runs without catdog and Keras."""

from argparse import Namespace

from catdog._utils.text import printable
from catdog.cli.open import open_model
from catdog.cli.output import out, progress_on_stderr
from catdog.cli.target import check_new_file
from catdog.cli.wording import renamed
from catdog.inference.export import export_model

MODEL = "MODEL"


def run(options: Namespace) -> int:
    """Export a model, and write the name of the file."""
    check_new_file(options.out, "--out", overwrite=options.overwrite)
    model = open_model(options.model, option=MODEL)
    with progress_on_stderr(), renamed("path", "--out"), renamed("model", MODEL):
        export_model(model, options.out, format=options.format, unsure_below=options.unsure_below)
    out(f"wrote {printable(options.out)}")
    return 0
