"""The commands and their options. Nothing heavy is imported, so that `--help` is fast."""

import argparse
import re

import catdog

_EXIT_CODES = """\
exit codes:
  0    done
  1    done, but something could not be read or used
  2    wrong use, or an error; standard error has the message
  130  interrupted

Results go to standard output; progress, warnings and errors to standard error.
`catdog COMMAND --help` shows the options of a command, with an example.
"""
_FOLDER = (
    "one folder per class, or train/ and validation/ (and perhaps test/) with one folder per class "
    "in each, or the images of --labels; or a known data set: cats_and_dogs_filtered, synthetic"
)
_TRAINED = "a .keras file, or a model pretrained on cats and dogs: compact, cnn, cnn_preprocessed"
_SIZE = re.compile(r"([0-9]+)(?:x([0-9]+))?", re.ASCII)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; `command` of the parsed options is a command's name, or `None`."""
    parser = argparse.ArgumentParser(
        prog="catdog",
        description="Train, evaluate and use image classifiers: cats, dogs, or your own folders.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"catdog {catdog.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _add_predict(commands)
    _add_train(commands)
    _add_evaluate(commands)
    _add_models(commands)
    _add_scan(commands)
    return parser


_Commands = argparse._SubParsersAction  # argparse has no other name for it


def _add(
    commands: "_Commands[argparse.ArgumentParser]", name: str, summary: str, *, example: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_predict(commands: "_Commands[argparse.ArgumentParser]") -> None:
    parser = _add(
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
        help=f"a .tflite file that export_model wrote, {_TRAINED} (default: %(default)s)",
    )
    parser.add_argument(
        "--unsure-below",
        type=float,
        metavar="P",
        help="label images `unsure` whose probability is below P, above 0 and at most 1",
    )
    _add_json(parser)


def _add_train(commands: "_Commands[argparse.ArgumentParser]") -> None:
    parser = _add(
        commands,
        "train",
        "train a model on a folder of images, and save it",
        example="catdog train pets/ --model mobilenet_v2.linear --out pets.keras",
    )
    parser.add_argument("folder", type=_not_empty, metavar="FOLDER", help=_FOLDER)
    parser.add_argument(
        "--model",
        default="mobilenet_v2.linear",
        metavar="NAME",
        help="a name that `catdog models` lists (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=_not_empty,
        required=True,
        metavar="FILE.keras",
        help="where to save the model",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    parser.add_argument("--epochs", type=int, default=20, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--patience",
        type=int,
        default=5,
        metavar="N",
        help="stop after N epochs without a lower validation loss, and keep the epoch with the "
        "lowest one (default: %(default)s); 0 trains all epochs, and keeps the last one",
    )
    parser.add_argument(
        "--image-size",
        type=_image_size,
        metavar="PIXELS",
        help="side, or HEIGHTxWIDTH (default: the model's own)",
    )
    parser.add_argument("--backbone", metavar="NAME", help="the network of --model transfer")
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="seed of split, weights and order of images (default: 0, or that of the split file)",
    )
    _add_data_options(parser)
    parser.add_argument(
        "--save-split",
        type=_not_empty,
        metavar="FILE",
        help="write the split to this file",
    )


def _add_evaluate(commands: "_Commands[argparse.ArgumentParser]") -> None:
    parser = _add(
        commands,
        "evaluate",
        "evaluate a model on images it was not trained on",
        example="catdog evaluate pets/ --model pets.keras",
    )
    parser.add_argument("folder", type=_not_empty, metavar="FOLDER", help=_FOLDER)
    parser.add_argument("--model", required=True, metavar="MODEL", help=_TRAINED)
    parser.add_argument(
        "--split",
        choices=("train", "validation", "test", "all"),
        default="test",
        help="the split to evaluate on (default: %(default)s), as drawn for the training; `all` "
        "evaluates on all images as one test set, if the model was trained on none of them",
    )
    _add_data_options(parser)
    _add_json(parser)


def _add_models(commands: "_Commands[argparse.ArgumentParser]") -> None:
    _add_json(_add(commands, "models", "list the models", example="catdog models"))


def _add_scan(commands: "_Commands[argparse.ArgumentParser]") -> None:
    parser = _add(
        commands,
        "scan",
        "read every file of a folder, and list those that cannot be used",
        example="catdog scan pets/ && catdog train pets/ --out pets.keras",
    )
    parser.add_argument("folder", type=_not_empty, metavar="FOLDER", help=_FOLDER)
    parser.add_argument(
        "--quality",
        action="store_true",
        help="also rank the images of each class by what is blurred, dark, overexposed, flat or "
        "tiny",
    )
    parser.add_argument(
        "--shortcuts",
        action="store_true",
        help="also find out how well image size, file format, brightness, border, camera and the "
        "like predict the class; the test images are not used",
    )
    _add_label_options(parser)
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="seed of the split (default: 0, or that of the split file)",
    )
    _add_split_options(parser)
    _add_json(parser)


def _add_label_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--labels",
        type=_not_empty,
        metavar="FILE.csv",
        help="a table with the columns file and label, and perhaps split and group, in place of "
        "class folders; files are named relative to FOLDER",
    )
    parser.add_argument(
        "--corrections",
        type=_not_empty,
        metavar="FILE.json",
        help="decisions about single images: another label, or leave out",
    )


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    _add_label_options(parser)
    _add_split_options(parser)
    parser.add_argument(
        "--skip-bad", action="store_true", help="leave out files that cannot be used"
    )
    parser.add_argument(
        "--cache-dir",
        type=_not_empty,
        metavar="DIR",
        help="keep decoded images, and the features of a backbone, for the next command on these "
        "images",
    )


def _add_split_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--split-file",
        type=_not_empty,
        metavar="FILE",
        help="load the split from this file, which `catdog train --save-split` wrote",
    )
    parser.add_argument(
        "--group-by",
        type=_not_empty,
        metavar="GROUPS",
        help="images that stay in one split: `folder`, a regular expression whose parentheses hold "
        "the name of the group, or a CSV file with the columns file and group",
    )
    parser.add_argument(
        "--near-duplicates",
        choices=("together", "ignore"),
        default="together",
        help="keep images that are nearly the same in one split (the default), or ignore that",
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="write one JSON document")


def _not_empty(text: str) -> str:
    """Return a path; refuse an empty one, such as that of an unset variable of the shell."""
    if not text:
        raise argparse.ArgumentTypeError("is empty: pass a path")
    return text


def _image_size(text: str) -> tuple[int, int]:
    """Return `96` as (96, 96), and `96x128` as (96, 128)."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a side, 96, nor a size, 96x128")
    return int(found[1]), int(found[2] or found[1])
