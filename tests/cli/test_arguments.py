"""The command line offers what Python offers: a new argument has an option, or a reason here."""

import argparse
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pytest

import catdog
from catdog import typing as types
from catdog.cli.parser import make_parser

# The command that calls each function.
COMMAND_OF: Mapping[str, str] = {
    "build_model": "train",
    "calibrate": "calibrate",
    "clear_feature_cache": "cache",
    "compare": "compare",
    "evaluate": "evaluate",
    "export_model": "export",
    "feature_cache_size": "cache",
    "find_label_issues": "labels",
    "find_shortcuts": "scan",
    "gradcam": "explain",
    "list_models": "models",
    "load_datasets": "train",
    "load_model": "predict",
    "model_spec": "models",
    "plot_gradcam": "explain",
    "predict": "predict",
    "save_model": "train",
    "scan_images": "scan",
    "train": "train",
    "train_head": "train",
    "write_report": "report",
}
_PLOT, _STEP = "draws a figure", "is a step of other functions, or of code of one's own"
_MANY = "is for code that runs on many machines"
ONLY_PYTHON: Mapping[str, str] = {
    "baseline_accuracy": "`evaluate` and `train` print it",
    "check_leaks": "needs a look at its parts",
    "coverage_curve": _STEP,
    "find_near_duplicates": "`evaluate` reports near duplicates of training images",
    "extract_features": _MANY,
    "fine_tune": "needs a look at the figures of the head before it",
    "leaderboard": "`compare` takes two models",
    "load_features": _MANY,
    "make_augmentation": _STEP,
    "make_preprocessor": _STEP,
    "save_corrections": "the decisions are made image by image",
    **{
        name: _PLOT
        for name in catdog.__all__
        if name.startswith("plot_") and name not in COMMAND_OF
    },
}
# What the option is called where it is not called as the argument.
RENAMED = {
    ("build_model", "name"): "model",
    ("export_model", "path"): "out",
    ("gradcam", "image"): "paths",
    ("load_datasets", "on_bad_image"): "skip_bad",
    ("load_datasets", "source"): "folder",
    ("load_model", "path"): "model",
    ("plot_gradcam", "images"): "paths",
    ("predict", "images"): "paths",
    ("save_model", "path"): "out",
    ("scan_images", "folder"): "folder",
    ("write_report", "path"): "out",
}
# Arguments without an option, of all functions or of one.
NO_OPTION = {
    "callbacks": "is Python code",
    "class_names": "is in the files that catdog writes",
    "data": "is loaded from FOLDER",
    "num_classes": "is that of the data",
    "verbose": "is chosen by whether there is a terminal",
    "weights": "a training begins with the default",
    ("export_model", "data"): "random patterns compare the file as well",
    ("predict", "batch_size"): "changes no result",
    ("predict", "on_bad_image"): "bad images are reported, and others classified",
    ("save_model", "model"): "is the trained one",
    ("train", "mixed_precision"): "its effect was not measured on a GPU",
    ("train", "model"): "is built",
    ("train_head", "model"): "is built",
    ("model_spec", "name"): "all are listed",
    ("write_report", "history"): "is not stored in a model; `train --report` passes it",
}
# Options that are no argument of a function: they say where results go.
OUTPUT = {"csv", "json", "out", "overwrite", "report", "save_split", "sort_into", "wrong"}
OTHER = {
    ("cache", "clear"): "chooses the function",
    ("completion", "shell"): "is for shells only",
    ("compare", "split"): "is passed to `evaluate`",
    ("review", "no_browser"): "is for a server without a screen",
    ("review", "port"): "is part of an address on this machine",
    ("scan", "shortcuts"): "adds the call of another function",
    ("train", "compare"): "adds the call of another function",
}
# Where the default differs from that of Python, and why.
OTHER_DEFAULT = {
    ("predict", "model"),
    ("explain", "model"),
    ("train", "model"),
    ("train", "patience"),
    ("labels", "model"),
}


def commands() -> dict[str, dict[str, argparse.Action]]:
    """Return the options of each command, by the name of the argument."""
    (parsers,) = (
        action
        for action in make_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return {
        name: {action.dest: action for action in parser._actions if action.dest != "help"}
        for name, parser in parsers.choices.items()
    }


def arguments() -> Iterator[tuple[str, str, str, inspect.Parameter]]:
    """Yield command, function, name of the option and argument, of all that have an option."""
    for function, command in COMMAND_OF.items():
        for argument in inspect.signature(getattr(catdog, function)).parameters.values():
            if not {argument.name, (function, argument.name)} & NO_OPTION.keys():
                option = RENAMED.get((function, argument.name), argument.name)
                yield command, function, option, argument


def test_each_function_is_called_or_has_a_reason() -> None:
    functions = {name for name in catdog.__all__ if inspect.isfunction(getattr(catdog, name))}
    assert COMMAND_OF.keys() | ONLY_PYTHON.keys() == functions
    assert not COMMAND_OF.keys() & ONLY_PYTHON.keys()
    assert set(COMMAND_OF.values()) <= commands().keys()


def test_each_argument_has_an_option_or_a_reason() -> None:
    found = commands()
    missing = [
        f"{function}({argument.name})"
        for command, function, option, argument in arguments()
        if option not in found[command]
    ]
    assert missing == []


def test_exceptions_are_of_arguments() -> None:
    signatures = {name: inspect.signature(getattr(catdog, name)).parameters for name in COMMAND_OF}
    for listed in [*NO_OPTION, *RENAMED]:
        if isinstance(listed, tuple):
            assert listed[1] in signatures[listed[0]]
        else:
            assert any(listed in signature for signature in signatures.values())


def test_each_option_is_an_argument_or_says_where_results_go() -> None:
    known: dict[str, set[str]] = {name: set(OUTPUT) for name in commands()}
    loading = {option for _, function, option, _ in arguments() if function == "load_datasets"}
    for command, _, option, _ in arguments():
        known[command].add(option)
    for command, options in commands().items():
        if "folder" in options:
            known[command] |= loading | {"model"}
        unknown = {name for name in options.keys() - known[command] if (command, name) not in OTHER}
        assert unknown == set(), command


def test_options_are_spelled_as_arguments() -> None:
    for options in commands().values():
        for name, action in options.items():
            assert not action.option_strings or f"--{name.replace('_', '-')}" in (
                action.option_strings
            )


def test_defaults_are_those_of_python() -> None:
    for command, function, option, argument in arguments():
        default = commands()[command][option].default
        is_same = default == argument.default or (command, option) in OTHER_DEFAULT
        is_required = argument.default is inspect.Parameter.empty
        assert is_same or is_required or default in (None, False), (function, option)


@pytest.mark.parametrize(
    ("command", "option", "values"),
    [
        ("export", "format", types.ExportFormat),
        ("train", "near_duplicates", types.NearDuplicates),
        ("train", "new_files", types.NewFiles),
        ("labels", "splits", types.Split),
    ],
)
def test_choices_are_those_of_python(command: str, option: str, values: Any) -> None:
    choices = commands()[command][option].choices
    assert choices is not None
    assert set(choices) == set(get_args(values.__value__))
