"""Folders of labelled images: layout, scan, split, `Datasets` and their batches."""
