"""Let Pillow use the memory of an image again for the next one.

By default Pillow gives the memory of every image back to the system. To get new memory costs the
system up to a third of the time of reading a photo. Pillow's documentation describes the pool
("Block allocator"); only how much it keeps is set here, not what images become.
"""

import os

from PIL import _imaging

MAX_BLOCKS = 8  # that are kept, of at most 16 MiB each
_SETTING_OF_USER = "PILLOW_BLOCKS_MAX"  # Pillow reads it when it is imported


def keep_freed_memory() -> None:
    """Let Pillow keep up to `MAX_BLOCKS` blocks, unless the user has chosen a number."""
    # Pillow calls this function, which is not public, for the environment variable (11.0 to 13.0).
    if _SETTING_OF_USER not in os.environ and _imaging.get_blocks_max() == 0:
        _imaging.set_blocks_max(MAX_BLOCKS)
