"""Pictures: load, divide and serve them."""

from catdog.data._load import Datasets, load_datasets

__all__ = ["Datasets", "load_datasets"]
