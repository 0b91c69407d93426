"""What changes while a `Datasets` is used; everything else about it is a value."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from catdog.typing import ImageSize

if TYPE_CHECKING:
    from catdog.data.datasets import Datasets
    from catdog.data.pipeline import ImageCache

_LOCK = Lock()  # of all sessions: a session can be copied and pickled


@dataclass(eq=False)
class Session:
    """State that all image sizes of one loaded data set share.

    Attributes:
        resized: The data sets by image size, so that each size decodes its images once.
        caches: Decoded images by image size.
        test_evaluations: How often a model was evaluated on the test set.
    """

    resized: "dict[ImageSize, Datasets]" = field(default_factory=dict)
    caches: "dict[ImageSize, ImageCache]" = field(default_factory=dict)
    test_evaluations: int = 0

    def count_test_evaluation(self) -> int:
        """Count one more evaluation on the test set; return how many there were."""
        with _LOCK:
            self.test_evaluations += 1
            return self.test_evaluations

    def copy(self) -> "Session":
        """Return a session of a copied data set: the count goes on, nothing is cached yet."""
        return Session(test_evaluations=self.test_evaluations)


ReadErrors = list[ValueError]
"""What was raised while images were read for one call, first error first."""


@contextmanager
def raise_read_errors() -> Iterator[ReadErrors]:
    """Raise the error of an unreadable image as it is, not as TensorFlow reports it.

    tf.data turns an exception of its Python function into a long message of its own. The batches of
    a call append the original to the list that is yielded here; other calls have their own lists.
    """
    errors: ReadErrors = []
    try:
        yield errors
    except Exception:
        if errors:
            raise errors[0] from None
        raise
