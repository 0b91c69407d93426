"""What a report says about the data and the model, as plain values."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import keras

from catdog._utils.text import printable
from catdog.data.datasets import Datasets
from catdog.data.findings import MEANING, relative_name
from catdog.matching import hash_training_images, resize_as_predicted
from catdog.models.metadata import get_metadata, get_model_name
from catdog.typing import SPLITS

MAX_FILES = 10  # named of each finding


def describe_data(data: Datasets) -> dict[str, Any]:
    """Return counts, groups, corrections and findings of the images, ready for `json.dump`.

    `folder` is the whole path.
    """
    counts = {split: data.label_counts(split) for split in SPLITS}
    sizes = {split: sum(by_class.values()) for split, by_class in counts.items()}
    groups = {split: data.groups(split) for split in SPLITS}
    scan = data.report
    return {
        "folder": str(scan.folder),
        "class_names": list(data.class_names),
        "counts": counts,
        "sizes": sizes,
        "class_sizes": {
            name: sum(by_class[name] for by_class in counts.values()) for name in data.class_names
        },
        "n": sum(sizes.values()),
        "seed": data.seed,
        "split_folders": list(scan.splits),
        "groups": {split: len({*named}) for split, named in groups.items() if named is not None}
        or None,
        "n_files": scan.n_files,
        "n_unusable": len({finding.path for finding in scan.bad}),
        "findings": _findings(data),
        "bursts": asdict(scan.bursts) | {"text": str(scan.bursts)} if scan.bursts else None,
    }


def _findings(data: Datasets) -> list[dict[str, Any]]:
    """Return each kind of finding with its number of files, and the names of the first ones."""
    scan = data.report
    numbers = Counter(finding.reason for finding in scan.findings)
    return [
        {
            "reason": reason,
            "meaning": meaning,
            "bad": next(each.bad for each in scan.findings if each.reason == reason),
            "n": numbers[reason],
            "files": [
                relative_name(each.path, scan.folder)
                for each in scan.findings
                if each.reason == reason
            ][:MAX_FILES],
        }
        for reason, meaning in MEANING.items()
        if numbers[reason]
    ]


def describe_model(model: keras.Model, data: Datasets) -> dict[str, Any]:
    """Return what is known about a model, ready for `json.dump`."""
    metadata = get_metadata(model)
    split = metadata.split if metadata else None
    trained_here = None
    if metadata and metadata.train_sha256:
        trained_here = metadata.train_sha256 == hash_training_images(data)
    return {
        "name": printable(get_model_name(model) or ""),
        "class_names": list(metadata.class_names if metadata else data.class_names),
        "image_size": list(resize_as_predicted(model, data).image_size),
        "n_parameters": model.count_params(),
        "n_trainable": sum(weight.numpy().size for weight in model.trainable_weights),
        "weight_bytes": sum(weight.numpy().nbytes for weight in model.weights),
        "n_layers": len(model.layers),
        "temperature": metadata.temperature if metadata else None,
        "trained_on": split and {"seed": split.seed, "sizes": dict(split.counts)},
        "trained_on_these_data": trained_here,
        "corrections": dict(metadata.corrections) if metadata else {},
        "versions": dict(metadata.versions) if metadata else {},
    }
