"""Write files into folders of images."""

from pathlib import Path


def add(folder: Path, name: str, content: bytes) -> Path:
    """Write a file into a folder, and create the folders between."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
