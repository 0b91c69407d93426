"""Make batches of images with tf.data, from a cache of decoded images."""

from __future__ import annotations

import atexit
import hashlib
import itertools
import stat
import time
from collections.abc import Callable, Sequence
from functools import wraps
from threading import Lock
from typing import Any, ParamSpec, TypeVar
from weakref import WeakValueDictionary

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog._utils.errors import InvalidValueError
from catdog._utils.seeding import shuffled
from catdog.data.early_pixels import EarlyPixels
from catdog.data.findings import ImageFile
from catdog.data.session import ReadErrors
from catdog.images.decode import decode_image
from catdog.typing import ImageSize

PREFETCH_BATCHES = 2  # AUTOTUNE takes more and more memory after every pause of the training

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class _Gate:
    """Lets tf.data's threads call Python functions until Python ends.

    A thread that enters Python while it ends would block forever. Python waits for TensorFlow, and
    TensorFlow waits for the thread, so the process would never end (TensorFlow 2.21).
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._running = 0
        self._last_call = 0.0
        self._open = True

    def guard(self, function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        """Return a function that TensorFlow may call at any time; it raises once Python ends."""

        @wraps(function)
        def guarded(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
            with self._lock:
                self._last_call = time.monotonic()
                if not self._open:
                    raise RuntimeError("Python is ending")
                self._running += 1
            try:
                return function(*arguments, **options)
            finally:
                with self._lock:
                    self._last_call = time.monotonic()
                    self._running -= 1

        return guarded

    def close(self, *, quiet_seconds: float = 0.2, max_seconds: float = 10.0) -> None:
        """Refuse all new calls; wait until there was no call for `quiet_seconds`."""
        self._open = False
        end = time.monotonic() + max_seconds
        while time.monotonic() < end and (
            self._running or time.monotonic() - self._last_call < quiet_seconds
        ):
            time.sleep(0.01)


_gate = _Gate()
atexit.register(_gate.close)

_functions: WeakValueDictionary[int, Callable[..., Any]] = WeakValueDictionary()
_numbers = itertools.count()


def _register(function: Callable[..., Any]) -> int:
    """Return the number by which `_call` finds a function, as long as `_keep` holds it."""
    number = next(_numbers)
    _functions[number] = function
    return number


@_gate.guard
def _call(number: Any, *arguments: Any) -> NDArray[Any]:
    """Call a registered function within tf.data.

    TensorFlow 2.21 keeps what `tf.numpy_function` calls until the process ends. So that is this
    function, never one that holds images.
    """
    function = _functions.get(int(number))
    if function is None:
        raise RuntimeError("the tf.data.Dataset that these batches came from no longer exists")
    result: NDArray[Any] = function(*arguments)
    return result


def _keep(dataset: tf.data.Dataset, function: Callable[..., Any]) -> tf.data.Dataset:
    """Store a function on the data set that calls it, so that it lives as long as its batches."""
    dataset.python_function = function
    return dataset


class ImageCache:
    """Decodes images at one size and caches their pixels, up to the cache limit."""

    def __init__(
        self, image_size: ImageSize, cache_mib: int, early: EarlyPixels | None = None
    ) -> None:
        """Cache at most `cache_mib` MiB of images of `image_size`, at three bytes per pixel.

        Args:
            image_size: Height and width in pixels.
            cache_mib: Cache limit in MiB.
            early: Pixels that the scan has kept, perhaps of another size.
        """
        self.image_size = image_size
        self.max_images = cache_mib * 2**20 // (image_size[0] * image_size[1] * 3)
        self._cached: dict[str, NDArray[np.uint8]] = {}
        if early and early.image_size == image_size:
            self._cached |= early.by_hash

    def read(self, image: ImageFile) -> NDArray[np.uint8]:
        """Return the pixels of an image, shape `(height, width, 3)`.

        Raises:
            ValueError: If its file was changed or removed after the scan.
        """
        pixels = self._cached.get(image.sha256)
        if pixels is None:
            content = _read_unchanged(image)
            pixels = decode_image(content, self.image_size, name=str(image.path))
            if len(self._cached) < self.max_images:
                self._cached[image.sha256] = pixels
        return pixels


def _read_unchanged(image: ImageFile) -> bytes:
    """Return the content of a file; raise if it was changed or removed after the scan."""
    hint = "Call load_datasets again, to scan the folder again."
    try:
        status = image.path.stat()
        is_same = stat.S_ISREG(status.st_mode) and status.st_size == image.size
        content = image.path.read_bytes() if is_same else b""  # a read from a pipe would block
    except OSError as error:
        raise InvalidValueError(
            f"Cannot read the image {image.path}: {error}", hint=hint
        ) from error
    if not is_same or hashlib.sha256(content).hexdigest() != image.sha256:
        raise InvalidValueError(
            f"The image {image.path} was changed after load_datasets scanned it", hint=hint
        )
    return content


def make_batches(
    images: Sequence[ImageFile],
    cache: ImageCache,
    *,
    batch_size: int,
    shuffle_seed: int | None = None,
    errors: ReadErrors,
) -> tf.data.Dataset:
    """Decode images in parallel and batch them.

    Args:
        images: The images of a set.
        cache: Reads the files, at its image size.
        batch_size: Images in a batch; the last one may hold fewer.
        shuffle_seed: Seed of the order, which changes from pass to pass and is the same in every
            process; `None` keeps the order of `images`.
        errors: Receives the errors of images that cannot be read, which TensorFlow would hide.

    Returns:
        Batches `(images, labels)`: `float32` `(batch, height, width, 3)` in `[0, 255]`, and
        `int32` `(batch,)`.
    """
    labels = tf.constant([image.label for image in images], tf.int32)
    shape = (*cache.image_size, 3)

    def read(position: Any) -> NDArray[np.uint8]:
        try:
            return cache.read(images[position])
        except ValueError as error:
            errors.append(error)
            raise

    number = _register(read)

    def decode(position: Any) -> tuple[Any, Any]:
        pixels = tf.numpy_function(_call, [number, position], tf.uint8)
        return tf.ensure_shape(pixels, shape), labels[position]

    count = len(images)
    order = tf.data.Dataset.range(count) if shuffle_seed is None else _shuffled(count, shuffle_seed)
    decoded = order.map(decode, num_parallel_calls=tf.data.AUTOTUNE)
    # TensorFlow allocates a whole batch, even if there are fewer images.
    batches = decoded.batch(min(batch_size, count)).map(_to_float).prefetch(PREFETCH_BATCHES)
    return _keep(batches, read)


def _shuffled(count: int, seed: int) -> tf.data.Dataset:
    """Return the positions `0 .. count - 1`, in a new order on every pass.

    The order depends on `seed` only, while `Dataset.shuffle` also uses TensorFlow's global seed.
    """
    passes = itertools.count()

    def draw() -> NDArray[np.int64]:
        return shuffled(count, seed, next(passes))

    number = _register(draw)

    def positions(_: Any) -> tf.data.Dataset:
        order = tf.ensure_shape(tf.numpy_function(_call, [number], tf.int64), [count])
        return tf.data.Dataset.from_tensor_slices(order)

    one_pass = tf.data.Dataset.range(1).flat_map(positions)
    return _keep(one_pass.apply(tf.data.experimental.assert_cardinality(count)), draw)


def _to_float(images: Any, labels: Any) -> tuple[Any, Any]:
    return tf.cast(images, tf.float32), labels
