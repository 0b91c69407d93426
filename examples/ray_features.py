"""Extract features in several processes with Ray, train a head on them, and predict.

    pip install ".[ray]"
    python examples/ray_features.py --data my_images --out my_features
    python examples/ray_features.py --data my_images --out my_features   # again: goes on

The script starts Ray on this machine and stops it. Processes write their features to files in the
folder `features`, which are kept: what is there is not computed again. Stop the script, or kill one
of its processes, at any time. At the end, the script checks that each image is there exactly once.
`predictions` holds a CSV file for each block of images.
"""

import argparse
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import ray

from catdog import (
    BatchFeatureExtractor,
    BatchPredictor,
    Features,
    build_model,
    load_features,
    save_model,
    train_head,
)

IMAGES_PER_FILE = 256
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def list_images(folder: Path) -> list[dict[str, str]]:
    """Return the path and the class of each image in the class folders of a folder."""
    paths = sorted(path for path in folder.glob("*/**/*") if path.suffix.lower() in SUFFIXES)
    return [{"path": str(path), "label": path.relative_to(folder).parts[0]} for path in paths]


def as_dataset(rows: list[dict[str, str]], images_per_file: int) -> ray.data.Dataset:
    """Return the images in blocks, which are the same in each run."""
    return ray.data.from_items(rows, override_num_blocks=-(-len(rows) // images_per_file))


def extract(images: ray.data.Dataset, model: Path, out: Path, workers: int) -> Features:
    """Extract the features of all images, and check that each is there exactly once."""
    done = images.map_batches(
        BatchFeatureExtractor,
        fn_constructor_kwargs={"model": str(model), "save_to": str(out / "features")},
        batch_size=None,  # a batch, and so a file, is a block
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=1,
    ).take_all()
    written = {row["file"] for row in done} - {""}  # others are of images that have changed
    features = load_features(out / "features" / name for name in written)
    asked = Counter(row["path"] for row in images.take_all())
    found = Counter([*features.paths, *features.errors])
    if not asked == found == Counter(row["path"] for row in done):
        raise SystemExit("images are missing or doubled: run the script again")
    print(f"{len(found)} images, each exactly once; {len(features.errors)} cannot be read")
    return features


def predict(images: ray.data.Dataset, model: Path, out: Path, workers: int) -> None:
    """Write the predictions for all images to CSV files, in place of those of an earlier run."""
    shutil.rmtree(out / "predictions", ignore_errors=True)
    predictions = images.rename_columns({"label": "true_label"}).map_batches(
        BatchPredictor,
        fn_constructor_kwargs={"model": str(model)},
        batch_size=None,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=1,
    )
    predictions.drop_columns(["probabilities"]).write_csv(str(out / "predictions"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of class folders")
    parser.add_argument("--model", default="mobilenet_v2.linear", help="a name of list_models()")
    parser.add_argument("--image-size", type=int, default=160, help="pixels a side")
    parser.add_argument("--weights", default="imagenet", help="imagenet, or none for a test")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--images-per-file", type=int, default=IMAGES_PER_FILE)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("ray_features_output"))
    options = parser.parse_args(arguments)
    out = options.out.resolve()  # the processes of Ray work in other folders
    out.mkdir(parents=True, exist_ok=True)
    rows = list_images(options.data.resolve())
    size = (options.image_size, options.image_size)
    model = build_model(
        options.model,
        image_size=size,
        num_classes=len({row["label"] for row in rows}),
        weights=None if options.weights == "none" else options.weights,
        seed=0,
    )
    save_model(model, out / "backbone.keras")
    ray.init(num_cpus=options.workers + 1, include_dashboard=False)  # one to write predictions
    try:
        images = as_dataset(rows, options.images_per_file)
        features = extract(images, out / "backbone.keras", out, options.workers).split(seed=0)
        print(features)
        train_head(model, features, epochs=options.epochs)
        save_model(model, out / "model.keras")
        predict(images, out / "model.keras", out, options.workers)
    finally:
        ray.shutdown()
    print(f"wrote {out / 'model.keras'}, and predictions for {len(rows)} images")


if __name__ == "__main__":
    main()
