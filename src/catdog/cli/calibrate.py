"""`catdog calibrate`: calibrate a model on the validation images, and save it."""

from __future__ import annotations

import os
from argparse import Namespace

from catdog._utils import checks
from catdog._utils.errors import ExistingFileError, InvalidValueError
from catdog._utils.text import printable
from catdog.cli.open import open_model
from catdog.cli.output import out, out_json, progress_on_stderr
from catdog.cli.target import check_new_file
from catdog.cli.trained import load_as_trained, warn_if_trained_on
from catdog.cli.wording import renamed
from catdog.data.source import find_source
from catdog.evaluation.calibration import calibrate
from catdog.models.saving import SUFFIX, model_target, save_model

MODEL = "MODEL"


def run(options: Namespace) -> int:
    """Calibrate a model, and save it with its temperature."""
    target = _check_target(options)
    find_source("source", options.folder)  # as load_datasets does, fails before Keras is loaded
    model = open_model(options.model, option=MODEL)
    data = load_as_trained(model, options)
    with progress_on_stderr() as is_terminal, renamed("model", MODEL):
        calibration = calibrate(model, data, verbose=1 if is_terminal else 0)
    warn_if_trained_on(model, data, options.model, folder=options.folder, split="validation")
    with renamed("path", "--out"):
        save_model(model, target)
    if options.json:
        out_json({"model": target, "data": options.folder, **calibration.to_dict()})
    else:
        out(f"{calibration}\nwrote {printable(target)}")
    return 0


def _check_target(options: Namespace) -> str:
    """Return the path to save the model at.

    Raises:
        OSError: If no file can be written there, or one exists that is not to be replaced.
        ValueError: If a model cannot be saved there.
    """
    target: str | None = options.out
    if target is None:
        if not options.model.endswith(SUFFIX):
            raise InvalidValueError(
                "is part of catdog, so the calibrated model needs a file",
                argument=MODEL,
                value=options.model,
                hint=f"Pass --out calibrated{SUFFIX}.",
            )
        if not options.overwrite and os.path.lexists(checks.expand_home(options.model)):
            raise ExistingFileError(
                "exists",
                argument=MODEL,
                value=options.model,
                hint=f"Pass --overwrite to replace it, or --out calibrated{SUFFIX}.",
            )
        return str(options.model)
    with renamed("path", "--out"):
        model_target(target)
    check_new_file(target, "--out", overwrite=options.overwrite)
    return target
