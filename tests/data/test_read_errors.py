"""Images that are changed or removed after the scan, and errors while images are read."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PIL import Image

from catdog import Datasets, build_model, evaluate, load_datasets, train
from catdog.data.datasets import ordered_batches
from catdog.data.session import raise_read_errors
from tests.conftest import write_images
from tests.data.batches import collect

SIZE = (8, 8)


def test_an_image_that_was_changed_is_named(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    path = data.paths("test")[1]
    Image.new("RGB", SIZE).save(path)  # still an image, but another one
    with pytest.raises(Exception, match=f"{path.name} was changed after load_datasets scanned"):
        collect(data.test)


def train_once(model: Any, data: Datasets) -> None:
    train(model, data, epochs=1, verbose=0)


def evaluate_once(model: Any, data: Datasets) -> None:
    evaluate(model, data, split="validation", verbose=0)


@pytest.mark.parametrize("use", [train_once, evaluate_once])
def test_the_error_of_a_removed_image_is_not_tensorflows(
    image_folder: Path, use: Callable[[Any, Datasets], None]
) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    model = build_model("cnn", image_size=(32, 32))
    path = data.paths("validation")[1]
    path.unlink()
    with pytest.raises(ValueError, match=f"^Cannot read the image {path}") as raised:
        use(model, data)
    assert "Call load_datasets again" in str(raised.value)
    assert "tensorflow" not in str(raised.value).lower()


def test_other_errors_are_raised_as_they_are(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    model = build_model("cnn", image_size=(32, 32))
    data.paths("test")[0].unlink()
    with pytest.raises(ValueError, match="Cannot read"):
        evaluate(model, data, verbose=0)
    with pytest.raises(KeyError), raise_read_errors():
        raise KeyError("mine")


def test_an_image_that_became_a_pipe_does_not_block(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    path = data.paths("test")[0]
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Exception, match=f"{path.name} was changed"):
        collect(data.test)


def test_an_image_that_cannot_be_decoded_later_is_named(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load_datasets(image_folder, image_size=SIZE)

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(Exception, match=r"Cannot read the image /.*\.png: MemoryError\(\)"):
        collect(data.test)


LEAVE = """
import sys
from catdog import load_datasets
data = load_datasets(sys.argv[1], image_size=(300, 300), batch_size=4)
batches = iter(data.train)
next(batches)
print("left", flush=True)
"""


@pytest.mark.slow
def test_a_process_may_end_while_images_are_decoded(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        write_images(tmp_path / name, 60, size=400)
    done = subprocess.run(
        [sys.executable, "-c", LEAVE, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "left\n"
    assert done.returncode == 0


def test_threads_do_not_get_the_read_errors_of_other_threads(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE, batch_size=1)
    deleted = data.paths("validation")[1]
    deleted.unlink()
    is_reading, has_failed = Event(), Event()

    def read_deleted() -> None:
        assert is_reading.wait(60)
        try:
            with raise_read_errors() as errors:
                collect(ordered_batches(data, "validation", errors))
        finally:
            has_failed.set()

    def read_good() -> int:
        with raise_read_errors() as errors:
            batches = iter(ordered_batches(data, "test", errors))
            next(batches)
            is_reading.set()
            assert has_failed.wait(60)
            count = 1 + len(list(batches))
            assert errors == []
            raise KeyError(count)

    with ThreadPoolExecutor(2) as pool:
        failed, good = pool.submit(read_deleted), pool.submit(read_good)
        with pytest.raises(ValueError, match=f"^Cannot read the image {deleted}"):
            failed.result(60)
        with pytest.raises(KeyError, match="4"):  # its own error, after all four images
            good.result(60)
    assert len(collect(data.test)[0]) == 4
    with pytest.raises(Exception, match=f"Cannot read the image {deleted}"):
        collect(data.validation)
