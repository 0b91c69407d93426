import copy
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import catdog
from catdog._utils import errors
from catdog._utils.errors import HintCode, InvalidValueError, UsageError, UsageWarning

BUILT_IN = {
    errors.InvalidValueError: ValueError,
    errors.InvalidTypeError: TypeError,
    errors.MissingFileError: FileNotFoundError,
    errors.ExistingFileError: FileExistsError,
    errors.FolderExpectedError: NotADirectoryError,
    errors.FileExpectedError: IsADirectoryError,
    errors.FileAccessError: OSError,
    errors.MissingPackageError: ImportError,
    errors.BackendError: RuntimeError,
    errors.NotFiniteError: FloatingPointError,
}


def test_every_error_has_a_built_in_type() -> None:
    assert set(BUILT_IN) == set(UsageError.__subclasses__())
    for kind, built_in in BUILT_IN.items():
        with pytest.raises(built_in, match=r"^a must be b\. Pass b\.$"):
            raise kind("must be b", argument="a", hint="Pass b.")


def test_message_is_joined_from_the_parts() -> None:
    for error, message in (
        (InvalidValueError("must be 1", argument="a"), "a must be 1."),
        (InvalidValueError("is not known", argument="a", value="b"), "a='b' is not known."),
        (InvalidValueError("is not known", argument="a", value=None), "a=None is not known."),
        (InvalidValueError("Nothing is left", hint="Add some."), "Nothing is left. Add some."),
        (InvalidValueError("Bad:\n  a\n  b\n", hint="Add some."), "Bad:\n  a\n  b\nAdd some."),
        (InvalidValueError("Bad:\n  a\n  b\n"), "Bad:\n  a\n  b"),
    ):
        assert str(error) == message
    error = InvalidValueError("is not known", argument="a", value="b", hint="Pass c.")
    assert error.worded("--a", "Pass d.") == "--a='b' is not known. Pass d."
    assert str(UsageWarning("One is left out.")) == "One is left out."
    warning = UsageWarning("One is left out.", hint="Add it.")
    assert str(warning) == "One is left out. Add it."
    assert warning.worded("Remove it.") == "One is left out. Remove it."


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))],
    ids=["copy", "deepcopy", "pickle"],
)
@pytest.mark.parametrize("kind", BUILT_IN)
def test_copies_and_pickles_keep_the_parts(
    kind: type[UsageError], duplicate: Callable[[UsageError], UsageError]
) -> None:
    code = HintCode.SAVE_MODEL
    for error in (
        kind("is missing", argument="path", value="a.keras", hint="Save it.", hint_code=code),
        kind("must be 1, not 2", argument="epochs"),
        kind("Nothing is left"),
    ):
        error.add_note("note")
        other = duplicate(error)
        assert type(other) is kind
        assert (str(other), other.args) == (str(error), error.args)
        assert vars(other) == vars(error)
        assert other.worded("--x", "y") == error.worded("--x", "y")


def test_warnings_survive_copies_and_pickles() -> None:
    warning = UsageWarning("One is left out.", hint="Add it.", hint_code=HintCode.ADD_NEW_FILES)
    for other in (copy.deepcopy(warning), pickle.loads(pickle.dumps(warning))):
        assert str(other) == str(warning)
        assert vars(other) == vars(warning)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: catdog.model_spec("cnnn"), "name"),
        (lambda: catdog.build_model("cnn", image_size=(0, 160)), "image_size"),
        (lambda: catdog.build_model("cnn", num_classes=1), "num_classes"),
        (lambda: catdog.build_model("cnn", seed=-1), "seed"),
        (lambda: catdog.build_model("cnn", backbone="VGG16"), "backbone"),
        (lambda: catdog.load_datasets("no_folder"), "source"),
        (lambda: catdog.load_datasets("synthetic", test_fraction=2), "test_fraction"),
        (lambda: catdog.load_datasets("synthetic", split_file="no.json"), "split_file"),
        (lambda: catdog.scan_images("no_folder"), "folder"),
        (lambda: catdog.load_model("no.keras"), "path"),
        (lambda: catdog.make_augmentation(flip="diagonal"), "flip"),  # type: ignore[arg-type]
        (lambda: catdog.baseline_accuracy([]), "data_or_labels"),
        (lambda: catdog.predict(catdog.build_model("compact"), np.zeros(3)), "images"),
    ],
)
def test_errors_of_the_package_hold_their_parts(call: Callable[[], object], argument: str) -> None:
    with pytest.raises(UsageError) as caught:
        call()
    error = caught.value
    assert error.argument == argument
    assert re.match(rf"{argument}(=| must )", str(error))
    assert error.rule
    assert not error.rule.endswith(".")
    assert error.rule in str(error)
    assert str(error).endswith(f". {error.hint}" if error.hint else f"{error.rule}.")


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))]
)
def test_an_error_about_any_object_can_be_copied(duplicate: Callable[[Any], Any]) -> None:
    for value in (lambda: 0, object(), (number for number in "ab")):
        error = errors.InvalidValueError("is not known", argument="split", value=value)
        assert str(duplicate(error)) == str(error)
