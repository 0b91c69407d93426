"""MkDocs hook: writes the tables that are generated."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import result_tables as results
from cells import accuracies, code, judged, table
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

import catdog
from catdog.models.pretrained import FOLDER as PRETRAINED
from catdog.models.transfer import BACKBONES, Scaling

# The others have the names of their records.
SCRIPTS = {"posts": "examples/reproduce_posts.py", "compact_again": "tools/ship_weights.py"}


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the generated tables where a page asks for them."""
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


def shipped_table() -> str:
    """Return the cards of the weights that come with the package, as a table."""
    head = ["Weights of", "Accuracy", "Calibration error", "Learned from", "CPU time", "Command"]
    rows = []
    for name in catdog.list_models():
        if catdog.model_spec(name).shipped is None:
            continue
        card = json.loads((PRETRAINED / f"{name}.json").read_text("utf-8"))
        trained = card["trained"]
        rows.append(
            [
                code(name),
                judged(card["evaluated"]),
                f"{card['judged']['calibration_error']:.1%}",
                f"{trained['images']:,} images, {trained['settings']['epochs']} epochs",
                f"{trained['cpu_seconds'] / 3600:.1f} h",
                f"`{card['command']}`",
            ]
        )
    return table(head, rows)


def backbones_table() -> str:
    """Return the table of the networks on which `transfer` can stand."""
    head = ["`backbone=`", "Default size", "Smallest", "Parameters", "Features", "Pixels become"]
    scalings: dict[Scaling, str] = {
        "none": "what it makes of them itself",
        "tf": "-1 to 1",
        "torch": "mean 0, deviation 1 over ImageNet",
        "caffe": "blue, green, red, less the mean of ImageNet",
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
    """Return the figures that a script wrote, or say how to make them."""
    if not path.is_file():
        script = SCRIPTS.get(path.stem, f"benchmarks/{path.stem}.py")
        raise PluginError(f"{path} is missing. Make it with {script}; its --help says how.")
    record: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return record


FROM_PACKAGE: dict[str, Callable[[], str]] = {
    "<!-- models -->": models_table,
    "<!-- backbones -->": backbones_table,
    "<!-- shipped -->": shipped_table,
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
