"""Let the C library keep freed memory for the next image.

glibc gives the memory of large buffers back to the system when they are freed. To get it again
costs the system up to half as much time as decoding a photo. What counts as large is the size of
the largest such buffer so far, up to 32 MiB ("dynamic mmap threshold" in mallopt(3)). So one large
buffer is freed before the first image is read. It is never written to, and so costs nothing. Where
the environment variables of glibc set this size, and with other C libraries, nothing changes.
"""

from functools import cache

import numpy as np

_BUFFER = 31 * 2**20  # bytes; glibc would ignore one of 32 MiB


@cache
def keep_freed_memory() -> None:
    """Let glibc keep up to twice 31 MiB of freed memory in each of its arenas."""
    np.empty(_BUFFER, np.uint8)  # freed at once
