"""Every public name: its annotations can be evaluated, and its objects copied and pickled."""

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys
import typing
from collections.abc import Iterator
from typing import Any

import keras
import pytest

import catdog
from catdog import list_models, model_spec
from catdog._utils import late

COPIES = pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda spec: pickle.loads(pickle.dumps(spec))]
)


def annotated(item: Any) -> Iterator[Any]:
    """Yield a function, or a class with its methods and properties."""
    yield item
    for member in vars(item).values() if inspect.isclass(item) else ():
        function = getattr(member, "fget", getattr(member, "__func__", member))
        if inspect.isfunction(function):
            yield function


@pytest.mark.parametrize("name", catdog.__all__)
def test_annotations_can_be_evaluated(name: str) -> None:
    item = getattr(catdog, name)
    for each in annotated(item):
        hints = typing.get_type_hints(each)
        assert not any(isinstance(hint, str | typing.ForwardRef) for hint in hints.values())
    if dataclasses.is_dataclass(item):
        assert {field.name for field in dataclasses.fields(item)} <= typing.get_type_hints(
            item
        ).keys()


def test_figures_and_batches_are_of_their_packages() -> None:
    assert (
        typing.get_type_hints(catdog.plot_confusion)["return"].__module__ == "matplotlib.axes._axes"
    )
    assert typing.get_type_hints(catdog.plot_examples)["return"].__name__ == "Figure"
    hints = typing.get_type_hints(vars(catdog.Datasets)["train"].fget)
    assert hints["return"].__name__ == "DatasetV2"


def test_annotations_import_nothing_before_they_are_evaluated() -> None:
    code = (
        "import sys; from catdog import Datasets, plot_confusion\n"
        "assert 'matplotlib.axes' not in sys.modules and 'catdog._utils.late' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_names_of_late_modules() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Figure'"):
        late.Figure  # noqa: B018


@COPIES
@pytest.mark.parametrize("name", list_models())
def test_specs_can_be_copied_and_pickled(name: str, copied: Any) -> None:
    spec = model_spec(name)
    other = copied(dataclasses.replace(spec))
    assert other == spec
    assert str(other) == str(spec)
    assert other.measured == spec.measured
    assert other.pretrained == spec.pretrained


def test_a_pickled_spec_builds_the_same_model() -> None:
    for name in ("cnn.two_block", "mobilenet_v2.both_flips", "transfer", "compact"):
        spec = model_spec(name)
        other = pickle.loads(pickle.dumps(spec))
        shapes = []
        for each in (spec, other):
            model: keras.Model = each.build((64, 64), 2)
            shapes.append([weight.shape for weight in model.weights])
        assert shapes[0] == shapes[1]
