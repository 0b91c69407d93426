import threading
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from catdog.inference.compute_ahead import Compute, compute_ahead


class Found(NamedTuple):
    pixels: NDArray[np.uint8] | Exception


def read(numbers: Sequence[int]) -> list[Found]:
    """Return an image whose pixels are the number; an odd multiple of 5 cannot be read."""
    return [
        Found(ValueError(str(each)) if each % 10 == 5 else np.full((2, 3, 3), each, np.uint8))
        for each in numbers
    ]


def means(images: NDArray[np.float32]) -> NDArray[np.float32]:
    assert images.dtype == np.float32
    assert images.shape[1:] == (2, 3, 3)
    return np.asarray(images.mean(axis=(1, 2)), np.float32)


@pytest.mark.parametrize("one_by_one", [False, True])
@given(count=st.integers(0, 40), batch_size=st.integers(1, 12), chunk_size=st.integers(1, 12))
def test_outputs_in_the_order_of_the_items(
    count: int, batch_size: int, chunk_size: int, one_by_one: bool
) -> None:
    compute = Compute(means, means if one_by_one else None)
    items = iter(range(count))
    batches = list(compute_ahead(items, batch_size, read, compute, chunk_size, None))
    assert all(len(batch) == batch_size for batch in batches[:-1])
    rows = [row for batch in batches for row in batch]
    assert [item for item, _, _ in rows] == list(range(count))
    for item, found, outputs in rows:
        if isinstance(outputs, Exception):
            assert item % 10 == 5
            assert outputs is found.pixels
        else:
            assert outputs == pytest.approx([item] * 3)


@pytest.mark.parametrize("one_by_one", [False, True])
def test_who_computes(one_by_one: bool) -> None:
    calls: list[tuple[bool, int]] = []

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        calls.append((threading.current_thread() is threading.main_thread(), len(images)))
        return means(images)

    list(compute_ahead(range(12), 6, read, Compute(run, run if one_by_one else None), 3, 12))
    assert sorted(calls) == ([(False, 1)] * 11 if one_by_one else [(True, 5), (True, 6)])


@pytest.mark.parametrize(
    ("cores", "total", "one_by_one", "chunks"),
    [
        (1, 12, False, [6, 6]),
        (2, 12, False, [3, 3, 3, 3]),
        (2, 12, True, [6, 6]),
        (2, 4, True, [2, 2]),
        (4, None, True, [3, 3, 3, 3]),
        (99, 12, True, [1] * 12),
    ],
)
def test_every_core_gets_a_part(
    cores: int,
    total: int | None,
    one_by_one: bool,
    chunks: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("catdog.inference.compute_ahead.thread_count", lambda: cores)
    sizes: list[int] = []

    def read_some(numbers: Sequence[int]) -> list[Found]:
        sizes.append(len(numbers))
        return read(numbers)

    compute = Compute(means, means if one_by_one else None)
    list(compute_ahead(range(total or 12), 6, read_some, compute, 32, total))
    assert sizes == chunks


@pytest.mark.parametrize("one_by_one", [False, True])
def test_an_error_of_the_model_is_raised(one_by_one: bool) -> None:
    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        raise RuntimeError("no memory")

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    taken: list[int] = []
    with pytest.raises(RuntimeError, match="no memory"):
        list(compute_ahead(items(), 4, read, Compute(run, run if one_by_one else None), 1, None))
    assert len(taken) < 20


@pytest.mark.parametrize("one_by_one", [False, True])
def test_no_image_can_be_read(one_by_one: bool) -> None:
    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        raise AssertionError("there is nothing to compute")

    ((row,),) = compute_ahead([5], 4, read, Compute(run, run if one_by_one else None), 1, 1)
    assert isinstance(row[2], ValueError)


def test_a_stop_does_not_wait_for_the_rest_of_a_part() -> None:
    """Of 100 images that are read at once, at most one more runs in each thread."""
    calls: list[int] = []
    began = threading.Event()

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        calls.append(len(images))
        began.set()
        time.sleep(0.01)
        return means(images)

    def items() -> Iterator[int]:
        yield from range(0, 200, 2)
        assert began.wait(60)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(compute_ahead(items(), 100, read, Compute(run, run), 100, None))
    assert len(calls) < 50
