"""Measure what the leak check and the near-duplicate finder see, on clean and on leaking images.

    python benchmarks/leaks.py --sets SETS --out docs/results/leaks.json

`--sets` is a folder with `signdigits` (photos of hand signs of 150 persons, and a table of the
persons, `groups_inferred.csv`) and `flowerpot_burst` (80 frames of one object).

- sets: on each set of images, the head of `mobilenet_v2.linear` is trained by `train_head`, and
  `evaluate`, `check_leaks` and `find_near_duplicates` are called. The drawn bursts are 60 animals
  in 20 frames each, which differ by a small crop, rotation, brightness and noise.
- flowerpot: the frames among photos of cats and dogs: how many of the neighbouring frames are found
- warnings: of random samples of each set, the share in which the curve warns
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from harness import Record, new_record, write_record
from PIL import Image, ImageEnhance

from catdog import (
    Datasets,
    build_model,
    check_leaks,
    evaluate,
    find_near_duplicates,
    load_datasets,
    train_head,
)
from catdog.data.synthetic import draw_face
from catdog.evaluation.backbone_features import extract_splits
from catdog.evaluation.held_out import held_out_levels
from catdog.evaluation.leak_report import LeakReport
from catdog.evaluation.metrics import fisher_p_value
from catdog.evaluation.out_of_fold import as_vectors
from catdog.evaluation.similarity_limit import near_duplicate_limit
from catdog.matching import resize_to_model
from catdog.training.frozen import split_frozen
from catdog.typing import SPLITS

MODEL = "mobilenet_v2.linear"
ANIMALS, FRAMES = 60, 20
BY_ANIMAL = r"(animal\d+)_"
FLOWERPOT_AMONG = 400  # photos of cats and dogs


def draw_bursts(folder: Path) -> Path:
    """Draw animals in several frames each, and return the folder."""
    rng = np.random.default_rng(0)
    for animal in range(ANIMALS):
        kind = ("cat", "dog")[animal % 2]
        face = draw_face(kind, np.random.default_rng([0, animal]))  # type: ignore[arg-type]
        place = folder / f"{kind}s"
        place.mkdir(parents=True, exist_ok=True)
        for frame in range(FRAMES):
            name = f"animal{animal:02}_{frame:02}.jpg"
            jittered(face, rng).save(place / name, quality=90)
    return folder


def jittered(face: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a drawing, cropped, rotated and brightened a little, with noise."""
    width, height = face.size
    left, top, right, bottom = rng.integers(0, 9, 4).tolist()
    image = face.crop((left, top, width - right, height - bottom)).resize(face.size)
    image = image.rotate(float(rng.uniform(-4, 4)), Image.Resampling.BILINEAR)
    image = ImageEnhance.Brightness(image).enhance(float(rng.uniform(0.9, 1.1)))
    noisy = np.asarray(image, np.float32) + rng.normal(0, 4, (height, width, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def measure(name: str, data: Datasets, cache_dir: str) -> Record:
    """Train, evaluate and check one set of images."""
    model = build_model(MODEL, num_classes=len(data.class_names), seed=0)
    train_head(model, data, cache_dir=cache_dir, verbose=0)
    result = evaluate(model, data, verbose=0)
    check_leaks(model, data, cache_dir=cache_dir, verbose=0)  # extracts the features of all images
    begin = time.perf_counter()
    report = check_leaks(model, data, cache_dir=cache_dir, verbose=0)
    seconds = time.perf_counter() - begin
    found = find_near_duplicates(model, data, cache_dir=cache_dir, verbose=0)
    print(f"\n{name}: test {result.accuracy:.1%}\n{report}\n{found!r}\n{seconds:.1f} s", flush=True)
    return {
        "set": name,
        "grouped": data.groups("test") is not None,
        "n": result.n,
        "right": int(result.correct.sum()),
        "accuracy": result.accuracy,
        "interval": list(result.interval),
        "leaks": report.to_dict(),
        "leaks_seconds": round(seconds, 2),
        "near_duplicates": {
            "n": found.n,
            "similarity": found.similarity,
            "n_pairs": found.n_pairs,
            "clusters": len(found.clusters),
            "n_in_two_splits": found.n_in_two_splits,
            "n_in_two_classes": found.n_in_two_classes,
        },
    }


def by_animal(data: Datasets, cache_dir: str) -> Record:
    """Return how many of the near duplicates of the drawn bursts are frames of one animal."""
    found = find_near_duplicates(build_model(MODEL, seed=0), data, cache_dir=cache_dir, verbose=0)
    names = [[path.name.split("_")[0] for path in pair.paths] for pair in found.pairs]
    true = sum(first == second for first, second in names)
    return {
        "pairs": ANIMALS * FRAMES * (FRAMES - 1) // 2,
        "found": true,
        "false": len(names) - true,
    }


def flowerpot(sets: Path, folder: Path) -> Record:
    """Return how many neighbouring frames of one object are found among other photos."""
    frames = sorted((sets / "flowerpot_burst" / "flowerpot").glob("*.jpg"))
    others = load_datasets("cats_and_dogs_filtered").paths("train")
    step = len(others) // FLOWERPOT_AMONG
    for label, paths in {"flowerpot": frames, "others": others[::step][:FLOWERPOT_AMONG]}.items():
        (folder / label).mkdir()
        for path in paths:
            (folder / label / f"{path.parent.name}_{path.name}").write_bytes(path.read_bytes())
    found = find_near_duplicates(
        build_model(MODEL, seed=0), load_datasets(folder, near_duplicates="ignore"), verbose=0
    )
    inside = [pair for pair in found.pairs if pair.labels == ("flowerpot", "flowerpot")]
    place = {f"{path.parent.name}_{path.name}": number for number, path in enumerate(frames)}
    places = [sorted(place[path.name] for path in pair.paths) for pair in inside]
    row = {
        "frames": len(frames),
        "others": FLOWERPOT_AMONG,
        "neighbours": len(frames) - 1,
        "neighbours_found": sum(second - first == 1 for first, second in places),
        "frames_with_a_partner": len({number for pair in places for number in pair}),
        "pairs_with_or_of_others": found.n_pairs - len(inside),
    }
    print(row, flush=True)
    return row


def warning_rate(data: Datasets, sample: int, draws: int, cache_dir: str) -> Record:
    """Return in how many random samples of images, or of whole animals, the curve warns."""
    model = build_model(MODEL, num_classes=len(data.class_names), seed=0)
    resized = resize_to_model(model, data)
    parts = split_frozen(model, "the benchmark")
    features = extract_splits(parts, resized, SPLITS, cache_dir=cache_dir, verbose=0)
    vectors = np.concatenate(features)
    labels = np.concatenate([data.labels(split) for split in SPLITS])
    names = [path.name for split in SPLITS for path in data.paths(split)]
    is_burst = all(name.startswith("animal") for name in names)
    keys = np.array([name.split("_")[0] if is_burst else str(i) for i, name in enumerate(names)])
    count, warned = sample // FRAMES if is_burst else sample, 0
    for seed in range(draws):
        drawn = np.random.default_rng(seed).choice(np.unique(keys), count, replace=False)
        chosen = np.flatnonzero(np.isin(keys, drawn))
        contents = chosen.tolist()
        centred = as_vectors(vectors[chosen])
        limit = near_duplicate_limit(centred, labels[chosen])
        levels = held_out_levels(centred, labels[chosen], contents, {}, limit=limit, seed=seed)
        warned += bool(LeakReport("test", (), tuple(levels), len(chosen), limit).warnings)
    return {"images": sample, "draws": draws, "warned": warned}


def load_all(sets: Path, bursts: Path) -> dict[str, Datasets]:
    """Load the sets, those with groups without and with them.

    Without groups, nothing but duplicates stays together: the leaks are to be seen.
    """
    by_file = partial(load_datasets, near_duplicates="ignore")
    signs = sets / "signdigits"
    persons = signs / "groups_inferred.csv"
    return {
        "cats_and_dogs_filtered": by_file("cats_and_dogs_filtered"),
        "synthetic": by_file("synthetic"),
        "signdigits": by_file(signs),
        "signdigits, by person": load_datasets(signs, group_by=persons),
        "drawn bursts": by_file(bursts),
        "drawn bursts, near duplicates together": load_datasets(bursts),
        "drawn bursts, by animal": load_datasets(bursts, group_by=BY_ANIMAL),
    }


def difference(rows: Sequence[Record], name: str, grouped: str) -> Record:
    """Return Fisher's exact test of a set without groups against the set with groups."""
    first, second = (next(row for row in rows if row["set"] == each) for each in (name, grouped))
    counts = (first["right"], first["n"], second["right"], second["n"])
    return {"sets": [name, grouped], "p_value": fisher_p_value(*counts)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", type=Path, help="folder of signdigits and flowerpot_burst")
    parser.add_argument("--draws", type=int, default=10, help="random samples of each set")
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    options = parser.parse_args(arguments)
    if options.sets is None:
        parser.error("--sets is needed")
    record: dict[str, Any] = new_record(model=MODEL, animals=ANIMALS, frames=FRAMES)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        cache_dir = str(folder / "features")
        data = load_all(options.sets, draw_bursts(folder / "bursts"))
        rows = [measure(name, each, cache_dir) for name, each in data.items()]
        record["rows"] = rows
        record["differences"] = [
            difference(rows, name, name + by)
            for name, by in (("signdigits", ", by person"), ("drawn bursts", ", by animal"))
        ]
        record["by_animal"] = by_animal(data["drawn bursts"], cache_dir)
        (folder / "flowerpot").mkdir()
        record["flowerpot"] = flowerpot(options.sets, folder / "flowerpot")
        for name, sample in {
            "cats_and_dogs_filtered": 300,
            "synthetic": 300,
            "signdigits": 400,
            "drawn bursts": 400,
        }.items():
            rate = {"set": name, **warning_rate(data[name], sample, options.draws, cache_dir)}
            record.setdefault("warnings", []).append(rate)
            print(rate, flush=True)
            write_record(record, options.out)


if __name__ == "__main__":
    main()
