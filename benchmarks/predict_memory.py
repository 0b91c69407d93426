"""Compare the peak memory of `predict` on many photos and on more; `run.py` measures its time.

    python benchmarks/predict_memory.py --out docs/results/predict_memory.json

The real images are not downloaded: if they are not in the cache of Keras, nothing is measured.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness import STATUS, Record, ask_python, new_record, peak_mib, write_record
from sides import REAL_IMAGES, link_photos, predict_with_catdog

from catdog._utils.keras_cache import cached_path

MODEL = "cnn"
MANY, MORE = 2000, 5000  # LiteRT runs the model for 1000 images or more
RUNS = 2  # processes for each number of images; the highest peak counts
ALLOWANCE = 64  # MiB; the peak may grow by this much


def measure_memory(scratch: Path) -> Record:
    """Compare the peak memory of processes that predict on many images and on more."""
    peaks = {}
    for count in (MANY, MORE):
        folder = str(scratch / str(count))
        link_photos(folder, str(count), "flat")
        peaks[count] = max(ask_python(__file__, "--predict", folder) for _ in range(RUNS))
    met = peaks[MORE] - peaks[MANY] <= ALLOWANCE
    print(f"memory, {MODEL}, MiB; the highest of {RUNS} peaks")
    for count, peak in peaks.items():
        print(f"  {count:6} photos  {peak:6}")
    verdict = "met" if met else "NOT MET"
    print(f"  {peaks[MORE] - peaks[MANY]} more; at most {ALLOWANCE}: {verdict}")
    return {"model": MODEL, "unit": "MiB", "peaks": peaks, "allowance": ALLOWANCE, "met": met}


def predict_and_report(folder: str) -> None:
    """Predict on a folder; print the peak memory."""
    predict_with_catdog(folder, MODEL)["cold"]()
    print(json.dumps(peak_mib()))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    parser.add_argument("--predict", help=argparse.SUPPRESS)  # internal
    options = parser.parse_args(arguments)
    if options.predict:
        predict_and_report(options.predict)
        return
    if not cached_path(f"datasets/{REAL_IMAGES}").is_dir():
        sys.exit(f"{REAL_IMAGES} is not in Keras' cache. load_datasets() downloads it.")
    if not STATUS.exists():
        sys.exit(f"The peak memory is read from {STATUS}, which Linux has.")
    record = new_record()
    with tempfile.TemporaryDirectory() as scratch:
        write_record({**record, "results": measure_memory(Path(scratch))}, options.out)


if __name__ == "__main__":
    main()
