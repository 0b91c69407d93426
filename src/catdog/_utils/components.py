"""Connected components, as the number of the component of each item."""

import numpy as np
from numpy.typing import NDArray


def connect(components: NDArray[np.intp], items: NDArray[np.intp]) -> None:
    """Give all items of the components of some items the lowest of their numbers, in place.

    Args:
        components: The number of the component of each item, shape `(n,)`. If no items are
            connected yet, these are the numbers from 0.
        items: Positions of the items to connect.
    """
    of_items = components[items]
    if (of_items != of_items[0]).any():  # else there is nothing to do, as for most of many copies
        numbers = np.unique(of_items)
        components[np.isin(components, numbers)] = numbers[0]
