"""Decoded images are freed with the data set that they belong to."""

import contextlib
import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from catdog import (
    Datasets,
    calibrate,
    evaluate,
    find_label_issues,
    load_datasets,
    train,
    train_head,
)
from catdog.data import python_calls
from tests.data.batches import collect
from tests.training.conftest import SIZE, linear


@pytest.fixture
def no_garbage_collection() -> Iterator[None]:
    """Free only what no reference is left to: the collector may not run for a long time."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def iterate(data: Datasets) -> None:
    """Read the batches of all sets, at two sizes, in each way that an image size is reached."""
    for part in (*data, *data.at((9, 9)), *data.at((9, 9)).at(SIZE), *data.at((9, 9)).at((7, 8))):
        assert len(collect(part)[0])


interrupted: list[keras.Model] = []


def interrupt(data: Datasets) -> None:
    """Interrupt a training after the validation, as Ctrl-C does; its model lives on."""
    interrupted.append(model := linear())

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    callback = keras.callbacks.LambdaCallback(on_epoch_end=fail)
    with contextlib.suppress(KeyboardInterrupt):
        train(model, data, epochs=1, callbacks=[callback], verbose=0)
    gc.collect()  # the frames of the error


USES: dict[str, Callable[[Datasets], object]] = {
    "iterate": iterate,
    "half a pass": lambda data: next(iter(data.train)),
    "own pipeline": lambda data: list(data.train.map(lambda x, y: x).zip(data.validation)),
    "train": lambda data: train(linear(), data, epochs=1, verbose=0),
    "train_head": lambda data: train_head(linear(), data, epochs=1, verbose=0),
    "interrupted": interrupt,
    "evaluate": lambda data: evaluate(linear(), data, verbose=0),
    "calibrate": lambda data: calibrate(linear(), data, verbose=0),
    "find_label_issues": lambda data: find_label_issues(linear(), data, folds=2, verbose=0),
}


@pytest.mark.filterwarnings("ignore::catdog._utils.errors.UsageWarning")
@pytest.mark.usefixtures("no_garbage_collection")
@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_del_frees_the_decoded_images(image_folder: Path, use: Callable[[Datasets], None]) -> None:
    data = load_datasets(image_folder, image_size=SIZE, batch_size=4)
    use(data)
    caches = [weakref.ref(cache) for cache in data._session.caches.values()]
    assert caches
    assert all(getattr(cache(), "_cached", None) for cache in caches)
    del data
    assert [cache() for cache in caches] == [None] * len(caches)


@pytest.mark.usefixtures("no_garbage_collection")
def test_tensorflow_keeps_no_function_that_reads_images(image_folder: Path) -> None:
    before = len(python_calls._functions)
    data = load_datasets(image_folder, image_size=SIZE)
    iterate(data)
    train(linear(), data, epochs=2, verbose=0)
    assert len(python_calls._functions) > before
    del data
    assert len(python_calls._functions) == before


def test_batches_keep_their_images_without_the_data(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    collect(data.train)
    cache = weakref.ref(data._session.caches[SIZE])
    batches = data.train.map(lambda images, labels: (images / 255, labels))
    del data
    gc.collect()
    assert len(collect(batches)[0]) == 12
    assert cache() is not None, "every pass would decode the images again"


def test_an_iterator_keeps_its_images_without_the_batches(image_folder: Path) -> None:
    batches = iter(load_datasets(image_folder, image_size=SIZE, batch_size=1).train)
    gc.collect()
    assert len(list(batches)) == 12


def test_batches_that_tensorflow_alone_holds_fail_with_the_reason(image_folder: Path) -> None:
    test = load_datasets(image_folder, image_size=SIZE).test
    variant, spec = tf.data.experimental.to_variant(test), test.element_spec
    del test
    gc.collect()
    with pytest.raises(tf.errors.UnknownError, match="no longer exists"):
        list(tf.data.experimental.from_variant(variant, spec))
