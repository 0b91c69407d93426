"""Make batches of images with tf.data, from a cache of decoded images."""

from __future__ import annotations

import hashlib
import itertools
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog._utils.errors import InvalidValueError
from catdog._utils.seeding import shuffled
from catdog._utils.threads import core_count
from catdog.data.early_pixels import EarlyPixels, max_cached_images
from catdog.data.findings import ImageFile
from catdog.data.native import Plan, decode_native, find_plan
from catdog.data.pixel_cache import PixelCache
from catdog.data.python_calls import call, keep_alive, register, without_autograph
from catdog.data.session import ReadErrors
from catdog.images.decode import decode_image
from catdog.typing import ImageSize

MAX_CHUNK_FILES, MAX_CHUNK_BYTES = 16, 2**23  # that are read in one call of Python
# Not AUTOTUNE: it never takes more than one for what `flat_map` makes (TensorFlow 2.21).
_PARALLEL_CALLS = core_count()
_LOCK = Lock()  # one for all caches, because a lock can be neither copied nor pickled
PREFETCH_BATCHES = 2  # AUTOTUNE takes more and more memory after every pause of the training


class ImageCache:
    """Decodes images at one size and caches their pixels: in memory up to a limit, and on disk."""

    def __init__(
        self,
        image_size: ImageSize,
        cache_mib: int,
        cache_dir: Path | None = None,
        early: EarlyPixels | None = None,
    ) -> None:
        """Cache images of `image_size`, at three bytes per pixel.

        Args:
            image_size: Height and width in pixels.
            cache_mib: Limit of the memory in MiB.
            cache_dir: Folder that all images are cached in; `None` for memory only.
            early: Pixels that the scan has kept, perhaps of another size.
        """
        self.image_size = image_size
        self.max_images = max_cached_images(cache_mib, image_size)
        self._cached: dict[str, NDArray[np.uint8]] = {}
        self._on_disk = None if cache_dir is None else PixelCache(cache_dir, image_size)
        if early and early.image_size == image_size:
            self._cached |= early.by_hash

    def has(self, image: ImageFile) -> bool:
        """Return whether the pixels of an image are cached in memory."""
        return image.sha256 in self._cached

    def stack(self, images: Sequence[ImageFile]) -> NDArray[np.uint8]:
        """Return the pixels of images that are cached in memory, `(n, height, width, 3)`."""
        return np.stack([self._cached[image.sha256] for image in images])

    def read(self, image: ImageFile) -> tuple[bytes, Plan | None]:
        """Return what an image is decoded from, and how; see `decode_native`.

        Raises:
            ValueError: If it is not cached, and its file was changed or removed after the scan.
        """
        pixels = self._cached.get(image.sha256)
        if pixels is None:
            pixels = self._read_cached(image)
        if pixels is None:
            content = _read_unchanged(image)
            if plan := find_plan(image.plain_jpeg, self.image_size):
                return content, plan
            pixels = decode_image(content, self.image_size, name=str(image.path))
            self.keep(image, pixels)
        return pixels.tobytes(), None

    def keep(self, image: ImageFile, pixels: NDArray[np.uint8]) -> None:
        """Cache the pixels of an image, shape `(height, width, 3)`: in memory up to the limit."""
        self._keep_in_memory(image, pixels)
        if self._on_disk and not self._on_disk.has(image.sha256):
            self._on_disk.write(image.sha256, pixels)

    def _read_cached(self, image: ImageFile) -> NDArray[np.uint8] | None:
        """Return the pixels of an image that are cached on disk only; `None` if they are not."""
        pixels = self._on_disk.read(image.sha256) if self._on_disk else None
        if pixels is not None:
            self._keep_in_memory(image, pixels)
        return pixels

    def _keep_in_memory(self, image: ImageFile, pixels: NDArray[np.uint8]) -> None:
        with _LOCK:  # threads decode: two of them would take the last place
            if len(self._cached) < self.max_images and not self.has(image):
                self._cached[image.sha256] = pixels.copy()


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


@without_autograph
def make_batches(
    images: Sequence[ImageFile],
    cache: ImageCache,
    *,
    batch_size: int,
    shuffle_seed: int | None = None,
    epochs: Iterator[int] | None = None,
    errors: ReadErrors,
) -> tf.data.Dataset:
    """Decode images in parallel and batch them.

    Args:
        images: The images of a set.
        cache: Reads the files, at its image size.
        batch_size: Images in a batch; the last one may hold fewer.
        shuffle_seed: Seed of the order, which changes from pass to pass and is the same in every
            process; `None` keeps the order of `images`.
        epochs: The epoch, counted from 0, whose order each pass has; by default 0, 1, 2 and so on.
        errors: Receives the errors of images that cannot be read, which TensorFlow would hide.

    Returns:
        Batches `(images, labels)`: `float32` `(batch, height, width, 3)` in `[0, 255]`, and
        `int32` `(batch,)`.
    """
    count = len(images)
    reader = _Reader(images, cache, errors)
    order = tf.data.Dataset.range(count)
    if shuffle_seed is not None:
        order = _shuffled(count, shuffle_seed, epochs or itertools.count())
    # TensorFlow allocates a whole batch, even if there are fewer images.
    size = min(batch_size, count)
    calls = (reader.is_cached, reader.cached, reader.read, reader.keep)
    is_cached, cached, read, keep = (register(each) for each in calls)
    chunks = _read_chunks(order.batch(_chunk_size(images, batch_size)), read)
    to_float = partial(_to_float, labels=tf.constant([image.label for image in images], tf.int32))
    cached_batches = _cached_batches(order.batch(size), cached, cache.image_size)
    # Not behind `flat_map`: in the thread of a `prefetch`, it takes twice the time to begin a pass.
    from_cache = cached_batches.map(to_float).prefetch(PREFETCH_BATCHES)
    decoded = _decoded_batches(chunks, size, keep, reader)
    from_files = decoded.map(to_float).prefetch(PREFETCH_BATCHES)

    def one_pass(_: Any) -> tf.data.Dataset:
        passes = tf.ensure_shape(tf.numpy_function(call, [is_cached], tf.int64), [])
        return from_cache.repeat(passes).concatenate(from_files.repeat(1 - passes))

    batches = tf.data.Dataset.range(1).flat_map(one_pass).apply(_of_length(-(-count // size)))
    return keep_alive(_not_autotuned(batches), calls, order)


@dataclass(frozen=True, eq=False)
class _Reader:
    """Reads the images of a set by their positions; tf.data calls the methods."""

    images: Sequence[ImageFile]
    cache: ImageCache
    errors: ReadErrors

    @cached_property
    def plans(self) -> list[Plan | None]:
        """How the images are decoded; `None`, which is first, by Python."""
        size = self.cache.image_size
        return [None, *{find_plan(image.plain_jpeg, size) for image in self.images} - {None}]

    def is_cached(self) -> np.int64:
        """Return 1 if the pixels of all images are cached, else 0."""
        return np.int64(all(map(self.cache.has, self.images)))

    def cached(self, positions: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the pixels of cached images, shape `(n, height, width, 3)`."""
        return self.cache.stack([self.images[each] for each in positions])

    def read(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.object_], NDArray[np.int32]]:
        """Return what each image is decoded from, and how; see `decode_native`."""
        try:
            found = [self.cache.read(self.images[each]) for each in positions]
        except ValueError as error:
            self.errors.append(error)
            raise
        contents = np.array([content for content, _ in found], np.object_)
        return contents, np.array([self.plans.index(plan) for _, plan in found], np.int32)

    def keep(self, positions: NDArray[np.int64], pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Cache the pixels of decoded images; return their positions."""
        for position, each in zip(positions, pixels, strict=True):
            self.cache.keep(self.images[position], each)
        return positions


def _chunk_size(images: Sequence[ImageFile], batch_size: int) -> int:
    """Return how many files one call of Python reads: many small ones, or a few large ones."""
    mean_bytes = sum(image.size for image in images) // len(images) + 1
    return max(1, min(batch_size, MAX_CHUNK_FILES, MAX_CHUNK_BYTES // mean_bytes))


def _cached_batches(
    positions: tf.data.Dataset, cached: int, image_size: ImageSize
) -> tf.data.Dataset:
    """Return batches of positions and pixels, all from the cache."""

    def read(batch: Any) -> tuple[Any, Any]:
        pixels = tf.numpy_function(call, [cached, batch], tf.uint8)
        return batch, tf.ensure_shape(pixels, (None, *image_size, 3))

    return positions.map(read, num_parallel_calls=_PARALLEL_CALLS)


def _read_chunks(positions: tf.data.Dataset, read: int) -> tf.data.Dataset:
    """Return positions, and what each image is decoded from and how; see `decode_native`."""

    def read_chunk(chunk: Any) -> tuple[Any, Any, Any]:
        found = tf.numpy_function(call, [read, chunk], (tf.string, tf.int32))
        contents, plans = (tf.ensure_shape(each, [None]) for each in found)
        return chunk, contents, plans

    return positions.map(read_chunk, num_parallel_calls=_PARALLEL_CALLS).unbatch()


def _decoded_batches(
    contents: tf.data.Dataset, batch_size: int, keep: int, reader: _Reader
) -> tf.data.Dataset:
    """Return batches of positions and pixels, decoded in parallel, without a call for each."""
    plans, image_size = reader.plans, reader.cache.image_size

    def decode(position: Any, content: Any, plan: Any) -> tuple[Any, Any]:
        return position, decode_native(content, plan, plans, image_size)

    def keep_pixels(positions: Any, pixels: Any) -> tuple[Any, Any]:
        kept = tf.numpy_function(call, [keep, positions, pixels], tf.int64)
        return tf.ensure_shape(kept, [None]), pixels

    decoded = contents.map(decode, num_parallel_calls=_PARALLEL_CALLS)
    return decoded.batch(batch_size).map(keep_pixels)


def _not_autotuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return a data set whose passes end as soon as their last batch is used.

    AUTOTUNE, which nothing here needs, has a thread that looks 10, 30, 70, 150 ms and so on after
    the beginning, in steps that double. Many a pass ends only when it looks next, so that it can
    take twice as long (TensorFlow 2.21).
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _of_length(count: int) -> Callable[[tf.data.Dataset], tf.data.Dataset]:
    """Return what gives a data set a length that TensorFlow does not know."""
    length: Callable[[tf.data.Dataset], tf.data.Dataset] = tf.data.experimental.assert_cardinality(
        count
    )
    return length


def _to_float(positions: Any, images: Any, *, labels: Any) -> tuple[Any, Any]:
    return tf.cast(images, tf.float32), tf.gather(labels, positions)


def _shuffled(count: int, seed: int, epochs: Iterator[int]) -> tf.data.Dataset:
    """Return the positions `0 .. count - 1`, in a new order on every pass.

    The order depends on `seed` only, while `Dataset.shuffle` also uses TensorFlow's global seed.
    """

    def draw() -> NDArray[np.int64]:
        return shuffled(count, seed, next(epochs))

    number = register(draw)

    def positions(_: Any) -> tf.data.Dataset:
        order = tf.ensure_shape(tf.numpy_function(call, [number], tf.int64), [count])
        return tf.data.Dataset.from_tensor_slices(order)

    one_pass = tf.data.Dataset.range(1).flat_map(positions)
    return keep_alive(one_pass.apply(_of_length(count)), draw)
