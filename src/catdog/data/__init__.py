"""Pictures: look at them, load, divide and serve them."""

from catdog.data._datasets import Datasets
from catdog.data._load import load_datasets
from catdog.data._report import Finding, ScanReport
from catdog.data._scan import scan_images

__all__ = ["Datasets", "Finding", "ScanReport", "load_datasets", "scan_images"]
