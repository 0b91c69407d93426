"""What a user of Ray does, with processes that are killed at the worst moments.

    python ray_user.py IMAGES MODEL OUT

Features are extracted twice into one folder, and predictions are made. In the first run of each,
two processes kill themselves: one before it computes a batch, one after it has written the file but
before Ray gets the rows. OUT/found.json says what was found.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import ray
from pyarrow import parquet

from catdog import BatchFeatureExtractor, BatchPredictor, load_features


def die_once(out: Path, moment: str) -> None:
    """Kill this process, unless one has died at this moment."""
    try:
        (out / moment).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


class DyingExtractor(BatchFeatureExtractor):
    """Dies twice in its second batch."""

    def __init__(self, model: str, save_to: str, out: Path) -> None:
        super().__init__(model, save_to=save_to)
        self.out, self.calls = out, 0

    def __call__(self, batch: Any) -> Any:
        self.calls += 1
        if self.calls == 2:
            die_once(self.out, "extractor.before")
        rows = super().__call__(batch)
        if self.calls == 2:
            die_once(self.out, "extractor.after")
        return rows


class DyingPredictor(BatchPredictor):
    """Dies once in its second batch."""

    def __init__(self, model: str, out: Path) -> None:
        super().__init__(model)
        self.out, self.calls = out, 0

    def __call__(self, batch: Any) -> Any:
        self.calls += 1
        rows = super().__call__(batch)
        if self.calls == 2:
            die_once(self.out, "predictor.after")
        return rows


def main(folder: Path, model: str, out: Path) -> None:
    """Run the script."""
    paths = sorted(map(str, folder.glob("*/*")))
    images = ray.data.from_items(
        [{"path": path, "label": Path(path).parent.name} for path in paths],
        override_num_blocks=8,
    )
    pool = ray.data.ActorPoolStrategy(size=2)
    arguments = {"model": model, "save_to": str(out / "features"), "out": out}
    runs, files = [], []
    for _ in range(2):
        rows = images.map_batches(
            DyingExtractor, fn_constructor_kwargs=arguments, batch_size=None, compute=pool
        ).take_all()
        runs.append(sorted(row["path"] for row in rows))
        written = sorted((out / "features").iterdir())
        files.append([[file.name, file.stat().st_mtime_ns] for file in written])
    features = load_features(out / "features")
    np.savez(out / "features.npz", values=features.values)
    predictions = images.rename_columns({"label": "true_label"}).map_batches(
        DyingPredictor,
        fn_constructor_kwargs={"model": model, "out": out},
        batch_size=None,
        compute=pool,
    )
    predictions.write_parquet(str(out / "predictions"))
    read = parquet.read_table(out / "predictions").to_pylist()
    found = {
        "runs": runs,
        "files": files,
        "died": sorted(path.name for path in out.glob("*or.*")),
        "paths": features.paths,
        "errors": sorted(features.errors),
        "labels": [] if features.labels is None else features.labels.tolist(),
        "predictions": sorted([row["path"], row["label"], row["probability"]] for row in read),
    }
    (out / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
    try:
        main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    finally:
        ray.shutdown()
