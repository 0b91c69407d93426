"""The accuracies that catdog measured after training models on `cats_and_dogs_filtered`.

`measured.json` is made of the records in `docs/results`, by `docs/make_tables.py`.
"""

import json
from pathlib import Path

from catdog._utils.errors import FileAccessError
from catdog.models.bundled import REINSTALL_HINT
from catdog.models.spec import MeasuredAccuracy

PATH = Path(__file__).with_name("measured.json")


def measured_accuracy(name: str) -> MeasuredAccuracy:
    """Read the accuracy of a variant.

    Raises:
        OSError: If the file is missing or damaged.
    """
    try:
        figures = json.loads(PATH.read_bytes())[name]
        return MeasuredAccuracy(**figures | {"interval": tuple(figures["interval"])})
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise FileAccessError(
            f"Cannot read {PATH}, a part of catdog: {error!r}", hint=REINSTALL_HINT
        ) from error
