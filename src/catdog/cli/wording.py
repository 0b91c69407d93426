"""Word errors and warnings with the names of the command line's options."""

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from catdog._utils.errors import HintCode, UsageError, UsageWarning

# The option for each argument of catdog's functions. A `path` has none of its own: see `renamed`.
OPTIONS: Mapping[str, str] = {
    "backbone": "--backbone",
    "batch_size": "--batch-size",
    "cache_dir": "--cache-dir",
    "cache_mib": "--cache-mib",
    "checkpoint_dir": "--checkpoint-dir",
    "class_weight": "--class-weight",
    "corrections": "--corrections",
    "epochs": "--epochs",
    "folder": "FOLDER",
    "folds": "--folds",
    "format": "--format",
    "group_by": "--group-by",
    "image_size": "--image-size",
    "label": "--label",
    "labels": "--labels",
    "model": "--model",
    "name": "--model",
    "near_duplicates": "--near-duplicates",
    "new_files": "--new-files",
    "patience": "--patience",
    "seed": "--seed",
    "source": "FOLDER",
    "split": "--split",
    "split_file": "--split-file",
    "splits": "--splits",
    "test_fraction": "--test-fraction",
    "unsure_below": "--unsure-below",
    "validation_fraction": "--validation-fraction",
    "views": "--views",
}
HINTS: Mapping[HintCode, str] = {
    HintCode.ADD_NEW_FILES: "Pass --new-files train to add new ones to the training set.",
    HintCode.CHOOSE_INNER: (
        "If the inner ones are the classes, put them beside each other into one folder. If each is "
        "a group, such as a patient or a video, pass --group-by folder."
    ),
    HintCode.CHOOSE_LEVEL: (
        "If the inner ones are the classes, pass one of the outer folders; or name these train/ "
        "and test/, if they hold different images. If the outer ones are the classes, give the "
        "inner folders different names, or pass --group-by folder if each is a group."
    ),
    HintCode.DROP_SPLIT_FILE: "Bring them back, or make a new split without --split-file.",
    HintCode.KEEP_EARLIER_SPLIT: (
        "Choose another name. If the file holds an earlier split, --split-file loads it."
    ),
    HintCode.MATCH_CLASSES: (
        "Name the folders of the images after the model's classes, or train a model on them with "
        "catdog train."
    ),
    HintCode.MATCH_CLASS_COUNT: "Train a model on these images: catdog train.",
    HintCode.KEEP_BURSTS: (
        "Keep them together with --group-by, if the names show where a burst ends: catdog scan "
        "prints what to pass."
    ),
    HintCode.NAME_EXPORT: (
        "End it in .tflite for LiteRT, .onnx for ONNX or .html for a web page, or pass --format "
        "saved_model for a folder of that name."
    ),
    HintCode.NAME_GROUPS: (
        "Name the images that belong together, such as the frames of a video, with --group-by. Or "
        "pass --near-duplicates ignore."
    ),
    HintCode.NO_IMAGENET_WEIGHTS: "Or pass --model compact, whose weights come with catdog.",
    HintCode.SAVE_MODEL: "catdog train writes such a file.",
    HintCode.SAVE_SPLIT: "catdog train --save-split writes one.",
    HintCode.SKIP_BAD_IMAGES: (
        "Repair or remove them, or leave them out with --skip-bad. catdog scan lists them all."
    ),
    HintCode.USE_BACKBONE: (
        "Pass --model mobilenet_v2.linear, or a file of a model that begins with a frozen "
        "backbone. Or leave --model out of catdog review, which then shows what a scan finds."
    ),
    HintCode.USE_SPLIT_LISTS: (
        "To use it, pass a table with the columns file, label and split as --labels, or a split "
        "file that catdog wrote as --split-file."
    ),
    HintCode.USE_SYNTHETIC: "Or use the built-in images, by the name synthetic.",
    HintCode.USE_TRANSFER: "Leave it out, or pass --model transfer.",
}

_GROUP_BY = re.compile(r'group_by=r?"([^"]*)"')


def worded(problem: object) -> str:
    """Return the message of an error or a warning, with options in place of arguments."""
    if isinstance(problem, UsageError):
        names = (problem.argument or "").split(" and ")  # of arguments without effect
        argument = " and ".join(OPTIONS.get(name, name) for name in names)
        return problem.worded(argument, _hint(problem))
    if isinstance(problem, UsageWarning):
        return problem.worded(_hint(problem))
    return str(problem)


def _hint(problem: UsageError | UsageWarning) -> str:
    hint = HINTS[problem.hint_code] if problem.hint_code else problem.hint
    return _GROUP_BY.sub(lambda found: f"--group-by {shlex.quote(found[1])}", hint)


def option_words(name: str, value: str) -> list[str]:
    """Return an option and its value; one word if the value begins with a dash."""
    return [f"{name}={value}"] if value.startswith("-") else [name, value]


@contextmanager
def renamed(argument: str, option: str) -> Iterator[None]:
    """Name an option in the errors about an argument that several options are passed to."""
    try:
        yield
    except UsageError as error:
        if error.argument == argument:
            error.argument = option
        raise
