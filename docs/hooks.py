"""MkDocs hook: insert the generated tables into the pages."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import result_tables as results
from cells import accuracies, accuracy, code, table
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

import catdog
from catdog.models.pretrained import FOLDER as PRETRAINED
from catdog.models.transfer import BACKBONES, Scaling

# The scripts whose names differ from those of their records.
SCRIPTS = {"posts": "examples/reproduce_posts.py", "compact_again": "tools/ship_weights.py"}


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace the markers of a page by the generated tables."""
    for marker, table_of_package in FROM_PACKAGE.items():
        if marker in markdown:
            markdown = markdown.replace(marker, table_of_package())
    for marker, (name, table_of_record) in FROM_RECORDS.items():
        if marker in markdown:
            record = read_record(Path(config.docs_dir) / "results" / f"{name}.json")
            markdown = markdown.replace(marker, table_of_record(record))
    return markdown


def models_table() -> str:
    """Return the table of the zoo's models, from their specs."""
    head = ["Model", "Layers after the input", "Parameters (trainable)", "Default weights"]
    rows = []
    for name in catdog.list_models():
        spec = catdog.model_spec(name)
        count = f"{spec.num_params:,} ({spec.num_trainable_params:,})"
        rows.append([code(name), spec.summary, count, spec.weights, accuracies(spec)])
    return table([*head, "The post reports, or catdog measured"], rows)


def pretrained_table() -> str:
    """Return the records of the bundled weights, as a table."""
    head = ["Weights of", "Accuracy", "Calibration error", "Training data", "CPU time", "Command"]
    rows = []
    for name in catdog.list_models():
        if catdog.model_spec(name).pretrained is None:
            continue
        record = json.loads((PRETRAINED / f"{name}.json").read_text("utf-8"))
        trained = record["trained"]
        rows.append(
            [
                code(name),
                accuracy(record["evaluated"]),
                f"{record['evaluated']['calibration_error']:.1%}",
                f"{trained['images']:,} images, {trained['settings']['epochs']} epochs",
                f"{trained['cpu_seconds'] / 3600:.1f} h",
                f"`{record['command']}`",
            ]
        )
    return table(head, rows)


def backbones_table() -> str:
    """Return the table of the backbones of `transfer`."""
    head = ["`backbone=`", "Default size", "Smallest", "Parameters", "Features", "Pixels become"]
    scalings: dict[Scaling, str] = {
        "none": "scaled by the backbone",
        "tf": "-1 to 1",
        "torch": "mean 0, standard deviation 1 over ImageNet",
        "caffe": "blue, green, red, minus the mean of ImageNet",
    }
    rows = [
        [
            code(name),
            str(backbone.side),
            str(backbone.min_side),
            f"{backbone.num_params:,}",
            f"{backbone.num_features:,}",
            scalings[backbone.scaling],
        ]
        for name, backbone in BACKBONES.items()
    ]
    return table(head, rows)


def read_record(path: Path) -> dict[str, Any]:
    """Return the record that a script wrote; the error for a missing one names the script."""
    if not path.is_file():
        script = SCRIPTS.get(path.stem, f"benchmarks/{path.stem}.py")
        raise PluginError(f"{path} is missing. Make it with {script}; its --help says how.")
    record: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return record


FROM_PACKAGE: dict[str, Callable[[], str]] = {
    "<!-- models -->": models_table,
    "<!-- backbones -->": backbones_table,
    "<!-- pretrained -->": pretrained_table,
}
FROM_RECORDS: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "<!-- posts-results -->": ("posts", results.posts_results),
    "<!-- dead-units -->": ("dead_units", results.dead_units),
    "<!-- train-head -->": ("train_head", results.train_head),
    "<!-- loading-scan -->": ("loading", results.loading_scan),
    "<!-- loading-memory -->": ("loading", results.loading_memory),
    "<!-- frozen-pass -->": ("frozen_pass", results.frozen_pass),
    "<!-- flip-average -->": ("flip_average", results.flip_average),
    "<!-- against-keras -->": ("against_keras", results.against_keras),
    "<!-- prediction -->": ("prediction", results.prediction),
    "<!-- compact-again -->": ("compact_again", results.compact_again),
    "<!-- compact-speed -->": ("compact_speed", results.compact_speed),
}
