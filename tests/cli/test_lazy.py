"""Keras and TensorFlow are loaded when they are needed, without their log lines."""

import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from catdog._utils.keras_internals import LOG_LEVEL_VARIABLE
from tests.cli.conftest import python
from tests.conftest import write_images

RUN = """
import sys
from catdog.cli.main import main
code = main({arguments!r})
assert "keras.src" not in sys.modules and "tensorflow.python" not in sys.modules
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["models"], 0, ""),
        (["models", "--json"], 0, ""),
        (["predict", "nosuch.jpg"], 1, "The image nosuch.jpg does not exist"),
        (["predict", "photos", "--model", "no.keras"], 2, "--model='no.keras' does not exist"),
        (["predict", "photos", "--model", "cats"], 2, "--model='cats' is neither a .keras or"),
        (["train", "nofolder", "--out", "x.keras"], 2, "FOLDER='nofolder' is neither a folder"),
        (["train", "photos", "--out", "x.keras"], 2, "holds no class folders"),
        (["train", "photos", "--out", "no/x.keras"], 2, "--out='no/x.keras'"),
        (["train", "photos", "--out", "x.keras", "--model", "cn"], 2, "Did you mean"),
        (["evaluate", "nofolder", "--model", "compact"], 2, "FOLDER='nofolder' is neither"),
        (["evaluate", "photos", "--model", "no.keras"], 2, "--model='no.keras' does not exist"),
        (["scan", "nofolder"], 2, "FOLDER='nofolder' is neither a folder"),
        (["labels", "nofolder"], 2, "FOLDER='nofolder' is neither a folder"),
        (["labels", "photos", "--model", "cn"], 2, "Did you mean"),
        (["calibrate", "compact", "photos"], 2, "MODEL='compact' is part of catdog"),
        (["compare", "no.keras", "compact", "photos"], 2, "FIRST='no.keras' does not exist"),
        (["explain", "photos", "--model", "no.keras", "--out", "d"], 2, "='no.keras' does not"),
        (["export", "no.keras", "--out", "m.tflite"], 2, "MODEL='no.keras' does not exist"),
        (["cache", "photos"], 0, ""),
    ],
)
def test_an_answer_without_keras(arguments: Sequence[str], code: int, message: str) -> None:
    write_images(Path("photos"), 2)
    done = python("-c", RUN.format(arguments=arguments))
    assert done.returncode == code, done.stderr
    assert message in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_terminal_says_what_is_loading() -> None:
    code = "import catdog.cli.lazy as lazy; lazy.load_keras_on_use(); import keras; keras.layers"
    terminal, other_end = pty.openpty()
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"
    environment = {name: value for name, value in os.environ.items() if name != LOG_LEVEL_VARIABLE}
    subprocess.run(command, shell=True, check=True, stderr=other_end, env=environment)
    os.close(other_end)
    assert os.read(terminal, 1000).decode() == (f"catdog: loading TensorFlow ...\r{' ' * 30}\r")
    os.close(terminal)


@pytest.mark.slow
def test_submodules_and_names_of_lazy_modules() -> None:
    code = """
import sys, catdog.cli.lazy as lazy
lazy.load_keras_on_use()
import keras, tensorflow as tf
from keras.src.models import Functional
assert keras.Model is not None and hasattr(tf, "constant") and not hasattr(keras, "nothing")
assert type(keras) is type(sys) and sys.modules["keras"] is keras
"""
    assert python("-c", code).returncode == 0
