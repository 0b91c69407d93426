"""The only state of a `Datasets` that changes: image caches, and counts of test evaluations."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from catdog.typing import ImageSize

if TYPE_CHECKING:
    from catdog.data.datasets import Datasets
    from catdog.data.early_pixels import EarlyPixels
    from catdog.data.pipeline import ImageCache

_LOCK = Lock()  # one for all sessions, because a lock can be neither copied nor pickled


@dataclass(eq=False)
class Session:
    """State that all image sizes of one loaded data set share.

    It holds no `Datasets`, so that `del data` frees the decoded images at once: no cycle has to
    wait for Python's garbage collection, which counts objects, not bytes.

    Attributes:
        resized: The data sets in use, by image size, batch size and seed.
        batches: The attributes `train`, `validation` and `test` of the data sets, by what they
            depend on.
        caches: Decoded images by image size.
        early: Pixels of large images that the scan has kept; `None` in a copy.
        test_evaluations: How often a model was evaluated on the test set.
    """

    resized: "WeakValueDictionary[tuple[ImageSize, int, int], Datasets]" = field(
        default_factory=WeakValueDictionary
    )
    batches: dict[tuple[object, ...], Any] = field(default_factory=dict)
    caches: "dict[ImageSize, ImageCache]" = field(default_factory=dict)
    early: "EarlyPixels | None" = None
    test_evaluations: int = 0

    def count_test_evaluation(self) -> int:
        """Count one more evaluation on the test set; return the new count."""
        with _LOCK:
            self.test_evaluations += 1
            return self.test_evaluations

    def copy(self) -> "Session":
        """Return a session for a copy of the data set: with the count, and with empty caches."""
        return Session(test_evaluations=self.test_evaluations)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what pickles are made of, as for `copy`: weak references cannot be pickled."""
        return partial(Session, test_evaluations=self.test_evaluations), ()


ReadErrors = list[ValueError]
"""The errors of images that could not be read during one call, in order."""


@contextmanager
def raise_read_errors() -> Iterator[ReadErrors]:
    """Raise the original error of an unreadable image, not the error of TensorFlow.

    tf.data replaces an exception of its Python function by an error with a long message. The
    batches of a call append the original error to the list that is yielded here. Each call has a
    list of its own, so that threads do not get the errors of other threads.
    """
    errors: ReadErrors = []
    try:
        yield errors
    except Exception:
        if errors:
            raise errors[0] from None
        raise
