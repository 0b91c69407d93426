"""`catdog report`: write a report on a model and its data, as one HTML file."""

from __future__ import annotations

from argparse import Namespace

import keras

from catdog._utils.text import counted, printable
from catdog.cli.open import open_model
from catdog.cli.output import out, progress_on_stderr
from catdog.cli.target import check_new_file
from catdog.cli.trained import load_as_trained, warn_if_trained_on
from catdog.cli.wording import renamed
from catdog.data.datasets import Datasets
from catdog.data.source import find_source
from catdog.reporting.target import check_report_target

MODEL = "MODEL"


def run(options: Namespace) -> int:
    """Write the report on a model, evaluated on the test set of its own training."""
    check_target(options.out, "--out", overwrite=options.overwrite)
    find_source("source", options.folder)  # as load_datasets does, fails before Keras is loaded
    model = open_model(options.model, option=MODEL)
    data = load_as_trained(model, options)
    with renamed("model", MODEL):
        write(model, data, options.out, options, title=options.title)
    warn_if_trained_on(model, data, options.model, folder=options.folder, split="test")
    return 0


def check_target(path: str, option: str, *, overwrite: bool) -> None:
    """Check that a report can be written, before anything that takes long.

    Args:
        path: What was passed.
        option: The option that it was passed as.
        overwrite: Whether a file of that name may be replaced.
    """
    with renamed("path", option):
        check_report_target(path, overwrite=True)
    check_new_file(path, option, overwrite=overwrite)


def write(
    model: keras.Model,
    data: Datasets,
    path: str,
    options: Namespace,
    *,
    title: str | None = None,
    history: keras.callbacks.History | None = None,
) -> None:
    """Write the report, and say what it found and what it contains.

    Args:
        model: The model.
        data: The images.
        path: The file.
        options: Say whether a file is replaced, and where features are kept.
        title: Title of the page.
        history: The learning curves, if the model was just trained.
    """
    import matplotlib as mpl

    from catdog.reporting.write import write_report  # late: the layer of Grad-CAM loads Keras

    mpl.use("Agg")  # no window for each figure
    with progress_on_stderr() as is_terminal:
        report = write_report(
            model,
            data,
            path,
            history=history,
            title=title,
            overwrite=options.overwrite,
            cache_dir=options.cache_dir,
            verbose=1 if is_terminal else 0,
        )
    (low, high), images = report.evaluation.interval, counted(report.evaluation.n, "test image")
    out(
        f"wrote {printable(path)}, which contains images of the folder\n"
        f"test set: {report.evaluation.accuracy:.1%} of {images} right "
        f"(95 % confidence interval {low:.1%} to {high:.1%})"
    )
