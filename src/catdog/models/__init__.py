"""The model zoo: registry, architectures, pretrained weights, metadata, saved files."""
