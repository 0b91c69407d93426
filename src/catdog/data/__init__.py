"""Pictures: load, divide and serve them."""

from catdog.data._datasets import Datasets
from catdog.data._load import load_datasets

__all__ = ["Datasets", "load_datasets"]
