import keras
import numpy as np
import pytest
from matplotlib.axes import Axes

from catdog import (
    plot_history,
)
from tests.plotting.conftest import history_of


def test_history() -> None:
    history = history_of(accuracy=[0.5, 0.7], val_accuracy=[0.4, 0.6], loss=[1.0, 0.5])
    axes = plot_history(history, baseline=0.5)
    assert isinstance(axes, Axes)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "accuracy")
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines) == ["training", "validation", "baseline"]
    assert np.asarray(lines["validation"].get_xdata()).tolist() == [1, 2]
    assert np.asarray(lines["validation"].get_ydata()).tolist() == [0.4, 0.6]
    assert np.asarray(lines["baseline"].get_ydata()).tolist() == [0.5, 0.5]
    assert all(line.get_visible() and line.get_alpha() is None for line in axes.lines)
    assert [line.get_label() for line in plot_history(history, metric="loss").lines] == ["training"]


def test_history_of_some_validations_only() -> None:
    """As of `validation_freq=2`: which epochs these are is not recorded."""
    history = history_of(accuracy=[0.5, 0.6, 0.7, 0.8], val_accuracy=[0.4, 0.6])
    with pytest.raises(ValueError, match="more epochs of some metrics.*validation_freq=1"):
        plot_history(history)


def test_history_without_the_metric() -> None:
    with pytest.raises(ValueError, match="metric='acuracy' is not known. Did you mean 'accuracy'"):
        plot_history(history_of(accuracy=[1], val_accuracy=[1]), metric="acuracy")


def test_history_without_epochs_or_as_a_dictionary() -> None:
    for history in (keras.callbacks.History(), {"accuracy": [0.5]}):
        with pytest.raises(TypeError, match="history must be what train or model.fit returned"):
            plot_history(history)
