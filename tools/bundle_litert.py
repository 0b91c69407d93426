"""Export bundled models to LiteRT, so that `catdog predict` runs them without TensorFlow.

    python tools/bundle_litert.py

Run it after `tools/bundle_weights.py`. `export_model` checks each file against `predict`; a test
compares the committed file with the weights. It holds float32: with weights of half the size
(float16), a probability of the 1000 evaluated photos differed by 2.2e-3, beyond the 1e-3 that is
promised; so by 8.5e-7.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from catdog import build_model, export_model
from catdog.inference.litert_file import SUFFIX
from catdog.models.bundled import EXPORTS, FOLDER


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--out", type=Path, default=FOLDER, help="where to write the files (default: the package)"
    )
    out = parser.parse_args(arguments).out
    for name in EXPORTS:
        export_model(build_model(name, weights="cats_vs_dogs"), out / f"{name}{SUFFIX}")


if __name__ == "__main__":
    main()
